namespace Serverless.Tests; public class Skeleton { [Fact] public void Runs() => Assert.True(true); }
