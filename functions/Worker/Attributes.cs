#if !CLOUD
// The attributes of Microsoft.Azure.Functions.Worker and its extensions that this project uses, with the same names and shapes, so that one source
// builds where those packages cannot be had. The embedded host reads them as the Functions
// host does. With -p:Cloud=true the packages' own take their place.
namespace Microsoft.Azure.Functions.Worker;

[AttributeUsage(AttributeTargets.Method)]
public sealed class FunctionAttribute(string name) : Attribute
{
    public string Name { get; } = name;
}

public enum AuthorizationLevel
{
    Anonymous,
    User,
    Function,
    System,
    Admin,
}

[AttributeUsage(AttributeTargets.Parameter)]
public sealed class HttpTriggerAttribute(AuthorizationLevel authLevel, params string[] methods) : Attribute
{
    public AuthorizationLevel AuthLevel { get; } = authLevel;

    public string[]? Methods { get; } = methods;

    /// <summary>Below <c>/api/</c>.</summary>
    public string? Route { get; set; }
}

/// <param name="schedule">Six fields, seconds first.</param>
[AttributeUsage(AttributeTargets.Parameter)]
public sealed class TimerTriggerAttribute(string schedule) : Attribute
{
    public string Schedule { get; } = schedule;

    public bool RunOnStartup { get; set; }
}

public sealed class TimerInfo
{
    public bool IsPastDue { get; set; }
}

[AttributeUsage(AttributeTargets.Parameter)]
public sealed class ServiceBusTriggerAttribute : Attribute
{
    public ServiceBusTriggerAttribute(string queueName) => QueueName = queueName;

    public ServiceBusTriggerAttribute(string topicName, string subscriptionName) => (TopicName, SubscriptionName) = (topicName, subscriptionName);

    public string? QueueName { get; }

    public string? TopicName { get; }

    public string? SubscriptionName { get; }

    /// <summary>Name of the setting with the connection.</summary>
    public string? Connection { get; set; }
}
#endif
