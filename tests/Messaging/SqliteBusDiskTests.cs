using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Tests.Support;

namespace Serverless.Tests.Messaging;

/// <summary>The bus on a small disk of its own: full, and read-only for a while.</summary>
public sealed class SqliteBusDiskTests
{
    [Fact]
    public async Task AFullDisk_SaysSo_AndTheBusGoesOnWhenThereIsRoom() => await SmallDisk.Run<FillDisk>();

    [Fact]
    public async Task AReadOnlyDisk_SaysSo_AndTheBusGoesOnWhenItIsNoLonger() => await SmallDisk.Run<MakeReadOnly>();

    private sealed class FillDisk : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            SmallDisk.Mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", args[0]);
            using var bus = Open(args[0]);
            await bus.Send("runs-cpu", new("before", "{}"));
            SmallDisk.Fill(Path.Combine(args[0], "filling"));
            var full = await Assert.ThrowsAsync<BusUnavailableException>(async () =>
            {
                for (var i = 0; i < 10_000; i++) await bus.Send("runs-cpu", new($"m{i}", new string('x', 1000)));
            });
            Assert.Contains("full", full.Message, StringComparison.Ordinal);

            // A process that starts on it is no better off, nor worse.
            using var another = Open(args[0]);
            await Assert.ThrowsAsync<BusUnavailableException>(async () =>
            {
                for (var i = 0; i < 10_000; i++) await another.Send("runs-cpu", new($"n{i}", new string('x', 1000)));
            });
            File.Delete(Path.Combine(args[0], "filling"));
            await bus.Send("runs-cpu", new("after", "{}"));
            Assert.Equal("before", (await another.Receive("runs-cpu", TimeSpan.Zero))?.Message.Id);
            return 0;
        }
    }

    private sealed class MakeReadOnly : IChildProgram
    {
        public static async Task<int> Run(string[] args)
        {
            SmallDisk.Mount("-t", "tmpfs", "-o", "size=4m", "tmpfs", args[0]);
            using (var bus = Open(args[0])) await bus.Send("runs-cpu", new("before", "{}"));
            SmallDisk.Mount("-o", "remount,ro", args[0]);
            using var reopened = Open(args[0]);
            var refused = await Assert.ThrowsAsync<BusUnavailableException>(() => reopened.Send("runs-cpu", new("during", "{}")));
            Assert.Contains("writ", refused.Message, StringComparison.Ordinal);
            SmallDisk.Mount("-o", "remount,rw", args[0]);
            Assert.Equal("before", (await reopened.Receive("runs-cpu", TimeSpan.Zero))?.Message.Id);
            return 0;
        }
    }

    private static SqliteMessageBus Open(string disk) =>
        new(Path.Combine(disk, "bus", "bus.db"), TimeProvider.System, new SystemIds(TimeProvider.System));
}
