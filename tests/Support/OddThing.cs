using System.Diagnostics;

namespace Serverless.Tests.Support;

/// <summary>What may stand at a path where a file or a folder belongs.</summary>
public enum OddThing
{
    File,
    EmptyFolder,
    DanglingLink,
    LinkElsewhere,
    Pipe,
    Device,
}

static class OddThings
{
    /// <summary>Puts one at a path, with the folders above it.</summary>
    /// <param name="elsewhere">An empty folder that links lead to: to it where a folder belongs, else to a file in it that is not there.</param>
    public static void Put(this OddThing thing, string path, string elsewhere, bool isFolder)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        switch (thing)
        {
            case OddThing.File:
                File.WriteAllText(path, "");
                break;
            case OddThing.EmptyFolder:
                Directory.CreateDirectory(path);
                break;
            case OddThing.DanglingLink:
                File.CreateSymbolicLink(path, Path.Combine(elsewhere, "none", "none"));
                break;
            case OddThing.LinkElsewhere:
                File.CreateSymbolicLink(path, isFolder ? elsewhere : Path.Combine(elsewhere, "file"));
                break;
            case OddThing.Pipe:
                Do("mkfifo", path);
                break;
            case OddThing.Device when Environment.UserName == "root":
                Do("mknod", path, "c", "1", "3");
                break;
            case OddThing.Device:
                File.CreateSymbolicLink(path, "/dev/null");
                break;
        }
    }

    private static void Do(string program, params string[] args)
    {
        using var process = Process.Start(program, args);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
