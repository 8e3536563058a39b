using Managed.Proxy.Http.Headers;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.ExtAuthz;

internal enum DecisionKind : byte { Ok, Denied, Error }

/// <summary>What a change does to a header.</summary>
internal enum HeaderChangeKind : byte
{
    Set, Add,
    /// <summary>Behind a comma to what is there; nothing where nothing is.</summary>
    Append,
    AddIfAbsent, SetIfPresent,
}

internal readonly record struct HeaderChange(byte[] Name, byte[] Value, HeaderChangeKind Kind);

/// <summary>What a service has decided, in whatever protocol it said so.</summary>
internal sealed class Decision(DecisionKind kind)
{
    public DecisionKind Kind => kind;
    /// <summary>Of a refusal.</summary>
    public int Status { get; init; } = 403;
    public byte[] Body { get; init; } = [];
    /// <summary>To the request that goes on.</summary>
    public List<HeaderChange> Request { get; } = [];
    /// <summary>To the response: of the request that goes on, or of the refusal.</summary>
    public List<HeaderChange> Response { get; } = [];
    public List<byte[]> Remove { get; } = [];
    public List<(byte[] Name, byte[] Value)> QuerySet { get; } = [];
    public List<byte[]> QueryRemove { get; } = [];
    public Dictionary<string, object?> Metadata { get; init; } = [];
    /// <summary>It changes something in a way that no message may have; that change is left out.</summary>
    public bool HasInvalid { get; private set; }

    public bool ChangesRequest => Request.Count + Remove.Count + QuerySet.Count + QueryRemove.Count > 0;

    /// <param name="changes">One of the two lists.</param>
    /// <param name="name">Any case.</param>
    /// <param name="value">Any bytes.</param>
    public void Change(List<HeaderChange> changes, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, HeaderChangeKind how)
    {
        byte[] lower = name.ToArray();
        bool pseudo = lower is [(byte)':', ..];
        if (pseudo ? !HeaderValue.MaySetPseudo(lower, value) || ReferenceEquals(changes, Response)
            : !FieldSyntax.LowerName(lower) || !FieldSyntax.IsEndToEnd(lower) || !FieldSyntax.IsValue(value))
        {
            HasInvalid = true;
            return;
        }
        changes.Add(new HeaderChange(lower, FieldSyntax.Trim(value).ToArray(), pseudo ? HeaderChangeKind.Set : how));
    }

    /// <summary>What makes the request one, and how long it is, stays.</summary>
    public void RemoveHeader(ReadOnlySpan<byte> name)
    {
        byte[] lower = FieldSyntax.Trim(name).ToArray();
        if (FieldSyntax.LowerName(lower) && FieldSyntax.IsEndToEnd(lower)) Remove.Add(lower);
        else HasInvalid |= lower is not [(byte)':', ..] && !lower.AsSpan().SequenceEqual("host"u8);
    }
}
