using Google.Protobuf;

namespace PxBackup.Tests.EndToEnd;

/// <summary>Makes a good request wrong.</summary>
internal static class RequestChanges
{
    public static T With<T>(this T request, Action<T> change)
        where T : IMessage
    {
        change(request);
        return request;
    }
}
