using System.Collections.Concurrent;
using Serverless.Core.Storage;

namespace Serverless.Core.Workspaces;

/// <summary>Workspaces as folders beside each other, and the platform's own beside them.</summary>
public sealed class LocalWorkspaces(string dataFolder, TimeProvider time) : IWorkspaces
{
    /// <summary>The workspace of a machine that has just one.</summary>
    public const string Default = "workspace";

    /// <summary>The platform's own folder beside the workspaces.</summary>
    public const string PlatformFolder = "platform";

    private readonly ConcurrentDictionary<string, IObjectStore> stores = new(StringComparer.Ordinal);

    public IObjectStore Platform => StoreIn(PlatformFolder);

    public IObjectStore Open(string workspace) => StoreIn(WorkspaceName.Checked(workspace));

    /// <summary>Where people find the workspace.</summary>
    public string FolderOf(string workspace) => Path.Combine(dataFolder, WorkspaceName.Checked(workspace));

    private IObjectStore StoreIn(string folder) => stores.GetOrAdd(folder, name => new FolderObjectStore(
        Path.Combine(dataFolder, name), time, name == PlatformFolder ? PlatformPaths.Folders : WorkspacePaths.Folders));
}
