using System.Text;

namespace Serverless.Core.Messaging;

/// <summary>Limits that every adapter keeps, because one of them must. What breaks one is a fault in the caller.</summary>
public static class MessageLimits
{
    public const int IdLength = 128, BodyBytes = 64 * 1024, NameLength = 100;

    /// <exception cref="ArgumentException">Its id is empty or too long, or its body is too large.</exception>
    public static void Check(Message message)
    {
        if (message.Id.Length is 0 or > IdLength)
        {
            throw new ArgumentException($"a message id has 1 to {IdLength} characters, '{message.Id}' has {message.Id.Length}", nameof(message));
        }

        var length = Encoding.UTF8.GetByteCount(message.Body);
        if (length > BodyBytes)
        {
            throw new ArgumentException($"the body of message {message.Id} has {length} bytes, {BodyBytes} are allowed", nameof(message));
        }
    }

    /// <param name="subscription">Whether it may also be a subscription's, with its topic.</param>
    /// <exception cref="ArgumentException">It cannot be the name of a queue or topic.</exception>
    public static void CheckName(string name, string parameter, bool subscription = false)
    {
        var parts = name.Split('/');
        if (parts.Length > (subscription ? 2 : 1)
            || parts.Any(part => part.Length is 0 or > NameLength || !part.All(c => char.IsAsciiLetterOrDigit(c) || c == '-')))
        {
            throw new ArgumentException(
                $"'{name}': names of queues, topics and subscriptions are 1 to {NameLength} letters, digits and '-'", parameter);
        }
    }
}
