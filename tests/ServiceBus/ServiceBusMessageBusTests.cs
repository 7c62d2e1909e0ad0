using Serverless.Cloud;
using Serverless.Core.Messaging;
using Serverless.Tests.Messaging;

namespace Serverless.Tests.ServiceBus;

/// <summary>
/// The contract, with the clock that it has: locks and windows are as short as the service allows, and time passes by waiting for it.
/// </summary>
public sealed class ServiceBusMessageBusTests : MessageBusContract, IAsyncDisposable
{
    private readonly ServiceBusMessageBus real;
    private readonly OwnEntities bus;

    public ServiceBusMessageBusTests()
    {
        // The emulator's messages and its administration are at different ports.
        var connection = Environment.GetEnvironmentVariable("EXP_TEST_SERVICEBUS")
            ?? throw new InvalidOperationException(
                "set EXP_TEST_SERVICEBUS to the emulator's connection string, " +
                "Endpoint=sb://localhost;SharedAccessKeyName=…;SharedAccessKey=…;UseDevelopmentEmulator=true;");
        var administration = Environment.GetEnvironmentVariable("EXP_TEST_SERVICEBUS_ADMINISTRATION")
            ?? connection.Replace("sb://localhost;", "sb://localhost:5300;", StringComparison.Ordinal);
        real = new(connection);
        bus = new(real, new(administration), LockLength, DuplicateWindow);
    }

    protected override IMessageBus Bus => bus;
    protected override TimeSpan LockLength => TimeSpan.FromSeconds(5);
    protected override TimeSpan DuplicateWindow => TimeSpan.FromSeconds(20);

    protected override Task Pass(TimeSpan time) => Task.Delay(time, TimeProvider.System, Cancel);

    public async ValueTask DisposeAsync()
    {
        await bus.DisposeAsync();
        await real.DisposeAsync();
    }
}
