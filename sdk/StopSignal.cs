using System.Runtime.InteropServices;

namespace Serverless;

/// <summary>
/// Turns SIGTERM (outside the platform also Ctrl-C) into a token, once somebody has asked for it. Code that never asks ends at once, as any process
/// does, but not before what is waiting is written: .NET itself leaves that out since version 10. A second Ctrl-C always ends the process.
/// </summary>
internal sealed class StopSignal : IDisposable
{
    private const int SigtermExitCode = Run.StoppedExitCode, SigintExitCode = 130;

    private readonly CancellationTokenSource source = new();
    private readonly List<PosixSignalRegistration> registrations = [];
    private readonly bool interactive;
    private volatile bool asked;

    public StopSignal(bool interactive)
    {
        this.interactive = interactive;
        registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop));
        if (interactive) registrations.Add(PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop));
    }

    public CancellationToken Token
    {
        get
        {
            asked = true;
            return source.Token;
        }
    }

    public void Dispose()
    {
        registrations.ForEach(r => r.Dispose());
        source.Dispose();
    }

    private void Stop(PosixSignalContext context)
    {
        if (!asked || (interactive && source.IsCancellationRequested))
        {
            Environment.Exit(context.Signal == PosixSignal.SIGINT ? SigintExitCode : SigtermExitCode);
        }

        context.Cancel = true;
        if (interactive) Console.Error.WriteLine("stopping at the next step; once more to end at once");
        source.Cancel();
    }
}
