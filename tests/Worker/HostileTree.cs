using System.Runtime.InteropServices;
using System.Text;
using Serverless.Tests.Runs;

namespace Serverless.Tests.Worker;

/// <summary>
/// What the worst code leaves in its output folder, made by chance from a seed: pipes, links, names that are no text, files that become folders and
/// back, holes, depth, headers that lie. Names are few, so that one thing often takes the place of another.
/// </summary>
sealed class HostileTree(string output, string treasure, int seed)
{
    private static readonly string[] Folders = ["a", "b", "best", "ä"];

    private static readonly byte[][] Names =
    [
        .. new[] { "a", "b", "best", "ä", "w.safetensors", "with space", "-n", "tab\tname", "back\\slash", ".hidden", "\uFFFD", new('n', 200),
            new('n', 201), new('n', 255) }.Select(Encoding.UTF8.GetBytes),
        [0xff, 0xfe], [(byte)'a', 0xc3],
    ];

    private readonly Random random = new(seed);

    /// <summary>One change below one of the folders.</summary>
    public void Change(params string[] below)
    {
        var place = Place(below[random.Next(below.Length)]);
        switch (random.Next(16))
        {
            case 0:
                mkfifo(place, Mode("644"));
                break;
            case 1:
                Link(place, "/dev/zero");
                break;
            case 2:
                Link(place, treasure);
                break;
            case 3:
                Link(place, random.Next(2) == 0 ? "." : Path.Combine(treasure, "gold"));
                break;
            case 4:
                Replace(place, () => mkdir(place, Mode("755")));
                break;
            case 5:
                Replace(place, () => Write(place, random.Next(3) == 0 ? Header() : Some()));
                break;
            case 6:
                _ = unlink(place);
                _ = rmdir(place);
                break;
            case 7:
                rename(place, Place(below[random.Next(below.Length)]));
                break;
            case 8:
                Hole(place, random.Next(3) == 0 ? 1L << 41 : 1L << 20);
                break;
            case 9:
                chmod(place, Mode(random.Next(2) == 0 ? "000" : "700"));
                break;
            case 10 when random.Next(4) == 0:
                Deep(place);
                break;
            case 11 when random.Next(10) == 0:
                for (var i = 0; i < 300; i++) Write([.. place[..^1], .. Encoding.UTF8.GetBytes($"-{i}\0")], Some());
                break;
            case 12:
                Append(place);
                break;
            default:
                Write(place, Some());
                break;
        }
    }

    /// <summary>A folder of a checkpoint, of which something may be odd.</summary>
    public void Checkpoint()
    {
        var folder = Path.Combine(output, "checkpoints", (random.Next(4) == 0 ? "0" : "") + random.Next(1, 9));
        var path = Text(folder);
        if (random.Next(8) == 0)
        {
            if (random.Next(2) == 0) Link(path, treasure);
            else mkfifo(path, Mode("644"));
            return;
        }

        mkdir(path, Mode("755"));
        var info = Text(Path.Combine(folder, "checkpoint.json"));
        switch (random.Next(8))
        {
            case 0:
                mkfifo(info, Mode("644"));
                break;
            case 1:
                Link(info, "/dev/zero");
                break;
            case 2:
                Write(info, Encoding.UTF8.GetBytes(new string('[', 5000)));
                break;
            case 3:
                Write(info, Encoding.UTF8.GetBytes("""{"step":-1,"metricsBytes":-9223372036854775808,"metrics":null,"marker":7}"""));
                break;
            case 4:
                Hole(info, 1L << 41);
                break;
            case 5:
                Write(info, Encoding.UTF8.GetBytes(
                    $$$"""{"step":1,"metricsBytes":9223372036854775807,"marker":"m","metrics":{"{{{new string('m', 2000)}}}":1,"loss":"NaN"}}"""));
                break;
        }

        Write(Text(Path.Combine(folder, "model.safetensors")), random.Next(2) == 0 ? Header() : Some());
        for (var more = random.Next(4); more > 0; more--) Change($"checkpoints/{Path.GetFileName(folder)}");
    }

    private byte[] Place(string below)
    {
        var path = new StringBuilder(Path.Combine(output, below));
        for (var depth = random.Next(4); depth > 0; depth--)
        {
            path.Append('/').Append(Folders[random.Next(Folders.Length)]);

            // Through no link: what lies behind one belongs to somebody else, who is watched for changes.
            if (new DirectoryInfo(path.ToString()).LinkTarget is not null) return Text(path.ToString());
            mkdir(Text(path.ToString()), Mode("755"));
        }

        return [.. Encoding.UTF8.GetBytes(path.ToString()), (byte)'/', .. Names[random.Next(Names.Length)], 0];
    }

