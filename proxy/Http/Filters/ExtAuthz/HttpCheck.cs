using System.Buffers.Text;
using System.Text;
using Managed.Proxy.Http.Calls;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.ExtAuthz;

/// <summary>Asks a service by the head of the request itself, and takes its answer's status for the decision.</summary>
internal static class HttpCheck
{
    public static void Write(HttpCall call, HttpStream stream, AuthzSettings settings, AuthzBuffer? buffer, ReadOnlySpan<byte> body,
        bool isPartial)
    {
        var from = stream.RequestHeaders;
        var to = call.Request;
        to.Add(HeaderId.Method, from.Get(HeaderId.Method));
        to.Add(HeaderId.Scheme, from.Get(HeaderId.Scheme));
        to.Add(HeaderId.Authority, from.Get(HeaderId.Authority));
        byte[] path = [.. settings.PathPrefix, .. from.Get(HeaderId.Path)];
        to.Add(HeaderId.Path, path);
        int cursor = 0;
        while (from.Next(ref cursor, out ReadOnlySpan<byte> name, out var value))
            if (name[0] != ':' && FieldSyntax.IsEndToEnd(name) && settings.Sends(name)) to.Add(name, value);
        if (buffer is not null) to.Set("x-envoy-auth-partial-body"u8, isPartial ? "true"u8 : "false"u8);
        settings.Additions.Apply(to, stream.Info, stream.Worker.Scratch);
        call.RequestBody.Write(body);
    }

    public static Decision Read(HttpCall call, AuthzSettings settings)
    {
        var said = call.Response.Get(HeaderId.Status);
        if (call.Failed || !Utf8Parser.TryParse(said, out int status, out _) || status is < 200 or > 499)
            return new Decision(DecisionKind.Error);
        bool ok = status == 200;
        var body = ok ? default : call.ResponseBody.Written;
        long most = settings.Config.MaxDeniedResponseBodyBytes;
        if (most > 0 && body.Length > most) body = body[..(int)most];
        var decision = new Decision(ok ? DecisionKind.Ok : DecisionKind.Denied) { Status = status, Body = body.ToArray() };
        int cursor = 0;
        while (call.Response.Next(ref cursor, out ReadOnlySpan<byte> name, out var value))
        {
            if (settings.MetadataFrom?.Has(name) == true)
                decision.Metadata[Encoding.Latin1.GetString(name)] = Encoding.UTF8.GetString(value);
            if (name[0] == ':' || !FieldSyntax.IsEndToEnd(name)) continue;
            if (ok) OnOk(decision, settings, name, value);
            else if (settings.Client is null ? HeaderNames.Find(name) is not (HeaderId.Date or HeaderId.Server)
                : settings.Client.Has(name) || HeaderNames.Find(name) is HeaderId.WwwAuthenticate or HeaderId.ProxyAuthenticate
                    or HeaderId.Location)
                decision.Change(decision.Response, name, value, First(decision.Response, name));
        }
        return decision;
    }

    private static void OnOk(Decision decision, AuthzSettings settings, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.SequenceEqual("x-envoy-auth-headers-to-remove"u8))
        {
            while (FieldSyntax.NextMember(ref value, out var header)) decision.RemoveHeader(header);
            return;
        }
        if (settings.Upstream?.Has(name) == true) decision.Change(decision.Request, name, value, First(decision.Request, name));
        if (settings.UpstreamAppend?.Has(name) == true) decision.Change(decision.Request, name, value, HeaderChangeKind.Append);
        if (settings.ClientOnSuccess?.Has(name) == true) decision.Change(decision.Response, name, value, HeaderChangeKind.Add);
    }

    // Several fields of a name take the place of those that are there together.
    private static HeaderChangeKind First(List<HeaderChange> changes, ReadOnlySpan<byte> name)
    {
        foreach (var change in changes)
            if (name.SequenceEqual(change.Name)) return HeaderChangeKind.Add;
        return HeaderChangeKind.Set;
    }
}
