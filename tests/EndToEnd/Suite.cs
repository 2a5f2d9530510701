using Xunit;

// Each class has a machine of its own with a server of its own: two of them at once keep two cores busy.
[assembly: CollectionBehavior(MaxParallelThreads = 2)]
