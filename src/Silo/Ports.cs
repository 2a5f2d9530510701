using System.Net;
using System.Net.Sockets;
using PxBackup.Gateway.Hosting;

namespace PxBackup.Silo;

/// <summary>Looks at the ports before anything else happens, so that a taken one is told in one line and nothing was made yet.</summary>
internal static class Ports
{
    /// <exception cref="StartException">A port is taken or may not be used.</exception>
    public static void Check(Role role, GatewayOptions gateway, SiloOptions silo)
    {
        if (role != Role.Silo)
        {
            Check(gateway.Bind, gateway.RestPort, "REST", "--rest-port");
            Check(gateway.Bind, gateway.GrpcPort, "gRPC", "--grpc-port");
        }

        if (role == Role.Gateway)
            return;
        Check(silo.Address, silo.ListenPort > 0 ? silo.ListenPort : silo.Port, "silo", silo.ListenPort > 0 ? "--Silo:ListenPort" : "--silo-port");
        Check(silo.Address, silo.ClientPort, "client", "--client-port");
        if (role == Role.Silo)
            Check(silo.Address, silo.ProbePort, "probe", "--probe-port");
    }

    /// <summary>The port, or a free one for 0.</summary>
    public static int OrFree(int port) => port > 0 ? port : Free();

    /// <summary>A port of loopback that was free just now. Somebody else may take it meanwhile; then the start fails and the next one takes another.</summary>
    private static int Free()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static void Check(string bind, int port, string what, string option)
    {
        var address = bind switch
        {
            "*" => Socket.OSSupportsIPv6 ? IPAddress.IPv6Any : IPAddress.Any,
            "localhost" => IPAddress.Loopback,
            // What is no address is refused by the validation of the gateway's own options.
            _ => IPAddress.TryParse(bind, out var given) ? given : null,
        };
        if (port is <= 0 or > 65535 || address is null)
            return;
        try
        {
            using var listener = new TcpListener(address, port);
            listener.Start();
        }
        catch (SocketException taken)
        {
            throw new StartException($"the {what} port {port} on {bind} cannot be opened ({taken.Message}): stop what uses it, or choose another with {option}", taken);
        }
    }
}
