using System.Security.Cryptography;

namespace Serverless.Core.Storage;

/// <summary>
/// Objects whose SHA-256 was known before they were written. They carry it as a seal in their metadata, which belongs to one version: whatever is
/// written over them breaks it. A sealed object is known to be whole at the cost of a look; one
/// without a seal (damaged, or restored by a plain copy) is read.
/// </summary>
internal static class SealedObjects
{
    private const string Seal = "sha256";

    extension(IObjectStore store)
    {
        /// <summary>Puts the body where there is none, and in the place of a damaged one.</summary>
        /// <exception cref="ContentMismatchException">The body is something else; nothing was stored.</exception>
        public async Task PutSealed(string key, string sha256, Stream body, CancellationToken cancel = default)
        {
            var there = (await store.Head(key, cancel)).Value;
            if (there is not null && await store.IsWhole(there, sha256, cancel)) return;
            await using var verified = new VerifiedStream(body, sha256);
            try
            {
                // Whoever else stores it meanwhile has verified it too.
                await store.Put(key, verified, there is null ? PutCondition.IfAbsent : PutCondition.IfMatch(there.ETag), SealOf(sha256), cancel);
            }
            catch (Exception) when (verified.Mismatch is not null)
            {
                throw verified.Mismatch;
            }
        }

        /// <summary>Looks only; nothing is sealed.</summary>
        public async Task<bool> IsWhole(StoredObject there, string sha256, CancellationToken cancel = default)
        {
            if (IsSealed(there, sha256)) return true;
            await using var reading = await store.Open(there.Key, cancel: cancel);
            return reading is not null && Convert.ToHexStringLower(await SHA256.HashDataAsync(reading.Body, cancel)) == sha256;
        }

        /// <summary>Seals what is there and whole; false when it is missing or damaged.</summary>
        /// <param name="youngerThan">What was written longer ago is written again.</param>
        public async Task<bool> EnsureSealed(string key, string sha256, TimeSpan? youngerThan = null, CancellationToken cancel = default)
        {
            while (true)
            {
                var (there, now) = await store.Head(key, cancel);
                if (there is null) return false;
                if (IsSealed(there, sha256) && !(now - there.Modified >= youngerThan)) return true;
                await using var reading = await store.Open(key, cancel: cancel);
                if (reading is null) return false;
                await using var verified = new VerifiedStream(reading.Body, sha256);
                try
                {
                    if ((await store.Put(key, verified, PutCondition.IfMatch(reading.Object.ETag), SealOf(sha256), cancel)).Stored) return true;
                }
                catch (Exception) when (verified.Mismatch is not null)
                {
                    return false;
                }
            }
        }
    }

    private static bool IsSealed(StoredObject there, string sha256) => there.Metadata.TryGetValue(Seal, out var seal) && seal == sha256;

    private static Dictionary<string, string> SealOf(string sha256) => new() { [Seal] = sha256 };
}
