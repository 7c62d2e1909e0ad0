using Serverless.Tests.Support;

namespace Serverless.Tests.Sdk;

public sealed class LibTorchTests
{
    [Fact]
    public async Task WorkerOutput_OnThisMachine_LoadsLibtorchAndComputes()
    {
        using var folder = new SdkRunFolder();
        var outcome = await folder.Run(SdkProgram.Of("Console.WriteLine((ones(2, 3) * 7).sum().item<float>());"));
        Assert.Equal("42\n", outcome.Succeeded().Output);
    }

    [Fact]
    public void WorkerOutput_DiffersFromThePackageInNothingButTheWeakFlag()
    {
        if (!OperatingSystem.IsLinux()) Assert.Skip("the library is changed on Linux only");
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
            ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var version = typeof(TorchSharp.torch).Assembly.GetName().Version!.ToString(3);
        var original = File.ReadAllBytes(Path.Combine(packages, "torchsharp", version, "runtimes", "linux-x64", "native", "libLibTorchSharp.so"));
        var shipped = File.ReadAllBytes(Path.Combine(SdkProgram.WorkerOutput, "libLibTorchSharp.so"));

        Assert.Equal(original.Length, shipped.Length);
        var changed = Enumerable.Range(0, original.Length).Where(i => original[i] != shipped[i]).ToList();
        if (SystemHasNewLibStdCxx())
        {
            Assert.Empty(changed);
            return;
        }

        const byte Weak = 2;
        Assert.Equal((0, Weak), (original[Assert.Single(changed)], shipped[changed[0]]));
    }

    [Fact]
    public async Task RunWithoutTensors_LoadsNoLibtorch()
    {
        using var folder = new SdkRunFolder();
        var outcome = await folder.Run(SdkProgram.Of("""
            run.Log("a", run.Param("lr", 0.5) + run.Random.NextDouble() + run.Shuffle(10, 0)[0], 1);
            File.WriteAllText(run.Artifact("x.txt"), run.StopRequested.ToString());
            Run.Shutdown();
            Console.WriteLine(File.ReadAllText("/proc/self/maps").Contains("libtorch"));
            """));
        Assert.Equal("False\n", outcome.Succeeded().Output);
    }

    private static bool SystemHasNewLibStdCxx() =>
        new[] { "/usr/lib", "/usr/lib64" }.Where(Directory.Exists)
            .SelectMany(
                folder => Directory.GetFiles(folder, "libstdc++.so.6")
                    .Concat(Directory.GetDirectories(folder, "*-linux-gnu").SelectMany(d => Directory.GetFiles(d, "libstdc++.so.6"))))
            .Any(file => File.ReadAllBytes(file).AsSpan().IndexOf("GLIBCXX_3.4.32"u8) >= 0);
}
