using Serverless.Tests.Support;

/// <summary>
/// Runs before Main in a process whose DOTNET_STARTUP_HOOKS names this assembly, and does not come back when the process is a child of a test.
/// (A module initializer would do for code on one thread only: until it returns, every other thread that touches the assembly waits for it.)
/// </summary>
static class StartupHook
{
    public static void Initialize() => BusChild.BeOne();
}
