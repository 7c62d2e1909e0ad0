namespace Serverless.Core.Telemetry;

/// <summary>
/// Where the numbers of each room's log events begin; a hundred a room. A number keeps its meaning:
/// filters and alerts name it. All of them are in docs/logging.md.
/// </summary>
public static class LogEvents
{
    public const int Storage = 1000, Messaging = 1100, Access = 1200, Runs = 1300, Submit = 1400, Events = 1500, Triggers = 1600,
        Notifications = 1700, Deletion = 1800;
    public const int Hosting = 2000, Http = 2100;
    public const int Agent = 3000, Collect = 3100, Execute = 3200, Prepare = 3300;
    public const int Up = 4000;
}
