using Serverless.Core.Messaging;
using Serverless.Core.Runs;
using Serverless.Core.Storage;
using Serverless.Tests.Runs;
using Serverless.Tests.Support;

namespace Serverless.Tests.Simulation;

/// <summary>
/// Everything that one seed makes happen: submitters, workers, tenders and a canceller over
/// one store and one bus, with faults at every call for a while.
/// </summary>
sealed class SimWorld
{
    public const string Workspace = "workspace";
    public static readonly string Events = QueueNames.Subscription(QueueNames.Events, "laws");
    private const int MostSteps = 500_000;
    private static readonly TimeSpan TimeToSettle = TimeSpan.FromDays(2);

    private readonly List<string>? trace;
    private readonly SimIds ids;
    private readonly bool namesReturn;
    private DateTimeOffset calm;

    private SimWorld(int seed, bool traced)
    {
        trace = traced ? [] : null;
        Random = new(seed);
        Clock = new(Random);
        ids = new(Random);
        LeaseLength = TimeSpan.FromSeconds(Random.Next(5, 30));
        Store = new(Clock, Random.Next(2) == 0 ? default : TimeSpan.FromSeconds(1));
        Bus = new(Clock, LeaseLength * (0.5 + Random.NextDouble() / 2), Random.Next);
        Laws = new(this);
        WorkerLaws = new(this);
        Store.Changed = Laws.Changed;
        Faults = Faults.Draw(Random);
        Poison = Random.Next(4) == 0 ? 0.02 : 0;
        namesReturn = Random.Next(2) == 0;
    }

    public Random Random { get; }
    public SimClock Clock { get; }
    public MemoryObjectStore Store { get; }
    public MemoryMessageBus Bus { get; }
    public TimeSpan LeaseLength { get; }
    public Faults Faults { get; private set; }
    public SimLaws Laws { get; }
    public SimWorkerLaws WorkerLaws { get; }

    /// <summary>How often a worker reads garbage instead of the record of the run that it is to take.</summary>
    public double Poison { get; private set; }

    /// <summary>Whose call is being applied.</summary>
    public SimProcess? Writer { get; set; }

    public string? Broken { get; private set; }
    public bool Traced => trace is not null;

    /// <returns>What broke, or null; and, when traced, every call and event in order.</returns>
    public static (string? Broken, IReadOnlyList<string> Trace) Run(int seed, bool traced = false)
    {
        var world = new SimWorld(seed, traced);
        using (world.Clock.Enter()) world.Run();
        return (world.Broken, world.trace ?? []);
    }

    public void Note(string who, string what) => trace?.Add($"{Clock.Now:HH:mm:ss.fff} {who,-12} {what}");

    public void Break(string what)
    {
        Broken ??= what;
        Note("BROKEN", what);
    }

    private void Run()
    {
        Bus.Subscribe(QueueNames.Events, "laws");
        calm = Clock.Now + TimeSpan.FromMinutes(Random.Next(1, 10));
        for (var i = 0; i < Random.Next(1, 4); i++) Start(
            $"submitter{i}", Submitter(Some.Run($"run-{i}", lost: Random.Next(4), failed: Random.Next(3))));
        for (var i = 0; i < Random.Next(1, 4); i++) Start($"worker{i}", Worker);
        for (var i = 0; i < Random.Next(1, 3); i++) Start($"tender{i}", Tender);
        Start("canceller", Canceller);
        Clock.At(Clock.Now, Mischief);
        Clock.At(calm, () =>
        {
            Note("world", "calm");
            Faults = Faults.None;
            Poison = 0;
        });

        for (var steps = 0; Broken is null; steps++)
        {
            if (Clock.Now >= calm && steps % 64 == 0 && Laws.Unfinished() is null) break;
            if (!Clock.Step()) Break("nothing will ever happen again");
            if (steps > MostSteps) Break($"goes round in circles: {Laws.Unfinished()}");
            if (Clock.Now > calm + TimeToSettle) Break($"does not settle: {Laws.Unfinished()}");
        }

        if (Broken is null) Laws.AtTheEnd();
    }

    /// <summary>Starts a process, and another in its place a while after it died.</summary>
    private void Start(string name, Func<SimProcess, IObjectStore, IMessageBus, Task> role, int life = 0)
    {
        var process = new SimProcess(this, namesReturn || life == 0 ? name : $"{name}.{life}");
        process.Died = () => Clock.At(Clock.Now + process.Seconds(60), () => Start(name, role, life + 1));
        process.Spawn(() => role(process, new SimStore(this, process, Store), new SimBus(this, process, Bus)));
    }

    private Func<SimProcess, IObjectStore, IMessageBus, Task> Submitter(RunRecord run) => async (process, store, bus) =>
    {
        // Some submitters that died have nobody to take their place.
        if (process.Name.Contains('.', StringComparison.Ordinal) && Random.Next(2) == 0) return;
        await process.Sleep(process.Seconds(60));
        var queue = new RunQueue(Workspace, store, bus, ids);
        await process.Retry(() => queue.Announce(run.Id));
        await process.Retry(() => new RunStore(store).Create(run));
        await process.Retry(() => queue.Wake(run));
    };

    private async Task Worker(SimProcess process, IObjectStore store, IMessageBus bus)
    {
        await new SimWorker(this, process, store, bus, ids).Work();
        process.Exit();
    }

    private async Task Tender(SimProcess process, IObjectStore store, IMessageBus bus)
    {
        var queue = new RunQueue(Workspace, store, bus, ids);
        while (true)
        {
            await process.Sleep(TimeSpan.FromMinutes(1));
            try
            {
                await queue.Tend();
            }
            catch (IOException e) when (e is StoreUnavailableException or BusUnavailableException)
            {
                Note(process.Name, "tends again later");
            }
        }
    }

    private async Task Canceller(SimProcess process, IObjectStore store, IMessageBus bus)
    {
        var queue = new RunQueue(Workspace, store, bus, ids);
        while (Clock.Now < calm)
        {
            await process.Sleep(process.Seconds(300));
            if (Laws.Records.Count == 0) continue;
            var run = Laws.Records.Keys.ElementAt(Random.Next(Laws.Records.Count));
            RunEvent happened = Random.Next(3) == 0
                ? new RunEvent.RequestCancel(process.Name, null)
                : new RunEvent.SetTags([process.Name + Random.Next()]);
            await process.Retry(() => queue.Apply(run, happened));
        }
    }

    private void Mischief()
    {
        if (Clock.Now >= calm) return;
        var queue = QueueNames.ForMachine("cpu");
        switch (Random.Next(6))
        {
            case 0:
                Note("world", "somebody sends what is no wake");
                _ = Bus.Send(queue, new(ids.Nonce(), "{\"run\": 1}"));
                break;
            case < 3:
                Bus.BreakLocks(queue);
                break;
            case < 5:
                Bus.Lose(queue, Random.Next(1000));
                break;
            default:
                Bus.LoseWakes();
                break;
        }

        Clock.At(Clock.Now + TimeSpan.FromSeconds(Random.Next(10, 300)), Mischief);
    }
}
