using System.Net;
using System.Net.Sockets;

namespace Serverless.Core.Notifications;

/// <summary>Which addresses are somebody's on the internet, and not this machine's, its network's, or its cloud's own.</summary>
static class PublicAddress
{
    /// <summary>
    /// Everything of IPv4 that is not given out to the public (IANA's special-purpose registry), and one
    /// address that is, but behind which every Azure machine finds its host.
    /// </summary>
    private static readonly IPNetwork[] KeptOfV4 =
    [
        .. ((string[])
        [
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
            "192.88.99.0/24", "192.168.0.0/16",
            "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
        ]).Select(text => IPNetwork.Parse(text)),
    ];

    /// <summary>
    /// Of IPv6 only this is given out to the public. Outside of it are loopback, unique-local, link-local, site-local and multicast addresses, and
    /// those in which one of IPv4 hides: ::ffff:0:0/96, ::/96, 64:ff9b::/96 and 64:ff9b:1::/48.
    /// </summary>
    private static readonly IPNetwork GivenOut = IPNetwork.Parse("2000::/3");

    /// <summary>What is kept within: protocols (Teredo among them, in which one of IPv4 hides), 6to4 (likewise), documentation.</summary>
    private static readonly IPNetwork[] KeptOfV6 = [.. ((string[])["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"]).Select(text =>
        IPNetwork.Parse(text))];

    public static bool Is(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        return address.AddressFamily == AddressFamily.InterNetwork
            ? !KeptOfV4.Any(network => network.Contains(address))
            : GivenOut.Contains(address) && !KeptOfV6.Any(network => network.Contains(address));
    }
}
