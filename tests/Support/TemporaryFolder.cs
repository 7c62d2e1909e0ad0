namespace Serverless.Tests.Support;

/// <summary>A folder that is gone when the test is.</summary>
sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("serverless-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public void Dispose() => Delete(Path);

    /// <summary>
    /// Deletes a folder with all that is in it, also while something that lives adds files to it: SQLite's companions of an open database, a last
    /// line of a log. What comes between the look and the removal makes it begin again.
    /// </summary>
    /// <exception cref="IOException">It filled faster than it was emptied, a hundred times.</exception>
    public static void Delete(string folder)
    {
        for (var tries = 0; Directory.Exists(folder); tries++)
        {
            try
            {
#pragma warning disable RS0030 // This is what everybody else is sent to.
                Directory.Delete(folder, recursive: true);
#pragma warning restore RS0030
            }
            catch (IOException) when (tries < 100)
            {
                // It is not empty any more.
            }
        }
    }
}
