using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams.Formatting;

namespace Managed.Proxy.Http.Filters.ExtProc;

/// <summary>Whose headers a service changes.</summary>
internal enum MutationTarget : byte { Request, Response, Trailers, Reply }

/// <summary>Which headers a service may change, and the change itself (envoy.service.ext_proc.v3.HeaderMutation).</summary>
internal sealed class MutationRules
{
    private const int MaxName = 1024;
    // Of headers that somebody else makes; a map takes some more (HeaderMap.HasRoomFor).
    private const int MaxFields = 1000, MaxBytes = 256 * 1024;

    private readonly MutationRulesConfig _config;
    private readonly StringMatch? _allow, _disallow;

    private MutationRules(MutationRulesConfig config, StringMatch? allow, StringMatch? disallow)
        => (_config, _allow, _disallow) = (config, allow, disallow);

    /// <summary>Null when errors were added.</summary>
    public static MutationRules? Build(MutationRulesConfig config, ConfigErrors errors)
    {
        if (config.HasErrors) return null;
        int before = errors.Count;
        var built = new MutationRules(config, Compile(config.AllowExpression, errors), Compile(config.DisallowExpression, errors));
        return errors.Count == before ? built : null;
    }

    private static StringMatch? Compile(RegexMatcherConfig? expression, ConfigErrors errors)
        => expression is null ? null : StringMatch.Of(expression, errors);

    /// <summary>First removals, then what is set, in their order.</summary>
    /// <param name="mutation">The message.</param>
    /// <param name="headers">What is changed.</param>
    /// <param name="target">Whose they are.</param>
    /// <param name="replaces">The whole message is replaced: then :method may be another.</param>
    /// <param name="rejected">So many changes were not allowed.</param>
    /// <returns>False: it is none, one that is not allowed is an error, or there would be too many headers.</returns>
    public bool Apply(ReadOnlySpan<byte> mutation, HeaderMap headers, MutationTarget target, bool replaces, out int rejected)
    {
        rejected = 0;
        Span<byte> lower = stackalloc byte[MaxName];
        for (int pass = 2; pass > 0; pass--)
            for (var rest = mutation; !rest.IsEmpty;)
            {
                if (!ProtoReader.TryNext(ref rest, out int field, out var bytes, out _)) return false;
                if (field != pass) continue;
                bool done = field == 2 ? Remove(bytes, headers, lower) : Set(bytes, headers, target, replaces, lower);
                if (done) continue;
                rejected++;
                if (_config.DisallowIsError || field == 1 && !HasRoom(headers, bytes.Length)) return false;
            }
        return true;
    }

    private bool Remove(ReadOnlySpan<byte> name, HeaderMap headers, Span<byte> lower)
    {
        if (!TryLower(name, ref lower) || lower[0] == ':' || !FieldSyntax.IsEndToEnd(lower) || !IsAllowed(lower)) return false;
        headers.Remove(lower);
        return true;
    }

    private bool Set(ReadOnlySpan<byte> option, HeaderMap headers, MutationTarget target, bool replaces, Span<byte> lower)
    {
        if (!ProtoReader.TryField(option, 1, out var header)) return true;
        ProtoReader.TryField(header, 1, out var key);
        if (!ProtoReader.TryField(header, 3, out var value)) ProtoReader.TryField(header, 2, out value);
        if (!TryLower(key, ref lower)) return false;
        bool isMethod = lower.SequenceEqual(":method"u8);
        if (!(replaces && isMethod && target == MutationTarget.Request) && !IsAllowed(lower)) return false;
        if (lower[0] == ':') return SetPseudo(lower, value, headers, target);
        if (lower.SequenceEqual("host"u8) && target == MutationTarget.Request) return SetPseudo(":authority"u8, value, headers, target);
        if (!FieldSyntax.IsEndToEnd(lower) || !FieldSyntax.IsValue(value) || !HasRoom(headers, option.Length)) return false;
        value = FieldSyntax.Trim(value);
        bool there = headers.TryGet(lower, out _);
        // In these messages an option that says nothing replaces; append, the older field, counts where append_action says nothing.
        ulong action = ProtoReader.Number(option, 3, 0); // 1: if it is absent; 3: if it is there
        bool adds = action == 0 && ProtoReader.TryField(option, 2, out var flag) && ProtoReader.Number(flag, 1, 0) != 0;
        if (adds) headers.Add(lower, value);
        else if (action switch { 1 => !there, 3 => there, _ => true }) headers.Set(lower, value);
        return true;
    }

    private static bool HasRoom(HeaderMap headers, int more)
        => headers.Count < MaxFields && headers.ByteSize + more <= MaxBytes && headers.HasRoomFor(more);

    private static bool SetPseudo(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value, HeaderMap headers, MutationTarget target)
    {
        bool valid = target switch
        {
            MutationTarget.Request => HeaderValue.MaySetPseudo(name, value)
                || (name.SequenceEqual(":scheme"u8) && (value.SequenceEqual("http"u8) || value.SequenceEqual("https"u8))),
            MutationTarget.Response => name.SequenceEqual(":status"u8) && value.Length == 3
                && FieldSyntax.ParseLength(value) is >= 200 and <= 599,
            _ => false,
        };
        if (valid) headers.Set(name, value);
        return valid;
    }

    private bool IsAllowed(ReadOnlySpan<byte> name)
    {
        if (_disallow?.IsMatch(name) == true) return false;
        if (_allow?.IsMatch(name) == true) return true;
        if (_config.DisallowAll || (name[0] == ':' && _config.DisallowSystem)) return false;
        bool routes = name.SequenceEqual("host"u8) || name.SequenceEqual(":authority"u8) || name.SequenceEqual(":scheme"u8)
            || name.SequenceEqual(":method"u8);
        if (routes && !_config.AllowAllRouting) return false;
        return _config.AllowEnvoy || !name.StartsWith("x-envoy"u8);
    }

    private static bool TryLower(ReadOnlySpan<byte> name, ref Span<byte> lower)
    {
        if (name.IsEmpty || name.Length > lower.Length) return false;
        lower = lower[..name.Length];
        name.CopyTo(lower);
        return FieldSyntax.LowerName(lower[0] == ':' ? lower[1..] : lower);
    }
}
