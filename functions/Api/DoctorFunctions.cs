using System.Text.Json;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Mvc;
using Microsoft.Azure.Functions.Worker;
using Serverless.Core;
using Serverless.Core.Access;
using Serverless.Core.Doctor;
using Serverless.Core.Messaging;
using Serverless.Core.Workspaces;
using Serverless.Functions.Http;
using Serverless.Functions.OpenApi;

namespace Serverless.Functions.Api;

/// <summary>What is damaged in the workspace, and moving it out of the way.</summary>
public sealed class DoctorFunctions(Gate gate, IWorkspaces workspaces, IMessageBus bus)
{
    private const int MostFindings = 10_000;

    [Function("DoctorLook")]
    [Operation(
        "Everything in the workspace that is damaged or does not fit together, a JSON object a line as it is found, at the end how much was looked " +
        "at; damaged keys are shown to admins only",
        Answer = typeof(DoctorLine), AnswerTypes = ["application/x-ndjson"])]
    public Task<IActionResult> Look([HttpTrigger(AuthorizationLevel.Anonymous, "get", Route = "doctor")] HttpRequest request) =>
        gate.Reader(request, caller => Task.FromResult(Answer.Stream(async context =>
    {
        context.Response.ContentType = "application/x-ndjson";
        var (doctor, found, cut) = (Doctor(caller), 0, false);
        await foreach (var finding in doctor.Look(context.RequestAborted))
        {
            if (finding.Platform && finding.Object.StartsWith(PlatformPaths.Keys, StringComparison.Ordinal) && caller.Key.Role < Role.Admin) continue;
            if (cut = found == MostFindings) break;
            found++;
            await Write(context, new(Finding: finding));
        }

        if (await BusProblem(context.RequestAborted) is { } damagedBus)
        {
            found++;
            await Write(context, new(Finding: damagedBus));
        }

        await Write(context, new(End: new(doctor.Examined, found, cut)));
    })));

    [Function("DoctorMove")]
    [Operation("Move a damaged object to damaged/, where nothing reads it and nothing of it is lost; what is as it should be is left alone",
        Role = Role.Admin,
        Answer = typeof(DoctorMoved), Body = typeof(DoctorMove), Errors = [413])]
    public Task<IActionResult> Move([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "doctor")] HttpRequest request) =>
        gate.Admin(request, async caller =>
        Answer.Json(await Doctor(caller).Move(await request.Json<DoctorMove>(), caller.Cancel)));

    private WorkspaceDoctor Doctor(Caller caller) => new(caller.Workspace.Name, caller.Workspace.Store, workspaces.Platform);

    /// <summary>Without the bus nothing runs, whatever the workspace is like.</summary>
    private async Task<Finding?> BusProblem(CancellationToken cancel)
    {
        try
        {
            await bus.Count(QueueNames.Webhooks, cancel);
            return null;
        }
        catch (BusUnavailableException unavailable)
        {
            const string Remedy = "mend what it says, and restart the platform; runs that are stored start by themselves";
            return new("bus", FindingKind.Damaged, unavailable.Message, Remedy, Platform: true);
        }
    }

    private static async Task Write(HttpContext context, DoctorLine line)
    {
        await context.Response.Body.WriteAsync(
            (byte[])[.. JsonSerializer.SerializeToUtf8Bytes(line, CoreJson.Options), (byte)'\n'], context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }
}
