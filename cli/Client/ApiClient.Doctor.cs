using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json.Serialization.Metadata;
using Serverless.Core.Doctor;

namespace Serverless.Cli.Client;

sealed partial class ApiClient
{
    /// <summary>Line after line, as they are found.</summary>
    public async IAsyncEnumerable<DoctorLine> Examine([EnumeratorCancellation] CancellationToken cancel)
    {
        var type = (JsonTypeInfo<DoctorLine>)ApiJson.Answers.GetTypeInfo(typeof(DoctorLine));
        using var response = await Send(HttpMethod.Get, "api/doctor", null, cancel);
        using var lines = new StreamReader(await response.Content.ReadAsStreamAsync(cancel));
        while (await lines.ReadLineAsync(cancel) is { } line) yield return Understood(Encoding.UTF8.GetBytes(line), type);
    }

    public Task<DoctorMoved> MoveDamaged(Finding finding, CancellationToken cancel) =>
        Send<DoctorMoved>(HttpMethod.Post, "api/doctor", Json(new DoctorMove(finding.Object, finding.Platform)), cancel);
}
