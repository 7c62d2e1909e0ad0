using System.Text;
using Serverless.Tests.Support;

namespace Serverless.Tests.Sdk;

public sealed class SafeTensorsTests
{
    [Fact]
    public async Task Save_WritesTheDocumentedLayout()
    {
        using var folder = new SdkRunFolder();
        (await folder.Run(SdkProgram.Of("""
            SafeTensors.Save(run.Artifact("t.safetensors"), new Dictionary<string, Tensor>
            {
                ["small"] = tensor(new byte[] { 7, 8, 9 }),
                ["z"] = tensor(new[] { 1.5f, -2f, 0f, 4f }).view(2, 2).t(),
                ["scalar"] = tensor(3L),
                ["empty"] = zeros(0, 5),
            }, new Dictionary<string, string> { ["made by"] = "test" });
            """))).Succeeded();

        // As the reference implementation writes it: wider types first, then names in order; the
        // transposed tensor row by row; the header padded to 8 bytes.
        const string Header = """{"__metadata__":{"made by":"test"},"scalar":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"empty":{"dtype":"F32","shape":[0,5],"data_offsets":[8,8]},"z":{"dtype":"F32","shape":[2,2],"data_offsets":[8,24]},"small":{"dtype":"U8","shape":[3],"data_offsets":[24,27]}}""";
        var padded = Header.PadRight((Header.Length + 7) / 8 * 8);
        byte[] expected =
        [
            .. BitConverter.GetBytes((long)padded.Length), .. Encoding.UTF8.GetBytes(padded),
            .. BitConverter.GetBytes(3L), .. new[] { 1.5f, 0f, -2f, 4f }.SelectMany(BitConverter.GetBytes), 7, 8, 9,
        ];
        Assert.Equal(expected, File.ReadAllBytes(Path.Combine(folder.Output, "artifacts", "t.safetensors")));
    }

    [Fact]
    public async Task SaveAndLoad_KeepEveryType()
    {
        using var folder = new SdkRunFolder();
        var outcome = await folder.Run(SdkProgram.Of("""
            ScalarType[] types = [ScalarType.Bool, ScalarType.Byte, ScalarType.Int8, ScalarType.Int16, ScalarType.Int32, ScalarType.Int64, ScalarType.Float16, ScalarType.BFloat16, ScalarType.Float32, ScalarType.Float64, ScalarType.ComplexFloat32];
            var saved = types.ToDictionary(t => t.ToString(), t => (rand(3, 4, 5) * 100 - 20).to(t));
            SafeTensors.Save(run.Artifact("t"), saved);
            var loaded = SafeTensors.Load(run.Artifact("t"));
            foreach (var (name, tensor) in saved) Console.WriteLine($"{name} {loaded[name].dtype == tensor.dtype && loaded[name].bytes.SequenceEqual(tensor.bytes)}");
            try { SafeTensors.Save(run.Artifact("u"), new Dictionary<string, Tensor> { ["w"] = zeros(1, dtype: ScalarType.ComplexFloat64) }); } catch (NotSupportedException e) { Console.Error.WriteLine(e.Message); }
            """));
        Assert.All(outcome.Succeeded().Lines, line => Assert.EndsWith(" True", line, StringComparison.Ordinal));
        Assert.Equal(11, outcome.Lines.Length);
        Assert.Equal("w: safetensors has no type for ComplexFloat64; convert it with .to(…)\n", outcome.Errors);
    }