    private void Replace(byte[] place, Action make)
    {
        if (unlink(place) != 0 && rmdir(place) != 0) rename(place, Text(Path.Combine(output, $".aside-{random.Next(1000)}")));
        make();
    }

    private void Link(byte[] place, string target) => Replace(place, () => symlink(Text(target), place));

    // Ends that go back, overlap, overflow, are missing, and headers that are longer than the file or than memory.
    private byte[] Header()
    {
        long[] ends = [0, -1, 8, long.MinValue, long.MaxValue, 1L << 40, random.Next(100_000)];
        var tensors = Enumerable.Range(0, random.Next(1, 6)).Select(
            i => $"\"t{i}\":{{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[{ends[random.Next(ends.Length)]},{ends[random.Next(ends.Length)]}]}}");
        var json = random.Next(6) switch
        {
            0 => "[1,2,3]",
            1 => "{\"a\":{\"data_offsets\":7}}",
            2 => "{\"a\":{\"data_offsets\":[0,1e300]},\"b\":null,\"__metadata__\":[]}",
            _ => $"{{{string.Join(',', tensors)}}}",
        };
        var text = Encoding.UTF8.GetBytes(json);
        long[] lengths = [text.Length, text.Length, text.Length, 0, -1, long.MaxValue, 16 << 20, 1];
        return [.. BitConverter.GetBytes(lengths[random.Next(lengths.Length)]), .. text, .. Some()];
    }

    private byte[] Some()
    {
        var bytes = new byte[random.Next(5) == 0 ? random.Next(200_000) : random.Next(100)];
        random.NextBytes(bytes);
        return bytes;
    }

    private void Deep(byte[] place)
    {
        var at = place[..^1];
        for (var depth = random.Next(2) == 0 ? 40 : 700; depth > 0 && at.Length < 4000; depth--)
        {
            at = [.. at, (byte)'/', (byte)'d'];
            mkdir([.. at, 0], Mode("755"));
        }

        Write([.. at, .. "/bottom\0"u8], Some());
    }

    private void Append(byte[] place)
    {
        var path = Encoding.UTF8.GetString(place[..^1]);
        if (new FileInfo(path) is not { Exists: true, LinkTarget: null } file || !IsPlain(file)) return;
        using var stream = file.Open(FileMode.Append);
        stream.Write(Some());
    }

    private static void Hole(byte[] place, long length)
    {
        var path = Encoding.UTF8.GetString(place[..^1]);
        if (Path.Exists(path) || new FileInfo(path).LinkTarget is not null) return;
        Write(place, []);
        if (!File.Exists(path)) return;
        using var file = File.OpenWrite(path);
        file.SetLength(length);
    }

    // Over a pipe or a link nothing is written: the one would wait, the other lead elsewhere.
    private static void Write(byte[] place, byte[] content)
    {
        var file = open(place, Write1 | Create | Truncate | NoFollow | DoNotWait, Mode("644"));
        if (file < 0) return;
        using var handle = new Microsoft.Win32.SafeHandles.SafeFileHandle(file, ownsHandle: true);
        try
        {
            RandomAccess.Write(handle, content, 0);
        }
        catch (Exception kind) when (kind is IOException or NotSupportedException)
        {
        }
    }

    private static bool IsPlain(FileInfo file) => Core.Storage.Plain.PlainFile.Problem(file.FullName) is null;

    private static byte[] Text(string path) => Encoding.UTF8.GetBytes(path + "\0");

    private static uint Mode(string octal) => Convert.ToUInt32(octal, 8);

    private static readonly int NoFollow = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 0x8000 : 0x20000;
    private const int Write1 = 1, Create = 0x40, Truncate = 0x200, DoNotWait = 0x800;

    [DllImport("libc")]
    private static extern void mkfifo(byte[] path, uint mode);

    [DllImport("libc")]
    private static extern void mkdir(byte[] path, uint mode);

    [DllImport("libc")]
    private static extern int rmdir(byte[] path);

    [DllImport("libc")]
    private static extern int unlink(byte[] path);

    [DllImport("libc")]
    private static extern void symlink(byte[] target, byte[] path);

    [DllImport("libc")]
    private static extern void rename(byte[] from, byte[] to);

    [DllImport("libc")]
    private static extern void chmod(byte[] path, uint mode);

    [DllImport("libc")]
    private static extern int open(byte[] path, int flags, uint mode);
}
