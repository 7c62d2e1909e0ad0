namespace Serverless.Tests.Publishing;

/// <summary>How people change files: with programs that know nothing of the store.</summary>
static class Hand
{
    /// <summary>Those that leave a file in its place.</summary>
    public static TheoryData<string> Changes =>
    [
        "overwritten in place", "saved by an editor", "appended to", "cut short", "replaced by a copy with an older time",
        "deleted and written again",
    ];

    public static TheoryData<string> Ways => ["moved away", "deleted", .. Changes.Select(way => way.Data)];

    public static async Task Edits(string way, string file)
    {
        switch (way)
        {
            case "overwritten in place":
                await using (var open = new FileStream(file, FileMode.Open, FileAccess.Write)) await open.WriteAsync("by hand"u8.ToArray());
                break;
            case "saved by an editor":
                await File.WriteAllTextAsync(file + "~", "edited");
                File.Move(file + "~", file, overwrite: true);
                break;
            case "appended to":
                await File.AppendAllTextAsync(file, " and more");
                break;
            case "cut short":
                using (var open = new FileStream(file, FileMode.Open, FileAccess.Write)) open.SetLength(3);
                break;
            case "replaced by a copy with an older time":
                await File.WriteAllTextAsync(file, "older");
                File.SetLastWriteTimeUtc(file, new(2001, 2, 3, 0, 0, 0, DateTimeKind.Utc));
                break;
            case "moved away":
                File.Move(file, file + ".bak");
                break;
            case "deleted":
                File.Delete(file);
                break;
            case "deleted and written again":
                File.Delete(file);
                await File.WriteAllTextAsync(file, "again");
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(way), way, null);
        }
    }

    /// <summary>Null: there is no such file.</summary>
    public static string? TextOf(string file) => File.Exists(file) ? File.ReadAllText(file) : null;
}
