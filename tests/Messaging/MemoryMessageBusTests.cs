using Microsoft.Extensions.Time.Testing;
using Serverless.Core.Messaging;
using Serverless.Tests.Support;

namespace Serverless.Tests.Messaging;

/// <summary>The double that other tests use must not promise less, or more, than a real bus.</summary>
public sealed class MemoryMessageBusTests : MessageBusContract
{
    private readonly FakeTimeProvider time = new();
    private readonly MemoryMessageBus bus;

    public MemoryMessageBusTests() => bus = new(time, LockLength);

    protected override IMessageBus Bus => bus;
    protected override TimeSpan LockLength => TimeSpan.FromSeconds(30);
    protected override TimeSpan DuplicateWindow => TimeSpan.FromMinutes(10);

    protected override Task Pass(TimeSpan time)
    {
        this.time.Advance(time);
        return Task.CompletedTask;
    }
}
