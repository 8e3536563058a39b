using Managed.Proxy.Http.Headers;
using Managed.Proxy.Security.Rbac;

namespace Managed.Proxy.Http.Filters.Rbac;

/// <summary>Judges a request by its head.</summary>
internal sealed class RbacFilter(RbacJudge own, RbacStats stats) : HttpFilter
{
    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        var judge = RouteConfig<RbacJudge>() ?? own;
        var subject = new RbacSubject(headers, Stream.Info, Stream.Route?.Metadata);
        if (judge.Denies(subject, Stream.Worker, stats) is not { } policy) return HeadersStatus.Continue;
        Stream.SendLocalReply(403, "RBAC: access denied"u8, policy.Details);
        return HeadersStatus.StopIteration;
    }
}
