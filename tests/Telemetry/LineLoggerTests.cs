using System.Diagnostics;
using System.Text.Json;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core.Telemetry;

namespace Serverless.Tests.Telemetry;

public sealed partial class LineLoggerTests
{
    private readonly FakeTimeProvider time = new(new(2030, 1, 2, 10, 41, 7, TimeSpan.Zero));
    private readonly List<(LogLevel Level, string Text)> lines = [];

    [Fact]
    public void Text_IsALineWithTimeLevelAndSource()
    {
        var log = Provider(LogFormat.Text, "cpu-1").CreateLogger("Serverless.Core.Runs");
        Ended(log, "01A", "succeeded");
        Failed(log, new InvalidOperationException("a bug"), "01B");

        Assert.Equal("10:41:07 cpu-1: run 01A succeeded", lines[0].Text);
        Assert.StartsWith("10:41:07 cpu-1: error: run 01B failed: System.InvalidOperationException: a bug", lines[1].Text, StringComparison.Ordinal);
        Assert.Equal([LogLevel.Information, LogLevel.Error], lines.Select(line => line.Level));
    }

    [Fact]
    public void Json_HasTheEventItsValuesAndTheTrace_WhateverTheyContain()
    {
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Tracing.SourceName,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);
        using var span = Tracing.Start("submit", parent: null);
        Ended(Provider(LogFormat.Json, "cpu-1").CreateLogger("Serverless.Core.Runs"), "a\"b\n\ud83d", "succeeded");

        var line = Assert.Single(lines).Text;
        Assert.DoesNotContain('\n', line);
        var read = JsonElement.Parse(line);
        Assert.Equal("2030-01-02T10:41:07+00:00", read.GetProperty("time").GetString());
        Assert.Equal(("information", 7, "cpu-1"),
            (read.GetProperty("level").GetString(), read.GetProperty("event").GetInt32(), read.GetProperty("source").GetString()));
        Assert.StartsWith("a\"b\n", read.GetProperty("values").GetProperty("run").GetString(), StringComparison.Ordinal);
        Assert.Equal(span!.TraceId.ToHexString(), read.GetProperty("trace").GetString());
    }

    [Theory]
    [InlineData(LogLevel.Information, "Serverless.Core.Runs", LogLevel.Information, true)]
    [InlineData(LogLevel.Information, "Serverless.Core.Runs", LogLevel.Debug, false)]
    [InlineData(LogLevel.Debug, "Microsoft.AspNetCore.Routing", LogLevel.Information, false)]
    [InlineData(LogLevel.Information, "Microsoft.AspNetCore.Server", LogLevel.Warning, true)]
    [InlineData(LogLevel.Error, "Microsoft.AspNetCore.Server", LogLevel.Warning, false)]
    public void Level_LeavesOutWhatIsBelowIt_AndTheFrameworksOwnDetails(LogLevel least, string category, LogLevel level, bool written)
    {
        using var provider = new LineLoggerProvider((_, _) => { }, time, least);
        Assert.Equal(written, provider.CreateLogger(category).IsEnabled(level));
    }

    [Fact]
    public void Span_ContinuesTheTraceOfAnotherProcess_AndIsNotMadeWhenNobodyListens()
    {
        const string There = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        var before = Tracing.Start("attempt", There);
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == Tracing.SourceName,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
        };
        ActivitySource.AddActivityListener(listener);
        using var span = Tracing.Start("attempt", There);
        using var unknown = Tracing.Start("attempt", "nonsense");

        Assert.Null(before);
        Assert.Equal("0af7651916cd43dd8448eb211c80319c", span!.TraceId.ToHexString());
        Assert.Equal("b7ad6b7169203331", span.ParentSpanId.ToHexString());
        Assert.NotNull(unknown);
    }

    private LineLoggerProvider Provider(LogFormat format, string source) =>
        new((level, line) => lines.Add((level, line)), time, LogLevel.Information, format, source);

    [LoggerMessage(7, LogLevel.Information, "run {Run} {State}")]
    private static partial void Ended(ILogger log, string run, string state);

    [LoggerMessage(8, LogLevel.Error, "run {Run} failed")]
    private static partial void Failed(ILogger log, Exception fault, string run);
}
