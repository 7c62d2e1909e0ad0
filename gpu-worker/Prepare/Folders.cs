namespace Serverless.GpuWorker.Prepare;

static class Folders
{
    /// <summary>Deletes a folder that code had in its hands: whatever it did to permissions, whatever is gone already. Best effort.</summary>
    public static void Delete(string folder)
    {
        try
        {
            if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        }
        catch (Exception first) when (first is IOException or UnauthorizedAccessException)
        {
            try
            {
                MakeWritable(folder);
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception second) when (second is IOException or UnauthorizedAccessException)
            {
                // The next start of the agent tries again.
            }
        }
    }

    /// <summary>Copies what is in a folder, without links; copies are writable.</summary>
    public static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var entry in new DirectoryInfo(from).EnumerateFileSystemInfos())
        {
            if (entry.LinkTarget is not null) continue;
            var target = Path.Combine(to, entry.Name);
            if (entry is DirectoryInfo) Copy(entry.FullName, target);
            else File.Copy(entry.FullName, target);
        }
    }

    /// <summary>Of all files in a folder. Links are not followed: what they lead to is somebody else's.</summary>
    public static long Size(DirectoryInfo folder) =>
        folder.EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint, IgnoreInaccessible = true }).Sum(file => file.Length);

    private static void MakeWritable(string folder)
    {
        if (OperatingSystem.IsWindows()) return;
        foreach (var inner in Directory.EnumerateDirectories(folder))
        {
            if (new DirectoryInfo(inner).LinkTarget is not null) continue;
            File.SetUnixFileMode(inner, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            MakeWritable(inner);
        }
    }
}
