namespace Serverless.Client;

/// <summary><c>GET /api/datasets</c>, in order of name.</summary>
public sealed record DatasetList(IReadOnlyList<DatasetInfo> Datasets, IReadOnlyList<DamagedRecord>? Damaged = null);

/// <summary><c>GET /api/datasets/{name}</c>.</summary>
/// <param name="Versions">Newest first, those that were deleted included.</param>
public sealed record DatasetInfo(string Name, IReadOnlyList<DatasetVersionInfo> Versions);

/// <summary>Body of <c>POST /api/datasets/{name}</c>: one of the two.</summary>
/// <param name="Path">A file or folder below <c>data/</c>.</param>
/// <param name="Files">Files whose contents were put under <c>/api/datasets/{name}/files/{sha256}</c>, by anybody, at any time.</param>
public sealed record DatasetRequest(string? Path = null, IReadOnlyList<DatasetFile>? Files = null);

/// <summary>Answer of <c>POST /api/datasets/{name}</c>.</summary>
/// <param name="Version">Null: nothing was published yet.</param>
/// <param name="IsNew">False: a version had this content already.</param>
/// <param name="Missing">Contents to put before publishing again.</param>
public sealed record DatasetPublication(DatasetVersionInfo? Version, bool IsNew = false, IReadOnlyList<string>? Missing = null);
