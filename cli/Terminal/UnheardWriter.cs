using System.Text;

namespace Serverless.Cli.Terminal;

/// <summary>
/// What is said to people on standard error. That nobody can hear it, because it is closed or its disk is full, changes nothing of what a command has
/// done, nor its exit code.
/// </summary>
sealed class UnheardWriter(TextWriter to) : TextWriter
{
    public override Encoding Encoding => to.Encoding;

    public override void Write(char value) => Try(() => to.Write(value));

    public override void Write(string? value) => Try(() => to.Write(value));

    public override void Write(char[] buffer, int index, int count) => Try(() => to.Write(buffer, index, count));

    public override void Flush() => Try(to.Flush);

    private static void Try(Action write)
    {
        try
        {
            write();
        }
        catch (Exception unheard) when (unheard is IOException or UnauthorizedAccessException or ObjectDisposedException)
        {
            // There is nowhere else to say it.
        }
    }
}
