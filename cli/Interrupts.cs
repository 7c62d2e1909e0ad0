using System.Runtime.InteropServices;

namespace Serverless.Cli;

/// <summary>
/// Ctrl-C, SIGTERM and a closed terminal. The first asks to end, the second to hurry, the third ends the process as the system would.
/// </summary>
sealed class Interrupts : IDisposable
{
    private readonly CancellationTokenSource first = new(), second = new();
    private readonly PosixSignalRegistration[] registrations;

    public Interrupts() =>
        registrations = [.. new[] { PosixSignal.SIGINT, PosixSignal.SIGTERM,
            PosixSignal.SIGHUP }.Select(signal => PosixSignalRegistration.Create(signal, Heard))];

    public CancellationToken First => first.Token;
    public CancellationToken Second => second.Token;

    public void Dispose()
    {
        foreach (var registration in registrations) registration.Dispose();
        first.Dispose();
        second.Dispose();
    }

    private void Heard(PosixSignalContext signal)
    {
        if (second.IsCancellationRequested) return;
        signal.Cancel = true;
        (first.IsCancellationRequested ? second : first).Cancel();
    }
}
