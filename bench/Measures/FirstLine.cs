using System.Diagnostics;
using System.Globalization;

namespace Serverless.Bench.Measures;

/// <summary>
/// From sending the submission to the first line of user code, whose snapshot has been compiled before. One run at a time, on an idle platform.
/// </summary>
sealed class FirstLine : IMeasure
{
    public string Name => "first-line";
    public string What => "submission over HTTP → first line of compiled user code";

    public async Task<IReadOnlyList<Row>> Run(Bench bench, CancellationToken cancel)
    {
        var platform = await bench.Up(workers: 1, cancel);
        return
        [
            new("submission → first line", "ms", await Submitted(bench, platform.Api, "tiny.cs", cancel), Row.P95,
                new("start of `dotnet app.dll` → first line", await Bare(bench, cancel)), new(150)),
            new("submission → first line, TorchSharp used after it", "ms", await Submitted(bench, platform.Api, "tensor.cs", cancel), Row.P95),
        ];
    }

    private static async Task<Samples> Submitted(Bench bench, Api api, string script, CancellationToken cancel)
    {
        var snapshot = await Scripts.Put(api, script, cancel);
        var times = new List<double>();
        for (var i = -3; i < bench.Times(40, 2); i++)
        {
            var began = Stopwatch.GetTimestamp();
            var run = await api.Submit(Api.Spec(snapshot, script, new { i }), cancel);
            await api.UntilEnded(run, TimeSpan.FromMilliseconds(100), cancel);
            var first = long.Parse(await api.Log(run, cancel), CultureInfo.InvariantCulture);
            if (i >= 0) times.Add(Stopwatch.GetElapsedTime(began, first).TotalMilliseconds);

            // As somebody who looks at a result before trying the next thing; a spare runner may get ready meanwhile.
            await Task.Delay(TimeSpan.FromSeconds(1), bench.Time, cancel);
        }

        return new(times);
    }

    private static async Task<Samples> Bare(Bench bench, CancellationToken cancel)
    {
        var times = new List<double>();
        for (var i = 0; i < bench.Times(20, 2); i++)
        {
            var began = Stopwatch.GetTimestamp();
            using var process = Process.Start(Children.StartInfo("tiny"))!;
            var first = long.Parse(await process.StandardOutput.ReadToEndAsync(cancel), CultureInfo.InvariantCulture);
            await process.WaitForExitAsync(cancel);
            times.Add(Stopwatch.GetElapsedTime(began, first).TotalMilliseconds);
        }

        return new(times);
    }
}
