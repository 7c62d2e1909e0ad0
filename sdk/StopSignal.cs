using System.Runtime.InteropServices;

namespace Serverless;

/// <summary>
/// Turns SIGTERM (outside the platform also Ctrl-C) into a token. It listens from the moment that somebody asks for the token: code that never looks keeps the
/// system's behaviour and ends at once. A second Ctrl-C ends the process at once too.
/// </summary>
internal sealed class StopSignal : IDisposable
{
    private readonly CancellationTokenSource source = new();
    private readonly List<PosixSignalRegistration> registrations = [];
    private readonly bool tell;

    public StopSignal(bool interactive)
    {
        tell = interactive;
        registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop));
        if (interactive) registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop));
    }

    public CancellationToken Token => source.Token;

    public void Dispose()
    {
        registrations.ForEach(r => r.Dispose());
        source.Dispose();
    }

    private void Stop(PosixSignalContext context)
    {
        if (source.IsCancellationRequested && tell) return;
        context.Cancel = true;
        if (tell) Console.Error.WriteLine("stopping at the next step; once more to end at once");
        source.Cancel();
    }
}
