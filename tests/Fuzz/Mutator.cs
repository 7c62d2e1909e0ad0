using System.Text;

namespace Serverless.Tests.Fuzz;

/// <summary>Good texts, broken at random places by what parsers dislike. The same seed gives the same texts.</summary>
sealed class Mutator(int seed)
{
    private const int MostRepetitions = 3000, Longest = 200_000;

    private static readonly string[] Nasty =
    [
        "\0", "\u001b[2J", "\u202e", "\r", "\n", "\t", " ", "é", "😀", "\ufeff", "\\ud800", "\\udc00", "\\u0000", "\"", "'", "`", "\\", "/", "//",
        "../", "..", ".", "%", "%00", "%ed%a0%80",
        "${", "$${", "${run.id}", "}", "{", "{}", "[", "]", "[]", "(", ")", "not ", " and ", ":", ": ", ",", ";", "- ", "#", "&a ", "*a", "*", "**/",
        "?", "[z-a]", "<<: ", "!!int ", "!", "|\n", ">", "~", "@", "=", "==",
        "null", "true", "no", "0", "-0", "007", "-1", "1e999", "-1e-999", "0x1F", "NaN", "Infinity", "2147483648", "9223372036854775807",
        "-9223372036854775808", "99999999999999999999", "1_000", "..0", "W/", "\"x\"", "bytes=",
    ];

    private readonly Random random = new(seed);

    public int Below(int end) => random.Next(end);

    public T Pick<T>(IReadOnlyList<T> all) => all[random.Next(all.Count)];

    /// <summary>A text from the corpus, changed at one place or several, or not at all.</summary>
    public string Text(IReadOnlyList<string> corpus)
    {
        var text = new StringBuilder(Pick(corpus));
        for (var changes = random.Next(6); changes > 0; changes--) Change(text, corpus);
        return text.Length > Longest ? text.ToString(0, Longest) : text.ToString();
    }

    public byte[] Bytes(IReadOnlyList<byte[]> corpus)
    {
        var bytes = Pick(corpus).ToList();
        for (var changes = random.Next(8); changes > 0 && bytes.Count > 0; changes--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] = Pick<byte>([0, 1, 0x7f, 0x80, 0xff]);
                    break;
                case 2:
                    bytes.RemoveRange(at, random.Next(1, Math.Min(bytes.Count - at, 40) + 1));
                    break;
                default:
                    bytes.InsertRange(at, bytes.GetRange(at, random.Next(1, Math.Min(bytes.Count - at, 200) + 1)));
                    break;
            }
        }

        return [.. bytes];
    }

    private void Change(StringBuilder text, IReadOnlyList<string> corpus)
    {
        var at = random.Next(text.Length + 1);
        var length = random.Next(Math.Min(text.Length - at, 60) + 1);
        switch (random.Next(7))
        {
            case 0 or 1:
                text.Insert(at, Pick(Nasty));
                break;
            case 2:
                text.Remove(at, length).Insert(at, Pick(Nasty));
                break;
            case 3:
                text.Remove(at, length);
                break;
            case 4:
                text.Insert(at, text.ToString(at, length));
                break;
            case 5:
                var other = Pick(corpus);
                var from = random.Next(other.Length + 1);
                text.Insert(at, other[from..]);
                break;
            default:
                // Seldom: long texts take long.
                if (random.Next(20) == 0)
                {
                    text.Insert(
                        at, new StringBuilder().Insert(
                            0, length > 0 && random.Next(2) == 0 ? text.ToString(at, length) : Pick(Nasty), random.Next(MostRepetitions)));
                }

                break;
        }
    }
}
