using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Http.Filters.Tap;

/// <summary>
/// Which streams are written. Immutable; what is not known yet is neither true nor false, and false when nothing more comes.
/// </summary>
internal abstract class TapCondition
{
    private const int MostDepth = 16;

    /// <summary>Null: it depends on what is still to come.</summary>
    public abstract bool? Holds(TapMessage request, TapMessage response);

    /// <summary>How much of a body it looks at.</summary>
    public virtual long Looks(bool response) => 0;

    /// <summary>Null when errors were added or the binder has reported some.</summary>
    public static TapCondition? Build(TapMatchConfig? config, ConfigErrors errors, int depth = 0)
    {
        if (config is null) return null;
        if (depth > MostDepth)
        {
            errors.Error(config.Node, ConfigCode.InvalidValue, $"conditions lie more than {MostDepth} deep in each other");
            return null;
        }
        switch (config)
        {
            case { OrMatch: { } or }: return Set(or, any: true);
            case { AndMatch: { } and }: return Set(and, any: false);
            case { NotMatch: { } not }: return Build(not, errors, depth + 1) is { } inner ? new Not(inner) : null;
            case { AnyMatch: { } always }:
                if (always) return new Always();
                errors.ErrorAt(config.Node, "any_match", ConfigCode.InvalidValue, "must be true");
                return null;
            case { HttpRequestHeadersMatch: { } fields }: return Fields(fields, response: false, trailers: false);
            case { HttpRequestTrailersMatch: { } fields }: return Fields(fields, response: false, trailers: true);
            case { HttpResponseHeadersMatch: { } fields }: return Fields(fields, response: true, trailers: false);
            case { HttpResponseTrailersMatch: { } fields }: return Fields(fields, response: true, trailers: true);
            case { HttpRequestGenericBodyMatch: { } body }: return OfBody(body, response: false, errors);
            case { HttpResponseGenericBodyMatch: { } body }: return OfBody(body, response: true, errors);
            default: return null;
        }

        TapCondition? Set(TapMatchSetConfig set, bool any)
        {
            var all = set.Rules.Select(r => Build(r, errors, depth + 1)).OfType<TapCondition>().ToArray();
            return all.Length == set.Rules.Count ? new Several(all, any) : null;
        }

        TapCondition? Fields(TapHeadersMatchConfig fields, bool response, bool trailers)
            => HeaderMatch.CompileAll(fields.Headers, errors) is { } all ? new OfFields(all, response, trailers) : null;
    }

    private static InBody? OfBody(TapBodyMatchConfig config, bool response, ConfigErrors errors)
    {
        var patterns = new List<byte[]>();
        foreach (var pattern in config.Patterns)
        {
            if (pattern.StringMatch is { Length: > 0 } text) patterns.Add(Encoding.UTF8.GetBytes(text));
            else if (pattern.BinaryMatch is { Length: > 0 } coded)
            {
                byte[] bytes = new byte[coded.Length];
                if (Convert.TryFromBase64String(coded, bytes, out int length) && length > 0) patterns.Add(bytes[..length]);
                else errors.ErrorAt(pattern.Node, "binary_match", ConfigCode.InvalidValue, "is not base64");
            }
        }
        return patterns.Count == config.Patterns.Count ? new InBody([.. patterns], config.BytesLimit, response) : null;
    }

    private sealed class Always : TapCondition
    {
        public override bool? Holds(TapMessage request, TapMessage response) => true;
    }

    private sealed class Not(TapCondition inner) : TapCondition
    {
        public override bool? Holds(TapMessage request, TapMessage response) => !inner.Holds(request, response);
        public override long Looks(bool response) => inner.Looks(response);
    }

    private sealed class Several(TapCondition[] all, bool any) : TapCondition
    {
        public override bool? Holds(TapMessage request, TapMessage response)
        {
            bool? result = !any;
            foreach (var one in all)
            {
                bool? holds = one.Holds(request, response);
                if (holds == any) return any;
                if (holds is null) result = null;
            }
            return result;
        }

        public override long Looks(bool response) => all.Max(one => one.Looks(response));
    }

    private sealed class OfFields(HeaderMatch[] fields, bool ofResponse, bool trailers) : TapCondition
    {
        public override bool? Holds(TapMessage request, TapMessage response)
        {
            var message = ofResponse ? response : request;
            if (trailers ? !message.HasTrailers : !message.HasHeaders) return message.IsOver ? false : null;
            var map = trailers ? message.Trailers : message.Headers;
            foreach (var field in fields)
                if (!field.IsMatch(map)) return false;
            return true;
        }
    }

    private sealed class InBody(byte[][] patterns, long limit, bool ofResponse) : TapCondition
    {
        public override bool? Holds(TapMessage request, TapMessage response)
        {
            var message = ofResponse ? response : request;
            bool whole = message.IsOver || (limit > 0 ? message.Body.Length >= limit : message.BodyLength > message.Body.Length);
            if (!whole) return null; // looked at once
            var body = message.Body.Written;
            if (limit > 0 && body.Length > limit) body = body[..(int)limit];
            foreach (byte[] pattern in patterns)
                if (body.IndexOf(pattern) < 0) return false;
            return true;
        }

        public override long Looks(bool response) => response == ofResponse ? limit : 0;
    }
}
