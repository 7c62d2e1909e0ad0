using Serverless.Bench;

namespace Serverless.Tests.Demo;

public sealed class FiguresTests
{
    [Theory]
    [InlineData("4.8e12\t3.1")]
    [InlineData("-1\t3.1")]
    [InlineData("0\t3.1")]
    [InlineData("NaN\t3.1")]
    [InlineData("∞\t3.1")]
    [InlineData("6.4\t3.1")]
    [InlineData("6.0")]
    [InlineData("")]
    public void CpuTime_ThatTwoCoresCannotHaveGiven_IsAnError(string line) =>
        Assert.Throws<ImpossibleFigureException>(() => CpuTime.Read(line, cores: 2));

    [Fact]
    public void CpuTime_OfBothCores_IsRead() => Assert.Equal(6.2, CpuTime.Read("6.2\t3.1\n", cores: 2));

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    [InlineData(0)]
    [InlineData(-1)]
    public void ASample_ThatCannotBeRight_IsAnError(double sample) => Assert.Throws<ImpossibleFigureException>(() => new Samples([1, sample, 2]));

    [Fact]
    public void NoSample_IsAnError() => Assert.Throws<ImpossibleFigureException>(() => new Samples([]));

    [Fact]
    public void ADifference_MayBeNegative() => Assert.Equal(-1, new Samples([-1, -1, 2], difference: true).Median);
}
