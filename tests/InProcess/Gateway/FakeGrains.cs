using System.Collections.Concurrent;
using System.Reflection;
using Orleans;
using PxBackup.Grains.Interfaces;
using PxBackup.Grains.Interfaces.Access;
using PxBackup.Grains.Interfaces.Catalog;

namespace PxBackup.Tests.InProcess.Gateway;

/// <summary>One call that a grain got.</summary>
public sealed record GrainCall(Type Grain, string Key, string Method, object?[] Arguments)
{
    public T Argument<T>() => Arguments.OfType<T>().Single();
}

/// <summary>Stands for all grains: records what they are asked, answers what the test says. An unexpected call fails.</summary>
public sealed class FakeGrains
{
    private readonly ConcurrentDictionary<(Type Grain, string Method), Func<GrainCall, object?>> _answers = new();

    public FakeGrains()
    {
        Factory = DispatchProxy.Create<IGrainFactory, FactoryProxy>();
        ((FactoryProxy)Factory).Grains = this;
        Answer<ICatalogGrain>("ResolveAsync", Resolve);
    }

    public IGrainFactory Factory { get; }

    public ConcurrentQueue<GrainCall> Calls { get; } = new();

    /// <summary>Name to uid, for look-ups in the catalog.</summary>
    public Dictionary<(ObjectKind Kind, string Name), string> Names { get; } = [];

    public void Answer<TGrain>(string method, Func<GrainCall, object?> answer) => _answers[(typeof(TGrain), method)] = answer;

    /// <summary>Answers what no other answer is for; null: such a call fails.</summary>
    public Func<GrainCall, object?>? Otherwise { get; set; }

    public GrainCall Last<TGrain>() => Calls.Last(call => call.Grain == typeof(TGrain));

    private ResolvedObject Resolve(GrainCall call)
    {
        var (kind, org, name, uid) = ((ObjectKind)call.Arguments[0]!, (string)call.Arguments[1]!, (string)call.Arguments[2]!, (string)call.Arguments[3]!);
        var found = Names.FirstOrDefault(entry => entry.Key.Kind == kind && (name.Length == 0 || entry.Key.Name == name) && (uid.Length == 0 || entry.Value == uid));
        return found.Value is null
            ? throw DomainException.NotFound(kind, name.Length > 0 ? name : uid)
            : new() { Key = new ObjectKey(org, found.Value), Name = found.Key.Name, Owner = call.Argument<Caller>().UserId };
    }

    private object? Invoke(GrainCall call, Type returns)
    {
        Calls.Enqueue(call);
        if (!_answers.TryGetValue((call.Grain, call.Method), out var answer) && (answer = Otherwise) is null)
            throw new InvalidOperationException($"unexpected call of {call.Grain.Name}.{call.Method}");
        if (returns == typeof(Task))
            return Run(call, answer);
        return typeof(FakeGrains).GetMethod(nameof(RunAsync), BindingFlags.NonPublic | BindingFlags.Static)!
            .MakeGenericMethod(returns.GetGenericArguments()[0]).Invoke(null, [call, answer]);
    }

    private static async Task Run(GrainCall call, Func<GrainCall, object?> answer)
    {
        await Task.Yield();
        answer(call);
    }

    private static async Task<T> RunAsync<T>(GrainCall call, Func<GrainCall, object?> answer)
    {
        await Task.Yield();
        return (T)answer(call)!;
    }

    /// <summary>Makes grains of any interface.</summary>
    public class FactoryProxy : DispatchProxy
    {
        public FakeGrains Grains { get; set; } = null!;

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
        {
            var type = targetMethod!.GetGenericArguments()[0];
            var grain = (GrainProxy)typeof(DispatchProxy).GetMethod(nameof(Create), 2, Type.EmptyTypes)!.MakeGenericMethod(type, typeof(GrainProxy)).Invoke(null, null)!;
            (grain.Grains, grain.Type, grain.Key) = (Grains, type, Convert.ToString(args![0]) ?? "");
            return grain;
        }
    }

    /// <summary>One grain.</summary>
    public class GrainProxy : DispatchProxy
    {
        public FakeGrains Grains { get; set; } = null!;

        public Type Type { get; set; } = null!;

        public string Key { get; set; } = "";

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) =>
            Grains.Invoke(new GrainCall(Type, Key, targetMethod!.Name, args ?? []), targetMethod.ReturnType);
    }
}
