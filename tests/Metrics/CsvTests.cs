using System.Text;
using Serverless.Core.Metrics;

namespace Serverless.Tests.Metrics;

public sealed class CsvTests
{
    private const string Alphabet = "ab ,\"\r\n#;'é損\t";

    [Fact]
    public async Task AnyNames_ComeBackAsTheyWere_WhateverIsInThem()
    {
        var random = new Random(1);
        for (var i = 0; i < 300; i++)
        {
            string[][] rows = [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => (string[])[Any(random), $"{random.Next()}"])];
            var text = string.Concat(rows.Select(row => string.Join(',', row.Select(Csv.Field)) + "\n")) + Csv.Comment("one \" quote\nand lines")
                + "\n";

            var records = await Csv.Records(new Dripping(text, random), TestContext.Current.CancellationToken)
                .ToListAsync(TestContext.Current.CancellationToken);

            Assert.Equal(rows, records.Where(record => !record.StartsWith('#')).Select(Fields));
            Assert.Equal("# one \" quote and lines", Assert.Single(records, record => record.StartsWith('#')));
        }
    }

    private static string Any(Random random) =>
        string.Concat(Enumerable.Range(0, random.Next(12)).Select(_ => Alphabet[random.Next(Alphabet.Length)]));

    /// <summary>As RFC 4180 has it, and as any other program reads it.</summary>
    private static string[] Fields(string record)
    {
        var fields = new List<string>();
        for (var at = 0; at <= record.Length; at++)
        {
            var field = new StringBuilder();
            if (at < record.Length && record[at] == '"')
            {
                for (at++; record[at] != '"' || (at + 1 < record.Length && record[at + 1] == '"'); at++)
                {
                    if (record[at] == '"') at++;
                    field.Append(record[at]);
                }

                at++;
            }
            else
            {
                for (; at < record.Length && record[at] != ','; at++) field.Append(record[at]);
            }

            fields.Add(field.ToString());
        }

        return [.. fields];
    }

    /// <summary>A few characters at a time, as a network brings them.</summary>
    private sealed class Dripping(string text, Random random) : StringReader(text)
    {
        public override ValueTask<int> ReadAsync(Memory<char> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..random.Next(1, 5)], cancellationToken);
    }
}
