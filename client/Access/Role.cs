using System.Text.Json.Serialization;

namespace Serverless.Client;

/// <summary>What a key allows; each includes the ones before it.</summary>
[JsonConverter(typeof(EnumNamesConverter<Role>))]
public enum Role
{
    /// <summary>Read everything in the workspace.</summary>
    Reader,

    /// <summary>Submit, cancel, tag, delete, put files.</summary>
    Writer,

    /// <summary>Make and revoke keys.</summary>
    Admin,
}
