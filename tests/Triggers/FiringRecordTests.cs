using System.Text.Json;
using Serverless.Core;
using Serverless.Core.Triggers;

namespace Serverless.Tests.Triggers;

/// <summary>Records that are stored, and answers of the API, keep their names whatever the types in the code are called.</summary>
public sealed class FiringRecordTests
{
    [Fact]
    public void AFiring_IsStoredAndListed_WithItsEventUnderCause()
    {
        var firing = new Firing("0123456789abcdef0123456789abcdef", "after", "g1", new TriggerEvent.RunEnd("01ABC"), ["after"],
            DateTimeOffset.UnixEpoch, FiringOutcome.Submitted);

        var stored = JsonSerializer.SerializeToElement(firing, CoreJson.Options);
        var listed = JsonSerializer.SerializeToElement(FiringSummary.Of(firing), CoreJson.Options);

        Assert.Equal("01ABC", stored.GetProperty("cause").GetProperty("run").GetString());
        Assert.Equal(firing.Event, stored.Deserialize<Firing>(CoreJson.Options)!.Event);
        Assert.Equal("run 01ABC", listed.GetProperty("cause").GetString());
    }
}
