using CsCheck;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using MongoDB.Bson;
using MongoDB.Bson.Serialization;
using PxBackup.Api;
using PxBackup.Persistence.MongoDB;
using Xunit;
using Type = System.Type;

namespace PxBackup.Tests.Adapters.Persistence;

/// <summary>Messages as BSON and back: nothing is lost, and what is not a body is refused.</summary>
public sealed class MongoBodyTests
{
    /// <summary>Every message type of the contract and of the records.</summary>
    private static readonly MessageDescriptor[] Types =
    [
        .. ((Type[])[typeof(ClusterObject), typeof(PxBackup.Grains.Records.IRecordStore)])
            .SelectMany(type => type.Assembly.GetTypes())
            .Where(type => typeof(IMessage).IsAssignableFrom(type) && type.IsClass && !type.IsAbstract)
            .Select(type => ((IMessage)Activator.CreateInstance(type)!).Descriptor),
    ];

    [Fact]
    public void Any_message_comes_back_as_it_was()
    {
        Assert.Contains(Types, type => type.Name == "BackupRecord");
        Gen.Int.Sample(
            seed =>
            {
                var random = new Random(seed);
                var message = RandomMessages.Of(Types[random.Next(Types.Length)], random);

                var back = Read(message.Descriptor, Rested(BodyWriter.Write(message)));

                Assert.True(message.Equals(back), $"{message.Descriptor.FullName} {Convert.ToHexString(message.ToByteArray())} became {Convert.ToHexString(back.ToByteArray())}: {BodyWriter.Write(message)}");
                Assert.Equal(message.CalculateSize(), back.CalculateSize());
            },
            iter: 20_000);
    }

    [Fact]
    public void Every_message_type_comes_back_when_all_its_fields_may_be_set()
    {
        foreach (var type in Types)
        {
            for (var seed = 0; seed < 10; seed++)
            {
                var message = RandomMessages.Of(type, new Random(seed));

                Assert.Equal(message, Read(type, Rested(BodyWriter.Write(message))));
            }
        }
    }

    [Fact]
    public void People_can_read_a_body()
    {
        var body = new BackupObject
        {
            Metadata = new Metadata { Name = "nightly", CreateTime = Timestamp.FromDateTimeOffset(A.Noon), Labels = { ["app.kubernetes.io/name"] = "db", [""] = "$empty" } },
            BackupInfo = new BackupInfo { Status = new BackupInfo.Types.StatusInfo { Status = BackupInfo.Types.StatusInfo.Types.Status.InProgress } },
        };

        var json = BodyWriter.Write(body).ToJson();

        Assert.Contains("\"create_time\" : { \"$date\" : \"2026-05-17T12:00:00Z\" }", json);
        Assert.Contains("{ \"key\" : \"app.kubernetes.io/name\", \"value\" : \"db\" }", json);
        Assert.Contains("\"status\" : \"InProgress\"", json);
    }

    [Fact]
    public void A_field_that_a_newer_version_wrote_by_name_survives_a_change_by_this_one()
    {
        var document = BodyWriter.Write(A.Body("a", "kubeconfig"));
        document["brand_new"] = new BsonDocument("deep", 7L);
        document["metadata"]["colour"] = "blue";

        var read = (ClusterObject)Read(ClusterObject.Descriptor, Rested(document));
        var travelled = ClusterObject.Parser.ParseFrom(read.Clone().ToByteArray());
        travelled.Metadata.Name = "b";
        var written = BodyWriter.Write(travelled);

        Assert.Equal("a", read.Metadata.Name);
        Assert.Equal(("b", "blue", 7L), (written["metadata"]["name"].AsString, written["metadata"]["colour"].AsString, written["brand_new"]["deep"].AsInt64));
    }

    [Fact]
    public void A_client_cannot_smuggle_a_known_field_or_an_operator_in_as_an_unknown_one()
    {
        foreach (var smuggled in (BsonDocument[])[new("name", "other"), new("$set", 1), new("_unknown", 1)])
        {
            var buffer = new MemoryStream();
            using (var output = new CodedOutputStream(buffer, leaveOpen: true))
            {
                output.WriteTag(BodyWriter.CarriedField, WireFormat.WireType.LengthDelimited);
                output.WriteBytes(ByteString.CopyFrom(smuggled.ToBson()));
            }

            var message = Metadata.Parser.ParseFrom(buffer.ToArray());
            message.Name = "mine";

            var document = BodyWriter.Write(message);

            Assert.Equal(["name", BodyWriter.Unknown], document.Names);
            Assert.Equal("mine", document["name"]);
            Assert.Equal(message, Read(Metadata.Descriptor, Rested(document)));
        }
    }

    [Theory]
    [InlineData("{ \"$type\" : \"System.Diagnostics.Process\", \"metadata\" : {} }")]
    [InlineData("{ \"a.b\" : 1 }")]
    [InlineData("{ \"metadata\" : [] }")]
    [InlineData("{ \"metadata\" : null }")]
    [InlineData("{ \"metadata\" : { \"name\" : 5 } }")]
    [InlineData("{ \"metadata\" : { \"name\" : { \"$ne\" : 1 } } }")]
    [InlineData("{ \"metadata\" : { \"create_time\" : \"2026-01-01\" } }")]
    [InlineData("{ \"metadata\" : { \"create_time\" : { \"date\" : { \"$date\" : 0 }, \"nanos\" : 1999999 } } }")]
    [InlineData("{ \"metadata\" : { \"create_time\" : { \"$date\" : { \"$numberLong\" : \"9000000000000000000\" } } } }")]
    [InlineData("{ \"metadata\" : { \"create_time_in_sec\" : 1.5 } }")]
    [InlineData("{ \"metadata\" : { \"labels\" : { \"a\" : \"b\" } } }")]
    [InlineData("{ \"metadata\" : { \"labels\" : [ { \"key\" : \"a\", \"value\" : \"b\", \"more\" : 1 } ] } }")]
    [InlineData("{ \"clusterInfo\" : { \"status\" : { \"status\" : \"NoSuchStatus\" } } }")]
    [InlineData("{ \"_unknown\" : \"text\" }")]
    [InlineData("{ \"_unknown\" : { \"$binary\" : { \"base64\" : \"/////w==\", \"subType\" : \"00\" } } }")]
    public void What_is_not_a_body_is_refused(string json)
    {
        var document = BsonSerializer.Deserialize<BsonDocument>(json);

        Assert.Throws<FormatException>(() => Read(ClusterObject.Descriptor, document));
    }

    private static BsonDocument Rested(BsonDocument document) => BsonSerializer.Deserialize<BsonDocument>(document.ToBson());

    private static IMessage Read(MessageDescriptor type, BsonDocument document)
    {
        var message = type.Parser.ParseFrom([]);
        BodyReader.Read(document, message);
        return message;
    }
}
