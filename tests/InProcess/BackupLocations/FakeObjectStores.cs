using System.Collections.Concurrent;
using Xunit;
using PxBackup.ObjectStores;

namespace PxBackup.Tests.InProcess.BackupLocations;

/// <summary>Object stores that say what a test tells them to, bucket by bucket.</summary>
internal sealed class FakeObjectStores : IObjectStoreFactory
{
    private readonly ConcurrentDictionary<string, FakeBucket> _buckets = new();

    /// <summary>The bucket of this name; there is one for every name.</summary>
    public FakeBucket this[string name] => _buckets.GetOrAdd(name, _ => new FakeBucket());

    public IObjectStore Open(S3StoreSettings settings)
    {
        var bucket = this[settings.Bucket];
        bucket.Opened.Enqueue(settings);
        return new Store(bucket);
    }

    private sealed class Store(FakeBucket bucket) : IObjectStore
    {
        public async Task<StoreCheck> ValidateAsync(CancellationToken cancellationToken)
        {
            bucket.Asked.TrySetResult();
            await bucket.Answers.Task.WaitAsync(cancellationToken);
            if (!bucket.Exists)
                throw new ObjectStoreException(StoreFailure.BucketNotFound, "NoSuchBucket", "the bucket does not exist");
            return bucket.Refusal is { } refusal ? throw refusal : bucket.Check;
        }

        public Task CreateBucketAsync(CancellationToken cancellationToken)
        {
            if (bucket.CreationRefusal is { } refusal)
                throw refusal;
            bucket.Exists = true;
            return Task.CompletedTask;
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;

        public Task<ObjectLockState> ReadObjectLockAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

        public IAsyncEnumerable<StoredObject> ListAsync(string prefix, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<IReadOnlyList<string>> ListFoldersAsync(string prefix, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<ReadOnlyMemory<byte>?> ReadAsync(string key, int maxBytes, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<bool> AnyAsync(string prefix, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<bool> PutAsync(string key, ReadOnlyMemory<byte> content, bool onlyIfAbsent, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<DeleteResult> DeletePrefixAsync(string prefix, CancellationToken cancellationToken) => throw new NotSupportedException();
    }
}

/// <summary>How one bucket behaves.</summary>
internal sealed class FakeBucket
{
    public FakeBucket() => Answers.SetResult();

    public bool Exists { get; set; } = true;

    public ObjectStoreException? Refusal { get; set; }

    public ObjectStoreException? CreationRefusal { get; set; }

    public StoreCheck Check { get; set; } = new(ObjectLockState.None, true, []);

    /// <summary>With what it was opened, in order.</summary>
    public ConcurrentQueue<S3StoreSettings> Opened { get; } = new();

    /// <summary>Done when somebody has asked.</summary>
    public TaskCompletionSource Asked { get; private set; } = New();

    /// <summary>Not done while the store keeps everybody waiting.</summary>
    public TaskCompletionSource Answers { get; private set; } = New();

    /// <summary>From now on nobody gets an answer.</summary>
    public void Hold() => (Asked, Answers) = (New(), New());

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
