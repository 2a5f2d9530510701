using System.Text;
using System.Xml;
using System.Xml.Linq;

namespace PxBackup.FleetSimulator.ObjectStore;

/// <summary>What goes back: status, headers, body.</summary>
internal sealed class S3Answer
{
    public static readonly XNamespace Space = "http://s3.amazonaws.com/doc/2006-03-01/";

    public int Status { get; init; } = 200;

    public Dictionary<string, string> Headers { get; } = new(StringComparer.OrdinalIgnoreCase);

    public ReadOnlyMemory<byte> Body { get; init; }

    public string Code { get; init; } = "";

    public static S3Answer Empty(int status = 200) => new() { Status = status };

    public static S3Answer Xml(XElement root, int status = 200, string code = "")
    {
        var body = new MemoryStream();
        // Keys may hold characters that XML 1.0 cannot; S3 writes their references all the same.
        using (var writer = XmlWriter.Create(body, new XmlWriterSettings { CheckCharacters = false, Encoding = new UTF8Encoding(false) }))
            root.WriteTo(writer);
        return new() { Status = status, Code = code, Body = body.ToArray(), Headers = { ["Content-Type"] = "application/xml" } };
    }

    public static S3Answer Error(S3Fault fault, S3Request request, string requestId) => Xml(
        new XElement("Error", new XElement("Code", fault.Code), new XElement("Message", fault.Message),
            new XElement("Resource", request.RawPath), new XElement("RequestId", requestId), new XElement("HostId", "simulated")),
        (int)fault.Status, fault.Code);

    public S3Answer With(string header, string? value)
    {
        if (value is not null)
            Headers[header] = value;
        return this;
    }
}