    [Fact]
    public async Task Save_OfWhatNobodyCouldRead_IsRefused_AndLeavesNothingBehind()
    {
        using var folder = new SdkRunFolder();
        var outcome = await folder.Run(SdkProgram.Of("""
            var file = run.Artifact("t.safetensors");
            void Refused(Action save) { try { save(); Console.WriteLine("saved"); } catch (Exception e) { Console.WriteLine($"{e.GetType().Name}: {e.Message}"); } }
            Refused(() => SafeTensors.Save(file, [KeyValuePair.Create("__metadata__", ones(1))]));
            Refused(() => SafeTensors.Save(file, [KeyValuePair.Create("w", ones(1))], new Dictionary<string, string> { ["k"] = null! }));
            Refused(() => SafeTensors.Save(file, [KeyValuePair.Create("s", eye(3).to_sparse())]));
            Refused(() => SafeTensors.Save(file, [KeyValuePair.Create("m", ones(1, device: torch.META))]));
            System.IO.Directory.CreateDirectory(file);
            Refused(() => SafeTensors.Save(file, [KeyValuePair.Create("w", ones(1))]));
            System.IO.Directory.Delete(file);
            """));

        outcome.Succeeded();
        Assert.Equal(5, outcome.Lines.Length);
        Assert.StartsWith("ArgumentException: '__metadata__' is a name that safetensors keeps for itself; rename the tensor", outcome.Lines[0],
            StringComparison.Ordinal);
        Assert.StartsWith("ArgumentException: metadata 'k' is null; safetensors keeps texts only", outcome.Lines[1], StringComparison.Ordinal);
        Assert.Equal("NotSupportedException: s: safetensors has no sparse tensors; convert it with .to_dense()", outcome.Lines[2]);
        Assert.Equal("NotSupportedException: m: it is on the meta device and has no values", outcome.Lines[3]);
        Assert.DoesNotContain("saved", outcome.Lines[4], StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(Path.Combine(folder.Output, "artifacts")));
    }

    private static readonly (string Header, int DataBytes, string Message)[] Damaged =
    [
        ("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, "the file has"),
        ("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "the file has"),
        ("""{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}""", 8, "do not fit a F32 of shape [3]"),
        ("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "do not fit a F32 of shape [2] that begins at 0"),
        ("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "negative size"),
        ("""{"a":{"dtype":"F32","shape":[9223372036854775807, 9],"data_offsets":[0,8]}}""", 8, "overflow"),
        ("""{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,8]}}""", 8, "tensors of type F4 are not supported"),
        ("""{"a":{"dtype":"F32","shape":[2]}}""", 8, ""),
        ("""["a"]""", 8, ""),
        ("not json", 8, ""),
        ("", 0, "a header of 0 bytes"),
    ];

    [Fact]
    public async Task Load_OfADamagedFile_SaysWhichFileAndWhat()
    {
        using var folder = new SdkRunFolder();
        foreach (var (i, (header, dataBytes, _)) in Damaged.Index())
            folder.Input(
                $"{i}.safetensors", [.. BitConverter.GetBytes((long)header.Length), .. Encoding.UTF8.GetBytes(header), .. new byte[dataBytes]]);
        var outcome = await folder.Run(
            SdkProgram.Of(
                """for (var i = 0; ; i++) try { SafeTensors.Load(run.Input($"{i}.safetensors")); } catch (InvalidDataException e) { Console.WriteLine(e.Message); } catch (FileNotFoundException) { break; }"""));

        Assert.Equal(Damaged.Length, outcome.Succeeded().Lines.Length);
        foreach (var (i, (_, _, message)) in Damaged.Index())
        {
            Assert.Contains($"{i}.safetensors is not a whole safetensors file: ", outcome.Lines[i], StringComparison.Ordinal);
            Assert.Contains(message, outcome.Lines[i], StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Load_NotStrict_FillsWhatFits()
    {
        using var folder = new SdkRunFolder();
        var outcome = await folder.Run(SdkProgram.Of("""
            SafeTensors.Save(run.Artifact("t"), new Dictionary<string, Tensor> { ["weight"] = ones(2, 2), ["bias"] = ones(5), ["more"] = ones(1) });
            using var model = nn.Linear(2, 2);
            using (no_grad()) { model.weight!.fill_(0); model.bias!.fill_(0); }
            SafeTensors.Load(run.Artifact("t"), model, strict: false);
            Console.WriteLine($"{model.weight!.sum().item<float>()} {model.bias!.sum().item<float>()}");
            """));
        Assert.Equal("4 0\n", outcome.Succeeded().Output);
    }
}
