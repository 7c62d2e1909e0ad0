using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Serverless.Core;
using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Spec;
using Serverless.Core.Storage;
using Serverless.Core.Submit;
using Serverless.Core.Versions;
using Serverless.Core.Workspaces;
using Serverless.Tests.Support;

namespace Serverless.Tests.Submit;

public sealed class SubmissionTests
{
    private static FakeTimeProvider Time { get; } = new(new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly MemoryObjectStore store = new(Time);
    private readonly MemoryMessageBus bus = new(Time, TimeSpan.FromMinutes(1));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_new_experiment_becomes_a_version_and_a_run_that_is_woken()
    {
        var answer = await Accepted(await Spec());
        var run = Assert.Single(answer.Runs);
        Assert.Equal(("pruning", "mlp", 1, RunState.Queued, false), (answer.Project, answer.Experiment, answer.Version, run.State, run.Reused));

        var record = await Load(run.Id);
        Assert.Equal(("pruning", "mlp", 1, "ann"), (record.Project, record.Experiment, record.Version, record.SubmittedBy));
        Assert.Equal(RunKey.Of(record.Spec), record.Key);
        Assert.Equal(Time.GetUtcNow(), record.Created);
        Assert.Equal(["baseline"], record.Tags);
        Assert.Equal("submitted by ann", Assert.Single(record.History).Message);
        Assert.NotNull(store.Peek(WorkspacePaths.ActiveRun(run.Id)));
        Assert.Equal(new RunWake("team", run.Id), RunWake.From(Assert.Single(Wakes)));
    }

    [Fact]
    public async Task What_is_resolved_is_in_the_runs_spec()
    {
        await Put("data/digits/train.csv", "1,2");
        await Put("data/digits/test.csv", "3,4");
        var spec = (await Spec()) with { Inputs = ["data/digits/"], Timeout = TimeSpan.FromHours(1), Retries = new(Lost: 3) };
        var run = (await Load((await Accepted(spec)).Runs[0].Id)).Spec;
        Assert.Equal((spec.Code.Snapshot, "abcdef0"), (run.Code.Snapshot, run.Code.Commit));
        Assert.Equal(["data/digits/test.csv", "data/digits/train.csv"], run.Inputs.Select(input => input.Path));
        Assert.Equal(3, run.Inputs[0].LengthBytes);
        Assert.Equal(Hash("3,4"), run.Inputs[0].Sha256);
        Assert.Equal((3, TimeSpan.FromHours(1), TimeSpan.FromSeconds(30)), (run.Retries.Lost, run.Timeout, run.Grace));
    }

    [Fact]
    public async Task A_run_that_is_given_back_is_reported_by_the_plots_of_now()
    {
        var spec = (await Spec()) with { Report = [new("Loss", Series: [new("loss")])] };
        var first = await Accepted(spec);
        var again = await Accepted(spec with { Report = [new("Accuracy", Series: [new("acc")])] });
        Assert.Equal((first.Runs[0].Id, true), (again.Runs[0].Id, again.Runs[0].Reused));
        Assert.Equal((1, 2), (first.Version, again.Version));
        Assert.Equal("Accuracy", Assert.Single((await Load(first.Runs[0].Id)).Spec.Report).Title);
        await Accepted(spec with { Report = [] });
        Assert.Equal("Accuracy", Assert.Single((await Load(first.Runs[0].Id)).Spec.Report).Title);
    }

    [Fact]
    public async Task A_run_that_is_given_back_is_judged_by_the_checks_of_now()
    {
        var spec = (await Spec()) with { Checks = new Dictionary<string, string> { ["loss"] = "..1" } };
        var id = (await Accepted(spec)).Runs[0].Id;
        await new RunStore(store).Apply(id, new RunEvent.Claim("worker", TimeSpan.FromMinutes(1)), Cancel);
        await new RunStore(store).Apply(
            id, new RunEvent.Finish(1, new(Cause.Completed, Values: new Dictionary<string, double> { ["loss"] = 0.5 })), Cancel);
        Assert.True(Assert.Single((await Load(id)).Checks).Passed);
        var again = Assert.Single((await Accepted(spec with { Checks = new Dictionary<string, string> { ["loss"] = "..0.1" } })).Runs);
        Assert.Equal((id, true), (again.Id, again.Reused));
        Assert.Equal(new("loss", "..0.1", 0.5, Passed: false), Assert.Single((await Load(id)).Checks));
        await Accepted(spec with { Checks = new Dictionary<string, string>() });
        Assert.False(Assert.Single((await Load(id)).Checks).Passed);
    }

    [Fact]
    public async Task Each_seed_is_a_run_of_one_version()
    {
        var answer = await Accepted((await Spec()) with { Seeds = [3, 1, 2] });
        Assert.Equal(3, answer.Runs.Select(run => run.Id).Distinct().Count());
        var seeds = new List<long>();
        foreach (var run in answer.Runs) seeds.Add((await Load(run.Id)).Spec.Seed);
        Assert.Equal([3L, 1L, 2L], seeds);
        Assert.Equal(3, Wakes.Count);
        Assert.Single((await Submission().Versions.List("pruning", "mlp", Cancel)).Found);
    }

    [Fact]
    public async Task The_same_experiment_again_joins_the_run_that_is_going()
    {
        var first = await Accepted(await Spec());
        await Apply(first.Runs[0].Id, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        var second = await Accepted((await Spec()) with { Name = "other-name", Tags = [], Timeout = TimeSpan.FromDays(1) });
        Assert.Equal(new SubmittedRun(first.Runs[0].Id, RunState.Preparing, Reused: true), Assert.Single(second.Runs));
        Assert.Equal("other-name", second.Experiment);
        Assert.Single(Wakes);
    }

    [Fact]
    public async Task A_finished_run_is_reused_and_a_failed_or_cancelled_one_is_not()
    {
        var spec = await Spec();
        var first = (await Accepted(spec)).Runs[0].Id;
        await End(first, Cause.UserCode);
        var second = (await Accepted(spec)).Runs[0];
        Assert.NotEqual(first, second.Id);
        Assert.False(second.Reused);
        await Apply(second.Id, new RunEvent.RequestCancel(null, null));
        var third = (await Accepted(spec)).Runs[0];
        Assert.NotEqual(second.Id, third.Id);
        await End(third.Id, Cause.Completed);
        Assert.Equal(new SubmittedRun(third.Id, RunState.Succeeded, Reused: true), (await Accepted(spec)).Runs[0]);
        Assert.Equal(3, Wakes.Count);
    }

    [Fact]
    public async Task A_run_that_is_asked_to_end_is_not_joined()
    {
        var spec = await Spec();
        var first = (await Accepted(spec)).Runs[0].Id;
        await Apply(first, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        await Apply(first, new RunEvent.RequestCancel(null, null));
        Assert.NotEqual(first, (await Accepted(spec)).Runs[0].Id);
    }

    [Fact]
    public async Task Afresh_always_makes_a_run_and_the_next_joins_the_newest()
    {
        var spec = await Spec();
        var first = (await Accepted(spec)).Runs[0].Id;
        var fresh = (await Accepted(spec with { Fresh = true })).Runs[0];
        Assert.NotEqual(first, fresh.Id);
        Assert.False(fresh.Reused);
        Assert.Equal(fresh.Id, (await Accepted(spec)).Runs[0].Id);
    }

    [Fact]
    public async Task A_deleted_run_frees_its_key()
    {
        var spec = await Spec();
        var first = (await Accepted(spec)).Runs[0].Id;
        await End(first, Cause.Completed);
        await Submission().Release(await Load(first), Cancel);
        await store.Delete(WorkspacePaths.Run(first), cancel: Cancel);
        var second = (await Accepted(spec)).Runs[0];
        Assert.NotEqual(first, second.Id);
        Assert.False(second.Reused);
    }

    [Fact]
    public async Task Releasing_an_old_run_leaves_the_key_to_the_newer_one()
    {
        var spec = await Spec();
        var first = (await Accepted(spec)).Runs[0].Id;
        var second = (await Accepted(spec with { Fresh = true })).Runs[0].Id;
        await Submission().Release(await Load(first), Cancel);
        Assert.Equal(second, (await Accepted(spec)).Runs[0].Id);
    }

    [Fact]
    public async Task A_run_whose_record_was_removed_by_hand_is_computed_anew_under_another_id_when_it_had_left_something()
    {
        var spec = await Spec();
        var first = (await Accepted(spec)).Runs[0].Id;
        await Put(WorkspacePaths.LogSegment(first, 1, 0), "log");
        await store.Delete(WorkspacePaths.Run(first), cancel: Cancel);
        Assert.NotEqual(first, (await Accepted(spec)).Runs[0].Id);
    }

    [Fact]
    public async Task Everything_that_does_not_exist_is_said_at_once()
    {
        await Put("data/digits.csv", "1");
        var spec = (await Spec()) with
        {
            Machine = "cpo",
            Command = "trian.cs",
            Inputs = ["data/digit.csv", "data/none/", "data/digits.csv"],
            From = new("0123456789ABCDEFGHJKMNPQRS"),
        };
        Assert.Equal(
            [
                "command: the code has no file 'trian.cs'; did you mean 'train.cs'?",
                "from.run: there is no run 0123456789ABCDEFGHJKMNPQRS",
                "inputs[0]: there is no file 'data/digit.csv' in the workspace; did you mean 'data/digits.csv'?",
                "inputs[1]: there is nothing under 'data/none/' in the workspace",
                "machine: there is no machine class 'cpo' here; did you mean 'cpu'?; known: cpu",
            ],
            (await Invalid(spec)).Order(StringComparer.Ordinal));
        Assert.Empty(store.PeekAll(WorkspacePaths.Runs));
        Assert.Empty(store.PeekAll(WorkspacePaths.Projects));
    }

    [Fact]
    public async Task A_snapshot_must_have_been_put_and_a_path_is_none()
    {
        var spec = await Spec();
        Assert.StartsWith("code.snapshot: there is no snapshot 0000", Assert.Single(await Invalid(spec with { Code = new(new string('0', 64)) })),
            StringComparison.Ordinal);
        Assert.StartsWith("code: give the snapshot", Assert.Single(await Invalid(spec with { Code = new(null, ".") })), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_spec_that_breaks_the_rules_is_refused_however_it_was_made() =>
        Assert.StartsWith(
            "project: '../x' is not a name", Assert.Single(await Invalid((await Spec()) with { Project = "../x" })), StringComparison.Ordinal);

    [Fact]
    public async Task A_folder_without_its_slash_and_too_many_files_are_explained()
    {
        await Put("data/set/a", "a");
        await Put("data/set/b", "b");
        Assert.Equal(
            "inputs[0]: 'data/set' is a folder; write 'data/set/'", Assert.Single(await Invalid((await Spec()) with { Inputs = ["data/set"] })));
        var strict = new Submission("team", store, bus, new SystemIds(Time), new() { MaxInputFiles = 1 });
        var result = Assert.IsType<SubmitResult.Invalid>(await strict.Submit((await Spec()) with { Inputs = ["data/set/"] }, null, cancel: Cancel));
        Assert.Equal("more than 1 files; pack them into archives", Assert.Single(result.Problems).Message);
    }

    [Fact]
    public async Task Inputs_that_do_not_fit_on_the_machine_are_refused_with_the_numbers_and_without_being_read()
    {
        await Put("data/set/a", new string('a', 600_000));
        await Put("data/set/b", new string('b', 600_000));
        var counted = new FailingWrites(store, bus);
        var small = new Submission("team", counted.Store, counted.Bus, new SystemIds(Time), new()
        {
            MachineClasses = ["cpu", "big"],
            DiskBytes = new Dictionary<string, long> { ["cpu"] = 1 << 20 },
        });
        var spec = (await Spec()) with { Inputs = ["data/set/"] };

        var result = Assert.IsType<SubmitResult.Invalid>(await small.Submit(spec, null, cancel: Cancel));

        Assert.Equal("inputs: 1.14 MiB of inputs do not fit on a machine of class cpu, which has 1 MiB for a run's files",
            Assert.Single(result.Problems).ToString());
        Assert.DoesNotContain(counted.Opened, key => key.StartsWith("data/", StringComparison.Ordinal));
        Assert.IsType<SubmitResult.Accepted>(await small.Submit(spec with { Inputs = ["data/set/a"] }, null, cancel: Cancel));
        Assert.IsType<SubmitResult.Accepted>(await small.Submit(spec with { Machine = "big" }, null, cancel: Cancel));
    }

    [Fact]
    public async Task A_dataset_is_hashed_once_and_again_when_it_changed()
    {
        await Put("data/big.bin", "one");
        var counted = new FailingWrites(store, bus);
        var spec = (await Spec()) with { Inputs = ["data/big.bin"] };
        var first = await Accepted(spec, new("team", counted.Store, counted.Bus, new SystemIds(Time), new()));
        await Accepted(spec, new("team", counted.Store, counted.Bus, new SystemIds(Time), new()));
        Assert.Single(counted.Opened, "data/big.bin");
        await Put("data/big.bin", "two");
        var changed = await Accepted(spec, Submission());
        Assert.NotEqual(first.Runs[0].Id, changed.Runs[0].Id);
        Assert.Equal(2, changed.Version);
        Assert.Equal(Hash("two"), (await Load(changed.Runs[0].Id)).Spec.Inputs[0].Sha256);

        // The same content under a new ETag is the same experiment.
        await Put("data/big.bin", "one");
        Assert.Equal((first.Runs[0].Id, 1), ((await Accepted(spec)).Runs[0].Id, (await Accepted(spec)).Version));
    }

    [Fact]
    public async Task A_run_can_start_from_a_checkpoint_of_another()
    {
        var trained = (await Accepted((await Spec()) with { Checks = new Dictionary<string, string> { ["val/error"] = "..0.1" } })).Runs[0].Id;
        await Apply(trained, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        foreach (var (step, error) in ((long, double)[])[(10, 0.3), (20, 0.1), (30, 0.2)])
        {
            var manifest = WorkspacePaths.CheckpointManifest(trained, 1, step);
            await store.PutJson(manifest, new CheckpointManifest(step, 1, [new("model.safetensors", 4, $"hash{step}", [])]), cancel: Cancel);
            await Apply(
                trained, new RunEvent.Commit(1, new(1, step, manifest, 4, Time.GetUtcNow(), StreamCursor.Start, StreamCursor.Start,
                    new Dictionary<string, double> { ["val/error"] = error, ["acc"] = step })));
        }

        async Task<long> Step(string checkpoint) =>
            (await Load((await Accepted((await Spec()) with { From = new(trained, checkpoint) })).Runs[0].Id)).Spec.From!.Step;
        Assert.Equal((30, 20, 10, 10, 30), (await Step("last"), await Step("best"), await Step("10"), await Step("min:acc"), await Step("max:acc")));
        Assert.Equal(
            $"from.checkpoint: run {trained} has no checkpoint of step 15; it has 10, 20, 30",
            Assert.Single(await Invalid((await Spec()) with { From = new(trained, "15") })));
        Assert.Equal(
            $"from.checkpoint: no checkpoint of run {trained} has a value of f1; they have acc, val/error",
            Assert.Single(await Invalid((await Spec()) with { From = new(trained, "max:f1") })));
        var bare = (await Accepted((await Spec()) with { Seeds = [99] })).Runs[0].Id;
        Assert.Equal($"from.checkpoint: run {bare} has no checkpoint yet; it has not ended",
            Assert.Single(await Invalid((await Spec()) with { From = new(bare) })));
    }

    [Fact]
    public async Task A_folder_as_command_is_resolved_and_counts_as_the_file()
    {
        var spec = await Spec();
        var run = (await Accepted(spec with { Command = "." })).Runs[0];
        Assert.Equal("train.cs", (await Load(run.Id)).Spec.Command);
        Assert.Equal(run.Id, (await Accepted(spec)).Runs[0].Id);
    }

    [Fact]
    public async Task A_rerun_executes_the_same_spec_anew()
    {
        var first = (await Accepted(await Spec())).Runs[0].Id;
        await End(first, Cause.Completed);
        var again = Assert.IsType<SubmitResult.Accepted>(await Submission().Rerun(first, "bob", cancel: Cancel)).Answer;
        var (old, run) = (await Load(first), await Load(again.Runs[0].Id));
        Assert.NotEqual(first, run.Id);
        Assert.Equal((old.Key, old.Version, "bob", RunState.Queued), (run.Key, run.Version, run.SubmittedBy, run.State));
        Assert.Null(await Submission().Rerun("0123456789ABCDEFGHJKMNPQRS", null, cancel: Cancel));
    }

    [Fact]
    public async Task A_run_whose_record_was_edited_is_run_again_only_if_it_could_be_submitted_and_everything_wrong_is_said()
    {
        await Put("data/a.csv", "1");
        var id = (await Accepted((await Spec()) with { Inputs = ["data/a.csv"] })).Runs[0].Id;
        await End(id, Cause.Completed);
        var whole = Encoding.UTF8.GetString((await store.Get(WorkspacePaths.Run(id), cancel: Cancel))!.Body);
        var edited = whole;
        foreach (var (from, to) in ((string, string)[])
        [
            ("\"machine\":\"cpu\"", "\"machine\":\"gpu-none\""), ("\"nodes\":1", "\"nodes\":-7"), ("\"lost\":10", "\"lost\":-1"),
            ("\"grace\":\"00:00:30\"", "\"grace\":\"-1.00:00:00\""),
            ("\"keep\":5", "\"keep\":0"), ("\"seed\":0", "\"seed\":-3"), ("\"path\":\"data/a.csv\"", "\"path\":\"../a.csv\""),
            ("\"lr\":0.1", "\"lr\":null"), ("\"version\":1", "\"version\":-1"),
            ("\"command\":\"train.cs\"", "\"command\":\"gone.cs\",\"timeout\":\"-00:01:00\""),
        ])
        {
            Assert.Contains(from, edited, StringComparison.Ordinal);
            edited = edited.Replace(from, to, StringComparison.Ordinal);
        }

        await store.Put(WorkspacePaths.Run(id), Encoding.UTF8.GetBytes(edited), cancel: Cancel);
        var before = store.PeekAll(WorkspacePaths.Runs).Count;
        var problems = Assert.IsType<SubmitResult.Invalid>(await Submission().Rerun(id, "bob", cancel: Cancel)).Problems.Select(problem =>
            problem.Path);
        Assert.Equal(
            ["checkpoints.keep", "command", "grace", "inputs[0]", "machine", "nodes", "params.lr", "retries.lost", "seed[0]", "timeout", "version"],
            problems.Order(StringComparer.Ordinal));
        Assert.Equal(before, store.PeekAll(WorkspacePaths.Runs).Count);

        await store.Put(WorkspacePaths.Run(id), Encoding.UTF8.GetBytes(whole), cancel: Cancel);
        Assert.IsType<SubmitResult.Accepted>(await Submission().Rerun(id, "bob", cancel: Cancel));
    }

    [Fact]
    public async Task Many_who_submit_the_same_at_once_get_one_run()
    {
        var spec = await Spec();
        var answers = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => Task.Run(() => Accepted(spec, Submission()), Cancel)));
        var run = Assert.Single(answers.Select(answer => answer.Runs[0].Id).Distinct());
        Assert.Single(store.PeekAll(WorkspacePaths.Runs));
        Assert.Single(answers, answer => !answer.Runs[0].Reused);
        Assert.All(Wakes, wake => Assert.Equal(run, RunWake.From(wake)!.Run));
    }

    [Fact]
    public async Task A_submission_costs_five_writes_and_one_wake()
    {
        var counted = new FailingWrites(store, bus);
        var submission = new Submission("team", counted.Store, counted.Bus, new SystemIds(Time), new());
        var spec = await Spec();
        await Accepted(spec, submission);
        var first = counted.Count;
        counted.Opened.Clear();
        await Accepted(spec with { Seeds = [1] }, submission);
        Assert.Equal((6, 12), (first, counted.Count));
        Assert.Empty(counted.Opened);
    }

    private IReadOnlyList<Message> Wakes => bus.Peek(QueueNames.ForMachine("cpu"));

    private Submission Submission() => new("team", store, bus, new SystemIds(Time), new());

    private async Task<ExperimentSpec> Spec() => new()
    {
        Project = "pruning",
        Name = "mlp",
        Code = new(await Snapshots.Put(store, ("train.cs", "Console.WriteLine();"), ("readme.md", "")), Commit: "abcdef0"),
        Command = "train.cs",
        Params = new Dictionary<string, JsonElement> { ["lr"] = JsonElement.Parse("0.1") },
        Tags = ["baseline"],
    };

    private async Task<Submitted> Accepted(ExperimentSpec spec, Submission? submission = null)
    {
        var result = await (submission ?? Submission()).Submit(spec, "ann", cancel: Cancel);
        return result is SubmitResult.Invalid invalid
            ? throw new InvalidOperationException(string.Join("\n", invalid.Problems))
            : Assert.IsType<SubmitResult.Accepted>(result).Answer;
    }

    private async Task<IEnumerable<string>> Invalid(ExperimentSpec spec) =>
        Assert.IsType<SubmitResult.Invalid>(await Submission().Submit(spec, "ann", cancel: Cancel)).Problems.Select(problem => problem.ToString());

    private Task<PutResult> Put(string key, string text) => store.Put(key, Encoding.UTF8.GetBytes(text), cancel: Cancel);

    private async Task<RunRecord> Load(string run) => (await new RunStore(store).Load(run, Cancel))!.Run;

    private Task<RunChange> Apply(string run, RunEvent happened) => new RunStore(store).Apply(run, happened, Cancel);

    private async Task End(string run, Cause cause)
    {
        var claimed = await Apply(run, new RunEvent.Claim("w", TimeSpan.FromMinutes(1)));
        Assert.True((await Apply(run, new RunEvent.Finish(claimed.Run!.Epoch, new(cause)))).Moved);
    }

    private static string Hash(string text) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
