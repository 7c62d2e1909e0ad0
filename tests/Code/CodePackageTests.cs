using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;
using Serverless.Core.Code;
using Serverless.Core.Triggers;
using Serverless.Tests.Support;

namespace Serverless.Tests.Code;

public sealed class CodePackageTests : IDisposable
{
    private readonly DirectoryInfo folder = Directory.CreateTempSubdirectory("code-");

    public void Dispose() => folder.Delete(recursive: true);

    [Fact]
    public void The_same_files_give_the_same_zip_whenever_and_wherever()
    {
        Write("b.cs", "b");
        Write("a/c.cs", "c");
        var first = Pack(folder.FullName);
        File.SetLastWriteTimeUtc(Path.Combine(folder.FullName, "b.cs"), new(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc));
        var copy = Directory.CreateTempSubdirectory("code-");
        try
        {
            Write("a/c.cs", "c", copy);
            Write("b.cs", "b", copy);
            var second = Pack(copy.FullName);
            Assert.Equal(first.Zip.ToArray(), second.Zip.ToArray());
            Assert.Equal(["a/c.cs", "b.cs"], second.Facts.Files.Select(file => file.Path));
        }
        finally
        {
            copy.Delete(recursive: true);
        }
    }

    [Fact]
    public void The_tree_hash_is_pinned_and_independent_of_packing()
    {
        Write("train.cs", "Console.WriteLine(1);\n");
        Write("lib/a.cs", "");
        var packed = Pack(folder.FullName).Facts;
        var expected = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
            "serverless-tree-1\n"
            + "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 lib/a.cs\n"
            + Convert.ToHexStringLower(SHA256.HashData("Console.WriteLine(1);\n"u8)) + " train.cs\n")));
        Assert.Equal(expected, packed.Tree);

        var other = Zip(("lib/", ""), ("train.cs", "Console.WriteLine(1);\n"), ("lib/a.cs", ""));
        var inspected = Inspect(other);
        Assert.Equal(expected, inspected.Tree);
        Assert.NotEqual(packed.Sha256, inspected.Sha256);
        Assert.Equal(packed.Files, inspected.Files);
    }

    [Fact]
    public void A_package_inspects_as_what_it_was_packed_as()
    {
        Write("train.cs", "x");
        Write("größe/ä b.txt", "y");
        var packed = Pack(folder.FullName);
        var inspected = Inspect(new MemoryStream(packed.Zip.ToArray()));
        Assert.Equal(packed.Facts.Files, inspected.Files);
        Assert.Equal(packed.Facts with { Files = [] }, inspected with { Files = [] });
    }

    [Fact]
    public void Build_output_packages_and_hidden_files_stay_out()
    {
        foreach (var path in (string[])["train.cs", "bin/x.dll", "src/obj/y", ".git/HEAD", ".env", "node_modules/z/i.js", "runs/1/log",
            "__pycache__/m.pyc", "robin/keep.cs", "src/.vs/s", ".venv/p", ".exp/c"])
        {
            Write(path, path);
        }

        Assert.Equal(["robin/keep.cs", "train.cs"], Packed());
    }

    [Fact]
    public void The_ignore_file_excludes_and_takes_back_in()
    {
        Write(".expignore", "# data\n*.csv\n!keep.csv\n/top.txt\nweights/\ndocs/**/*.png\n!bin/\n\n");
        foreach (var path in (string[])["a.csv", "sub/b.csv", "sub/keep.csv", "top.txt", "sub/top.txt", "weights/w", "sub/weights/w", "docs/x/y.png",
            "docs/x.md", "bin/tool", "train.cs"])
        {
            Write(path, path);
        }

        Assert.Equal(["bin/tool", "docs/x.md", "sub/keep.csv", "sub/top.txt", "train.cs"], Packed());
    }

    [Fact]
    public void Include_takes_only_what_matches()
    {
        foreach (var path in (string[])["a.cs", "sub/b.cs", "sub/c.txt", "lib/d.txt", "obj/e.cs"]) Write(path, path);
        Assert.Equal(["a.cs", "sub/b.cs"], Packed("**/*.cs"));
        Assert.Equal(["a.cs", "lib/d.txt", "sub/b.cs"], Packed("*.cs", "lib/"));
        Assert.Equal(["sub/c.txt"], Packed("./sub/[!b].txt"));
        Assert.Equal("code.include: no file matches '*.py', 'x/'; correct or remove it", Refused(() => Packed("*.cs", "*.py", "x/")));
        Assert.Equal("code.include: '[z-a]' is not a pattern: * and ? within a folder, ** across folders, [a-z]", Refused(() => Packed("[z-a]")));
    }

    [Theory]
    [InlineData("bin/helper.sh", "bin/helper.sh")]
    [InlineData("/bin/", "bin/helper.sh bin/lib/x bin/tool")]
    [InlineData("bin/*.sh", "bin/helper.sh")]
    [InlineData("helper.sh bin/tool", "bin/tool helper.sh")]
    [InlineData(".env", ".env sub/.env")]
    [InlineData("./.env", ".env")]
    [InlineData(".github/**/*.yml", ".github/workflows/ci.yml")]
    [InlineData("sub/.*", "sub/.env")]
    [InlineData("**/*.cs", "train.cs")]
    [InlineData("*", "helper.sh sub/plain train.cs")]
    public void Include_takes_what_it_names_even_if_it_would_stay_out(string patterns, string expected)
    {
        foreach (var path in (string[])["train.cs", "helper.sh", "bin/helper.sh", "bin/lib/x", "bin/tool", ".env", "sub/.env", "sub/plain",
            ".github/workflows/ci.yml", ".git/HEAD", "obj/gen.cs"])
        {
            Write(path, path);
        }

        Assert.Equal(expected.Split(' '), Packed(patterns.Split(' ')));
    }

    [Fact]
    public void Include_cannot_name_what_the_ignore_file_excludes()
    {
        Write("train.cs", "x");
        Write("data.csv", "x");
        Write("weights/w.bin", "x");
        Write(".expignore", "*.csv\nweights/\n");
        Assert.Equal(
            "code.include: no file matches 'data.csv', 'weights/w.bin', 'no.txt'; correct or remove it; .expignore excludes what 'data.csv', " +
            "'weights/w.bin' would match",
            Refused(() => Packed("train.cs", "data.csv", "weights/w.bin", "no.txt")));
    }

    [Fact]
    public void Pipes_sockets_and_devices_are_named_and_refused_unless_they_stay_out()
    {
        if (OperatingSystem.IsWindows()) return;
        Write("train.cs", "x");
        MakePipe("p");
        MakePipe("sub/q");
        using var socket = new System.Net.Sockets.Socket(
            System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(Path.Combine(folder.FullName, "s")));
        var refused = Refused(() => Packed());
        Assert.Contains("'p': it is a named pipe", refused, StringComparison.Ordinal);
        Assert.Contains("'sub/q': it is a named pipe", refused, StringComparison.Ordinal);
        Assert.Contains("'s': it is a socket", refused, StringComparison.Ordinal);
        Assert.Equal(
            "'p': it is a named pipe; rename or remove it, or exclude it in .expignore", Refused(() => Pack(Path.Combine(folder.FullName, "p"))));
        Assert.Equal(["train.cs"], Packed("*.cs"));
        Write(".expignore", "p\nq\ns\n");
        Assert.Equal(["train.cs"], Packed());
        File.Delete(Path.Combine(folder.FullName, ".expignore"));
        MakePipe(".expignore");
        Assert.Equal("'.expignore': it is a named pipe", Refused(() => Packed()));
    }

    [Fact]
    public void Names_that_are_not_UTF8_are_named_and_refused_unless_they_stay_out()
    {
        if (OperatingSystem.IsWindows()) return;
        Write("train.cs", "x");
        var script = $"cd '{folder.FullName}' && mkdir $(printf 'caf\\351') && touch $(printf 'caf\\351')/x.py $(printf 'f\\351.py')";
        Shell(script);
        var refused = Refused(() => Packed());
        Assert.Contains("'caf\uFFFD': it is gone, or its name is not UTF-8", refused, StringComparison.Ordinal);
        Assert.Contains("'f\uFFFD.py': it is gone, or its name is not UTF-8", refused, StringComparison.Ordinal);
        Write(".expignore", "caf?\nf?.py\n");
        Assert.Equal(["train.cs"], Packed());
        Shell($"rm -r '{folder.FullName}'/*");

        static void Shell(string script)
        {
            using var shell = System.Diagnostics.Process.Start("sh", ["-c", script]);
            shell.WaitForExit();
        }
    }

    [Fact]
    public void One_file_is_a_package()
    {
        Write("deep/train.cs", "x");
        Assert.Equal("train.cs", Assert.Single(Pack(Path.Combine(folder.FullName, "deep/train.cs")).Facts.Files).Path);
    }

    [Fact]
    public void A_link_within_the_folder_is_followed_and_one_that_leads_out_is_refused()
    {
        if (OperatingSystem.IsWindows()) return;
        Write("src/a.cs", "a");
        File.CreateSymbolicLink(Path.Combine(folder.FullName, "b.cs"), "src/a.cs");
        var files = Pack(folder.FullName).Facts.Files;
        Assert.Equal(["b.cs", "src/a.cs"], files.Select(file => file.Path));
        Assert.Equal(files[1].Sha256, files[0].Sha256);

        File.CreateSymbolicLink(Path.Combine(folder.FullName, "out.txt"), "/etc/hostname");
        Assert.StartsWith("'out.txt' is a link that leads out of the folder", Refused(() => Packed()), StringComparison.Ordinal);
        File.Delete(Path.Combine(folder.FullName, "out.txt"));
        File.CreateSymbolicLink(Path.Combine(folder.FullName, "round.txt"), "round.txt");
        Assert.StartsWith("'round.txt' is a link that leads out of the folder, or to nothing", Refused(() => Packed()), StringComparison.Ordinal);
        Write(".expignore", "round.txt\n");
        Assert.Equal(["b.cs", "src/a.cs"], Packed());
        Directory.CreateSymbolicLink(Path.Combine(folder.FullName, "loop"), ".");
        Assert.StartsWith("'loop' is a link to a folder", Refused(() => Packed()), StringComparison.Ordinal);
    }

    [Fact]
    public void Code_that_is_too_large_names_its_largest_files()
    {
        Write("train.cs", "x");
        Write("weights.bin", new string('x', 5000));
        var message = Refused(() => Pack(folder.FullName, limits: new() { UnpackedBytes = 4096 }));
        Assert.StartsWith("the code is 5 KiB, the limit is 4 KiB; the largest files are weights.bin (5 KiB), train.cs (1 bytes).", message,
            StringComparison.Ordinal);
        Assert.Contains(".expignore", message, StringComparison.Ordinal);
        Assert.Contains(
            "packed, the limit is 100 bytes", Refused(() => Pack(folder.FullName, limits: new() { ZipBytes = 100 })), StringComparison.Ordinal);
        Assert.StartsWith("more than 1 files", Refused(() => Pack(folder.FullName, limits: new() { Entries = 1 })), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("../evil", "the path has a '.' or '..' segment")]
    [InlineData("a/../../evil", "the path has a '.' or '..' segment")]
    [InlineData("/etc/passwd", "the path has an empty segment")]
    [InlineData("C:/evil", "the path begins with a drive")]
    [InlineData("a\\..\\evil", "the path has a backslash")]
    [InlineData("a\0b", "the path has a control character")]
    [InlineData("a//b", "the path has an empty segment")]
    [InlineData("./a", "the path has a '.' or '..' segment")]
    public void A_path_that_escapes_is_refused_and_nothing_is_written(string path, string why)
    {
        Assert.Contains(why, Refused(() => Inspect(Zip(("ok", "x"), (path, "x")))), StringComparison.Ordinal);
        var target = Path.Combine(folder.FullName, "target");
        Assert.Contains(why, Refused(() => Unpack(Zip(("ok", "x"), (path, "x")), target)), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(target));
        Assert.Equal(["target"], folder.EnumerateFileSystemInfos().Select(item => item.Name));
    }

    [Fact]
    public void Paths_that_are_there_twice_are_refused()
    {
        Assert.Contains("it is there twice", Refused(() => Inspect(Zip(("a", "x"), ("a", "y")))), StringComparison.Ordinal);
        Assert.Contains(
            "differs from 'a.cs' in upper and lower case only", Refused(() => Inspect(Zip(("a.cs", "x"), ("A.cs", "y")))), StringComparison.Ordinal);
        Assert.Contains("it is a file and a folder", Refused(() => Inspect(Zip(("a", "x"), ("a/b", "y")))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0xA1FF)] // A symbolic link.
    [InlineData(0x11A4)] // A FIFO.
    [InlineData(0x21A4)] // A character device.
    [InlineData(0x41ED)] // A folder whose name says that it is a file.
    public void Links_and_devices_are_refused(int mode) =>
        Assert.Contains("only files and folders",
            Refused(() => Inspect(Zip(entry => entry.ExternalAttributes = mode << 16, ("link", "/etc/passwd")))), StringComparison.Ordinal);

    [Fact]
    public void An_encrypted_zip_is_refused()
    {
        var zip = Zip(("a", "x")).ToArray();
        zip[Find(zip, "PK\x01\x02"u8) + 8] |= 1;
        Assert.Contains("it is encrypted", Refused(() => Inspect(new MemoryStream(zip))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_zip_that_unpacks_beyond_the_limit_is_refused_by_what_comes_out_of_it()
    {
        var zip = Zip(("zeros", new string('\0', 10_000_000)));
        Assert.True(zip.Length < 20_000);
        Assert.Contains("more than 1.0 MiB unpacked", Refused(() => Inspect(zip, new() { UnpackedBytes = 1 << 20 })), StringComparison.Ordinal);

        // The header now claims ten bytes.
        var lying = zip.ToArray();
        var header = Find(lying, "PK\x01\x02"u8);
        BitConverter.GetBytes(10).CopyTo(lying, header + 24);
        Assert.Equal("'zeros' in the zip: its content is not what its header says; pack again",
            Refused(() => Inspect(new MemoryStream(lying), new() { UnpackedBytes = 1 << 20 })));
    }

    [Fact]
    public void Too_many_entries_are_refused_whatever_number_the_zip_claims()
    {
        var zip = Zip([.. Enumerable.Range(0, 50).Select(i => ($"f{i}", ""))]).ToArray();
        Assert.StartsWith("more than 49 files", Refused(() => Inspect(new MemoryStream(zip), new() { Entries = 49 })), StringComparison.Ordinal);
        var end = Find(zip, "PK\x05\x06"u8);
        zip[end + 8] = zip[end + 10] = 1;
        Assert.StartsWith("more than 49 files", Refused(() => Inspect(new MemoryStream(zip), new() { Entries = 49 })), StringComparison.Ordinal);
    }

    [Fact]
    public void Bytes_that_are_no_zip_are_refused_and_never_anything_worse()
    {
        Assert.StartsWith("not a zip", Refused(() => Inspect(new MemoryStream([]))), StringComparison.Ordinal);
        Assert.StartsWith("not a zip", Refused(() => Inspect(new MemoryStream(new byte[1000]))), StringComparison.Ordinal);
        Assert.StartsWith("the zip has no files", Refused(() => Inspect(Zip())), StringComparison.Ordinal);

        var whole = Zip(("a.cs", "some text that is long enough to be deflated, long enough to be deflated"), ("b/c.cs", "y")).ToArray();
        var random = new Random(1);
        for (var i = 0; i < 3000; i++)
        {
            var zip = whole.ToArray();
            for (var edits = random.Next(1, 4); edits > 0; edits--) zip[random.Next(zip.Length)] = (byte)random.Next(256);
            if (random.Next(10) == 0) zip = zip[..random.Next(zip.Length)];
            try
            {
                Inspect(new MemoryStream(zip));
            }
            catch (SnapshotRefusedException)
            {
            }
        }
    }

    [Fact]
    public void Unpacking_gives_the_files_back_and_makes_programs_executable()
    {
        Write("src/run.sh", "#!/bin/sh\nexit 0\n");
        Write("data.txt", "x");
        var packed = Pack(folder.FullName);
        var target = Path.Combine(folder.FullName, "target");
        var facts = Unpack(new MemoryStream(packed.Zip.ToArray()), target);
        Assert.Equal(packed.Facts.Tree, facts.Tree);
        Assert.Equal("#!/bin/sh\nexit 0\n", File.ReadAllText(Path.Combine(target, "src/run.sh")));
        if (OperatingSystem.IsWindows()) return;
        Assert.True(File.GetUnixFileMode(Path.Combine(target, "src/run.sh")).HasFlag(UnixFileMode.UserExecute));
        Assert.False(File.GetUnixFileMode(Path.Combine(target, "data.txt")).HasFlag(UnixFileMode.UserExecute));
        Assert.Throws<ArgumentException>(() => Unpack(new MemoryStream(packed.Zip.ToArray()), target));
    }

    private void MakePipe(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(folder.FullName, path))!);
        using var made = System.Diagnostics.Process.Start("mkfifo", Path.Combine(folder.FullName, path));
        made.WaitForExit();
    }

    private static CodePackage Pack(string path, IReadOnlyList<string>? include = null, CodeLimits? limits = null) =>
        CodePackage.Pack(path, include, limits, TestContext.Current.CancellationToken);

    private static CodeFacts Inspect(Stream zip, CodeLimits? limits = null) =>
        CodePackage.Inspect(zip, limits, TestContext.Current.CancellationToken);

    private static CodeFacts Unpack(Stream zip, string folder) => CodePackage.Unpack(zip, folder, cancel: TestContext.Current.CancellationToken);

    private static int Find(byte[] bytes, ReadOnlySpan<byte> what) => bytes.AsSpan().IndexOf(what);

    private static string Refused(Action action) => Assert.Throws<SnapshotRefusedException>(action).Message;

    private static MemoryStream Zip(params (string Path, string Text)[] files) => Zip(_ => { }, files);

    private static MemoryStream Zip(Action<ZipArchiveEntry> change, params (string Path, string Text)[] files)
    {
        var zip = new MemoryStream();
        using (var archive = new ZipArchive(zip, ZipArchiveMode.Create, leaveOpen: true))
        {
            foreach (var (path, text) in files)
            {
                var entry = archive.CreateEntry(path);
                change(entry);
                using var to = entry.Open();
                to.Write(Encoding.UTF8.GetBytes(text));
            }
        }

        return zip;
    }

    private List<string> Packed(params string[] include) =>
        [.. Pack(folder.FullName, include.Length == 0 ? null : include).Facts.Files.Select(file => file.Path)];

    private void Write(string path, string text, DirectoryInfo? to = null)
    {
        var file = Path.Combine((to ?? folder).FullName, path);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }
}
