using Serverless.Core.Messaging;

namespace Serverless.Tests.Messaging;

public sealed class MessageLimitsTests
{
    [Fact]
    public void AnId_HasOneTo128Characters()
    {
        MessageLimits.Check(new("x", "{}"));
        MessageLimits.Check(new(new('x', 128), "{}"));
        Assert.StartsWith("a message id has 1 to 128 characters, '' has 0", Said(() => MessageLimits.Check(new("", "{}"))), StringComparison.Ordinal);
        Assert.Contains("has 129", Said(() => MessageLimits.Check(new(new('x', 129), "{}"))), StringComparison.Ordinal);
    }

    [Fact]
    public void ABody_HasAtMost64KiBOfUtf8()
    {
        MessageLimits.Check(new("x", new('é', 32 * 1024)));
        Assert.StartsWith("the body of message x has 65538 bytes, 65536 are allowed",
            Said(() => MessageLimits.Check(new("x", new('é', 32 * 1024 + 1)))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("runs-cpu", false, true)]
    [InlineData("A1", false, true)]
    [InlineData("events/reports", false, false)]
    [InlineData("events/reports", true, true)]
    [InlineData("a/b/c", true, false)]
    [InlineData("", true, false)]
    [InlineData("events/", true, false)]
    [InlineData("/reports", true, false)]
    [InlineData("under_score", false, false)]
    [InlineData("é", false, false)]
    [InlineData("good/bad one", true, false)]
    public void AName_IsOfLettersDigitsAndHyphens(string name, bool subscription, bool isOne)
    {
        if (isOne)
        {
            MessageLimits.CheckName(name, "queue", subscription);
            return;
        }

        Assert.Equal($"'{name}': names of queues, topics and subscriptions are 1 to 100 letters, digits and '-' (Parameter 'queue')",
            Said(() => MessageLimits.CheckName(name, "queue", subscription)));
    }

    [Fact]
    public void AName_HasAtMost100Characters()
    {
        MessageLimits.CheckName(new('x', 100), "queue");
        Assert.Throws<ArgumentException>(() => MessageLimits.CheckName(new('x', 101), "queue"));
    }

    /// <summary>Three times in the length of a lock, whatever the clocks say.</summary>
    [Theory]
    [InlineData(30, 10)]
    [InlineData(15, 5)]
    [InlineData(3600, 10)]
    [InlineData(0.15, 0.1)]
    [InlineData(-3600, 0.1)]
    public void ALock_IsRenewedThreeTimesInItsLength(double seconds, double every)
    {
        var now = DateTimeOffset.UnixEpoch;
        Assert.Equal(TimeSpan.FromSeconds(every), new ReceivedMessage("q", new("x", "{}"), "l", 1, now.AddSeconds(seconds)).RenewEvery(now));
    }

    private static string Said(Action act) => Assert.Throws<ArgumentException>(act).Message;
}
