namespace Serverless.Core.Workspaces;

/// <summary>The rules for workspace names, which are those of a container of a storage account.</summary>
public static class WorkspaceName
{
    // Folders beside the workspaces in an embedded data folder, and containers beside them in an account.
    private static readonly string[] Taken = ["platform", "bus", "worker"];

    /// <summary>What is wrong with the name, or null.</summary>
    public static string? Problem(string name) =>
        name.Length is < 3 or > 63 ? "a workspace's name has 3 to 63 characters"
        : name.Any(c => !char.IsAsciiLetterLower(c) && !char.IsAsciiDigit(c) && c != '-')
            ? "a workspace's name has lower-case letters, digits and '-' only"
        : name.StartsWith('-') || name.EndsWith('-') || name.Contains("--") ? "every '-' in a workspace's name stands between letters or digits"
        : Taken.Contains(name) ? $"'{name}' is a name of the platform's own"
        : null;

    /// <exception cref="ArgumentException">The name breaks a rule.</exception>
    public static string Checked(string name) =>
        Problem(name) is { } problem ? throw new ArgumentException($"'{name}': {problem}", nameof(name)) : name;
}
