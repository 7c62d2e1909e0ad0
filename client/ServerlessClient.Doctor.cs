using System.Runtime.CompilerServices;
using System.Text;
using Serverless.Client.Http;

namespace Serverless.Client;

public sealed partial class ServerlessClient
{
    /// <summary>Everything that is damaged, as it is found.</summary>
    /// <returns>Findings, then the end. Without the end, the platform stopped in the middle.</returns>
    public async IAsyncEnumerable<DoctorLine> Examine([EnumeratorCancellation] CancellationToken cancel = default)
    {
        using var lines = new StreamReader(Bounded.Lines(await Open("api/doctor", resumes: false, isVerified: false, cancel)));
        while (await lines.ReadLineAsync(cancel) is { } line) yield return Understood(Encoding.UTF8.GetBytes(line), ApiJson.Of<DoctorLine>());
    }

    /// <summary>Moves what is damaged out of the way, to <c>damaged/</c>.</summary>
    public Task<DoctorMoved> MoveDamaged(Finding finding, CancellationToken cancel = default) =>
        Send<DoctorMoved>(Call.Post("api/doctor", Call.Json(new DoctorMove(finding.Object, finding.Platform))), cancel);
}
