using System.Text.Json;
using Serverless.Core.Code;
using Serverless.Core.Runs;
using Serverless.Core.Spec;

namespace Serverless.Tests.Spec;

public sealed class SmallPartsTests
{
    [Theory]
    [InlineData("02:00:00", 7200)]
    [InlineData("36:00:00", 129600)]
    [InlineData("1.12:00:00", 129600)]
    [InlineData("00:00:00.5", 0.5)]
    [InlineData("2h", 7200)]
    [InlineData("90m", 5400)]
    [InlineData("45s", 45)]
    [InlineData("1h30m", 5400)]
    [InlineData("0.5d", 43200)]
    [InlineData("100ms", 0.1)]
    public void A_length_of_time_is_read(string text, double seconds) => Assert.Equal(TimeSpan.FromSeconds(seconds), Durations.Parse(text));

    [Theory]
    [InlineData("")]
    [InlineData("2")]
    [InlineData("2 h")]
    [InlineData("-2h")]
    [InlineData("00:61:00")]
    [InlineData("00:00")]
    [InlineData("99999d")]
    [InlineData("٥m")]
    [InlineData("٠٠:٠٠:٠٥")]
    public void What_is_no_length_of_time_is_not(string text) => Assert.Null(Durations.Parse(text));

    [Theory]
    [InlineData("1", "1")]
    [InlineData("1.0", "1")]
    [InlineData("1e3", "1000")]
    [InlineData("-0.0", "0")]
    [InlineData("+5", "5")]
    [InlineData(".5", "0.5")]
    [InlineData("0.10", "0.1")]
    [InlineData("1e-7", "1e-07")]
    [InlineData("1e300", "1e+300")]
    [InlineData("9223372036854775807", "9223372036854775807")]
    [InlineData("18446744073709551615", "18446744073709551615")]
    [InlineData("9007199254740993", "9007199254740993")]
    [InlineData("1e18", "1000000000000000000")]
    [InlineData("99999999999999999999", null)]
    [InlineData("1e999", null)]
    public void Equal_numbers_have_one_text(string written, string? canonical) => Assert.Equal(canonical, CanonicalJson.Number(written));

    [Fact]
    public void Canonical_JSON_is_pinned() => Assert.Equal(
        """{"":null,"A":[1,0.5,true],"a":{"b":"\u00E9\u003C","z":-2.5e-09}}""",
        System.Text.Encoding.UTF8.GetString(
            CanonicalJson.Bytes(JsonElement.Parse("""{ "a": {"z": -2.50e-9, "b": "é<"}, "A": [1.0, 5e-1, true], "": null }"""))));

    [Theory]
    [InlineData("train.cs", "train.cs", "")]
    [InlineData("./src/train.cs --lr 0.1", "src/train.cs", "--lr|0.1")]
    [InlineData("'my train.cs' \"a b\" c\\ d 'e\"f' \"\" --x='y z'", "my train.cs", "a b|c d|e\"f||--x=y z")]
    [InlineData("  train.cs\n  --long\n", "train.cs", "--long")]
    [InlineData("train.cs C:\\data", "train.cs", "C:\\data")]
    public void A_CSharp_file_is_an_entry_with_arguments(string command, string file, string arguments)
    {
        var entry = Assert.IsType<EntryPoint.CSharp>(EntryPoint.Parse(command));
        Assert.Equal((file, arguments), (entry.File, string.Join('|', entry.Arguments)));
    }

    [Theory]
    [InlineData("python train.py")]
    [InlineData("dotnet run --project app.csproj")]
    [InlineData("./run.sh train.cs")]
    [InlineData("echo \"it's\" && true")]
    [InlineData("A=1 ./x")]
    [InlineData("/usr/bin/")]
    public void Anything_else_is_a_command_line_as_it_is(string command) => Assert.Equal(new EntryPoint.Shell(command), EntryPoint.Parse(command));

    [Fact]
    public void A_project_file_is_an_entry() =>
        Assert.Equal("app/app.csproj", Assert.IsType<EntryPoint.Project>(EntryPoint.Parse("app/app.csproj -v")).File);

    [Theory]
    [InlineData(".", "a.csproj lib.cs", "a.csproj")]
    [InlineData(". --lr 1 'x y'", "train.cs readme.md", "train.cs --lr 1 'x y'")]
    [InlineData("./", "Program.cs other.cs", "Program.cs")]
    [InlineData("src/", "src/main.cs src/other.cs main.py", "src/main.cs")]
    [InlineData("train.cs", "train.cs", "train.cs")]
    [InlineData("python nothing.py", "train.cs", "python nothing.py")]
    public void A_folder_stands_for_its_entry(string command, string files, string resolved) =>
        Assert.Equal((resolved, null), EntryPoint.Resolve(command, files.Split(' ')));

    [Theory]
    [InlineData("trian.cs", "train.cs", "the code has no file 'trian.cs'; did you mean 'train.cs'?")]
    [InlineData("../train.cs", "data.txt", "the code has no file '../train.cs'")]
    [InlineData(".", "a.cs b.cs",
        "its top folder does not say what to run; name the file, or have one project file, Program.cs, main.cs or a single C# file in it")]
    [InlineData("src/", "a.cs", "the code has no files in src/")]
    public void An_entry_that_is_not_in_the_code_is_a_problem(string command, string files, string problem) =>
        Assert.Equal((null, problem), EntryPoint.Resolve(command, files.Split(' ')));

    [Theory]
    [InlineData("train.cs 'open", "a quote is not closed")]
    [InlineData("src\\train.cs", "'src\\train.cs' has a backslash; separate folders with '/'")]
    [InlineData("echo 'open", null)]
    public void A_command_can_be_wrong_by_itself(string command, string? problem) => Assert.Equal(problem, EntryPoint.Problem(command));

    [Theory]
    [InlineData("20GB", 20L << 30)]
    [InlineData("1.5 GiB", 3L << 29)]
    [InlineData("500m", 500L << 20)]
    [InlineData("2TB", 2L << 40)]
    [InlineData("20", null)]
    [InlineData("GB", null)]
    [InlineData("-1GB", null)]
    [InlineData("0GB", null)]
    [InlineData("", null)]
    public void A_size_has_a_unit(string text, long? bytes) => Assert.Equal(bytes, Sizes.Parse(text));

    [Theory]
    [InlineData("0.95..", 0.95, true)]
    [InlineData("0.95..", 0.9, false)]
    [InlineData("..0.1", 0.1, true)]
    [InlineData("..0.1", 0.2, false)]
    [InlineData("-1..1", 0, true)]
    [InlineData("1e-3..1", 0.0001, false)]
    [InlineData("0..", double.NaN, false)]
    public void A_range_contains_its_bounds_and_never_NaN(string range, double value, bool within) =>
        Assert.Equal(within, CheckRange.Parse(range)!.Contains(value));

    [Theory]
    [InlineData("..")]
    [InlineData("5")]
    [InlineData("2..1")]
    [InlineData("a..b")]
    [InlineData("1...2")]
    public void What_is_no_range_is_refused(string range) => Assert.Null(CheckRange.Parse(range));
}
