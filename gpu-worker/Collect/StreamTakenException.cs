namespace Serverless.GpuWorker.Collect;

/// <summary>This attempt's stream has another writer: nothing that it would say is known to be true.</summary>
sealed class StreamTakenException(string message) : Exception(message);
