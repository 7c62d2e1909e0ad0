using Serverless.Core.Storage;

namespace Serverless.Core.Workspaces;

/// <summary>Where workspaces are: containers of a storage account, or folders beside each other.</summary>
public interface IWorkspaces
{
    /// <summary>The store of one workspace; made on first use.</summary>
    IObjectStore Open(string workspace);

    /// <summary>The container outside every workspace: API keys, webhooks.</summary>
    IObjectStore Platform { get; }
}
