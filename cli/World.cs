using Serverless.Core;

namespace Serverless.Cli;

/// <summary>What commands take from outside the process.</summary>
sealed record World(TimeProvider Time, IIds Ids, Interrupts Interrupts);
