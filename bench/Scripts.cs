using Serverless.Core.Code;

namespace Serverless.Bench;

/// <summary>The experiments that measures run.</summary>
static class Scripts
{
    public static string PathOf(string name) => Path.Combine(AppContext.BaseDirectory, "Scripts", name);

    /// <summary>Stores the script's snapshot.</summary>
    /// <returns>Its hash.</returns>
    public static async Task<string> Put(Api api, string name, CancellationToken cancel)
    {
        var package = CodePackage.Pack(PathOf(name), cancel: cancel);
        return (await api.PutCode(package.Facts.Sha256, package.Zip.ToArray(), cancel)).Sha256;
    }
}
