using System.CommandLine;
using Serverless.Cli.Terminal;
using Serverless.Core;
using Serverless.Core.Doctor;
using Serverless.Core.Storage;

namespace Serverless.Cli;

static class DoctorCommand
{
    public static Verb Create(World world)
    {
        var fix = new Option<bool>("--fix")
        {
            Description = "Move damaged records to damaged/, where nothing reads them; nothing is lost (admins only)",
        };
        return new Verb("doctor", "Check the workspace for damaged or missing records, and say how to fix each")
        {
            Examples = ["exp doctor", "exp doctor --json | jq '.findings[].object'", "exp doctor --fix"],
        }.With(fix).Does(world, async (session, cancel) =>
        {
            var output = session.Output;
            var findings = new List<Finding>();
            DoctorEnd? end = null;
            await foreach (var line in session.Api.Examine(cancel))
            {
                end = line.End ?? end;
                if (line.Finding is not { } finding) continue;
                findings.Add(finding);
                if (!output.Json) Show(output, finding);
            }

            if (end is null) throw new ExpException(ExitCode.Unreachable, "the platform stopped in the middle of its answer; its log says why");
            List<DoctorMoved> moved = [];
            if (session.Get(fix))
            {
                foreach (var finding in findings.Where(finding => finding.CanMove)) moved.Add(await session.Api.MoveDamaged(finding, cancel));
            }

            if (output.Json) Output.WriteJson(new DoctorReport(findings, end, moved));
            else Sum(output, findings, end, session.Get(fix) ? moved : null);
            return findings.Count == moved.Count(one => one.To is not null) ? ExitCode.Success : ExitCode.RunFailed;
        });
    }

    /// <summary>The line under a list whose answer names damaged records.</summary>
    public static void Remark(Output output, IReadOnlyList<DamagedRecord>? damaged)
    {
        if (damaged is not [var first, ..]) return;
        var which = damaged.Count == 1 ? first.Key : $"{damaged.Count} records, among them {first.Key},";
        output.Remark($"[yellow]{which} cannot be read; see: exp doctor[/]");
    }

    private static void Show(Output output, Finding finding)
    {
        output.Line($"[yellow]{CoreJson.Name(finding.Kind)}[/]  [bold]{finding.Object}[/]{(finding.Platform ? " of the platform's container" : "")}");
        output.Line($"    {finding.Why}");
        output.Line($"    [dim]{finding.Remedy}[/]");
    }

    private static void Sum(Output output, List<Finding> findings, DoctorEnd end, List<DoctorMoved>? moved)
    {
        foreach (var one in moved ?? [])
        {
            if (one.To is { } to) output.Line($"moved {one.Object} to {to}");
            else output.Line($"left {one.Object} alone: it is gone, or as it should be");
        }

        if (findings.Count == 0) output.Line($"[green]Nothing is damaged[/]; looked at {end.Examined} objects");
        else
        {
            var found = $"{findings.Count} {(findings.Count == 1 ? "finding" : "findings")}";
            output.Remark($"{found} in {end.Examined} objects{(end.Cut ? ", and there may be more" : "")}");
        }

        var movable = findings.Count(finding => finding.CanMove);
        if (moved is null && movable > 0) output.Remark($"[dim]{movable} of them can be moved out of the way: exp doctor --fix[/]");
    }
}

/// <summary>What <c>exp doctor --json</c> prints.</summary>
sealed record DoctorReport(IReadOnlyList<Finding> Findings, DoctorEnd End, IReadOnlyList<DoctorMoved> Moved);
