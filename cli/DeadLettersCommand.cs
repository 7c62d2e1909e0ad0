using System.CommandLine;
using Serverless.Cli.Terminal;
using Serverless.Core.Messaging;

namespace Serverless.Cli;

static class DeadLettersCommand
{
    public static Verb Create(World world) =>
        new Verb("dead-letters", "Manage messages that could not be handled").With(List(world), Show(world), Requeue(world));

    private static Verb List(World world) =>
        new Verb("list", "List dead letters, and why they could not be handled").Does(world, async (session, cancel) =>
    {
        var letters = (await session.Api.GetDeadLetters(cancel)).Letters;
        if (session.Output.Json) Output.WriteJson(letters.ToList());
        else session.Output.Write(Table(letters, session.Output.Now));
    });

    private static Listing Table(IEnumerable<DeadLetterInfo> letters, DateTimeOffset now) =>
        new Listing(Column.Word("ID"), Column.Text("QUEUE", 3), Column.Word("RUN", 2), Column.Text("REASON", 1, narrowest: 20),
            Column.Number("SINCE", 4))
        .AddAll(letters.Select(letter => new Cell[]
        {
            new(letter.Id, "bold"), letter.Queue, letter.Run is { } run ? new Cell(Format.ShortId(run), "blue") : new Cell("-", "dim"), letter.Reason,
            new(Format.Ago(letter.At, now), "dim"),
        }));

    private static Verb Show(World world)
    {
        var id = Id();
        return new Verb("show", "Show a dead letter with its body").With(id).Does(world, async (session, cancel) =>
        {
            var letter = await Find(session, id, cancel);
            if (session.Output.Json)
            {
                Output.WriteJson(letter);
                return;
            }

            session.Output.Write(Listing.Facts()
                .Add(new Cell("id", "dim"), letter.Id).Add(new Cell("queue", "dim"), letter.Queue).Add(new Cell("run", "dim"), letter.Run ?? "-")
                .Add(new Cell("reason", "dim"), letter.Reason).Add(new Cell("deliveries", "dim"), $"{letter.Deliveries}")
                .Add(new Cell("since", "dim"), Format.Time(letter.At)).Add(new Cell("body", "dim"), letter.Body));
        });
    }

    private static Verb Requeue(World world)
    {
        var id = Id();
        return new Verb("requeue", "Send a dead letter again, once its cause is fixed (admins only); a run that has ended stays as it is").With(id)
            .Does(world, async (session, cancel) =>
        {
            var letter = await Find(session, id, cancel);
            await session.Api.Requeue(letter, cancel);
            if (session.Output.Json) Output.WriteJson(letter);
            else session.Output.Line($"Sent {letter.Id} to {letter.Queue} again");
        });
    }

    private static Argument<string> Id() => new("ID") { Description = "Id of the message, as exp dead-letters list shows it" };

    private static async Task<DeadLetterInfo> Find(Session session, Argument<string> id, CancellationToken cancel)
    {
        var wanted = session.Get(id);
        return (await session.Api.GetDeadLetters(cancel)).Letters.FirstOrDefault(letter => letter.Id == wanted)
            ?? throw ExpException.NotFound($"there is no dead letter '{wanted}'; see: exp dead-letters list");
    }
}
