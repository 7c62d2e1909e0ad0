using System.Net;
using Microsoft.Extensions.Logging;
using Serverless.Core.Messaging;
using Serverless.Core.Workspaces;
using Serverless.Functions.Http;

namespace Serverless.Functions.Hosting;

/// <summary>How the platform runs on this machine.</summary>
public sealed record EmbeddedOptions
{
    /// <summary>Where everything is kept; made when missing.</summary>
    public required string DataFolder { get; init; }

    /// <summary>Default 0: any free one.</summary>
    public int Port { get; init; }

    /// <summary>Address to listen on. Default: this machine only.</summary>
    public IPAddress Listen { get; init; } = IPAddress.Loopback;

    public IReadOnlyList<string> MachineClasses { get; init; } = ["cpu"];

    public ApiLimits Limits { get; init; } = new();

    /// <summary>Whose tokens are taken in place of keys. Default: nobody's.</summary>
    public EntraOptions? Entra { get; init; }

    /// <summary>Where workspaces are kept. Null: in <see cref="DataFolder"/>, which holds the queues and the admin key in any case.</summary>
    public IWorkspaces? Workspaces { get; init; }

    /// <summary>Null: a file in <see cref="DataFolder"/>, with <see cref="LockLength"/>. One that is given stays its owner's to dispose.</summary>
    public IMessageBus? Bus { get; init; }

    /// <summary>How long a received message stays invisible to others unless it is renewed. Default 30 s.</summary>
    public TimeSpan LockLength { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How often all files below <c>data/</c> are looked at, for those that appeared or changed
    /// without the system's telling, or that cannot be told of: in
    /// <see cref="Workspaces"/> that are no folders. Null, the default: as often as takes 0.5 % of a core,
    /// or 5 % where nobody tells of changes; between 5 s and 10 minutes.
    /// </summary>
    public TimeSpan? FileScan { get; init; }

    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Gets everything that is logged. Null, the default: nobody does.</summary>
    public ILoggerProvider? Log { get; init; }
}

/// <summary>The platform cannot start as asked; the message says in one line what to change.</summary>
public sealed class StartException(string message, Exception? inner = null) : Exception(message, inner);
