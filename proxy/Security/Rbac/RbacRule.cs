using System.Net;
using Managed.Proxy.Core.Tls;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;
using Managed.Proxy.Streams;

namespace Managed.Proxy.Security.Rbac;

/// <summary>One compiled condition of a policy. Asked on a worker; allocates nothing.</summary>
internal abstract class RbacRule
{
    /// <summary>False, with the work given up, when an expression cannot be asked; nothing is to be concluded from that.</summary>
    public abstract bool IsMatch(in RbacSubject subject, ref MatchWork work);

    internal sealed class Always : RbacRule
    {
        public override bool IsMatch(in RbacSubject subject, ref MatchWork work) => true;
    }

    internal sealed class Not(RbacRule inner) : RbacRule
    {
        public override bool IsMatch(in RbacSubject subject, ref MatchWork work) => !inner.IsMatch(subject, ref work);
    }

    internal sealed class All(RbacRule[] rules) : RbacRule
    {
        public override bool IsMatch(in RbacSubject subject, ref MatchWork work)
        {
            foreach (var rule in rules)
                if (!rule.IsMatch(subject, ref work)) return false;
            return true;
        }
    }

    internal sealed class OneOf(RbacRule[] rules) : RbacRule
    {
        public override bool IsMatch(in RbacSubject subject, ref MatchWork work)
        {
            foreach (var rule in rules)
                if (rule.IsMatch(subject, ref work)) return true;
            return false;
        }
    }

    internal sealed class Header(HeaderMatch match) : RbacRule
    {
        public override bool IsMatch(in RbacSubject subject, ref MatchWork work)
            => subject.Headers is { } headers && match.IsMatch(headers, ref work);
    }

    internal sealed class UrlPath(StringMatch match) : RbacRule
    {
        public override bool IsMatch(in RbacSubject subject, ref MatchWork work)
        {
            if (subject.Headers is not { } headers) return false;
            var path = headers.Get(HeaderId.Path);
            int end = path.IndexOfAny((byte)'?', (byte)'#');
            return match.IsMatch(end < 0 ? path : path[..end], ref work);
        }
    }

    /// <summary>Which of a stream's addresses.</summary>
    internal enum End : byte { Local, Connection, Direct, Remote }

    internal sealed class Address(End end, IpBlocks blocks) : RbacRule
    {
        public override bool IsMatch(in RbacSubject subject, ref MatchWork work) => blocks.Contains(Of(end, subject.Info)?.Address);

        private static IPEndPoint? Of(End end, StreamInfo info) => end switch
        {
            End.Local => info.LocalAddress,
            End.Connection => info.ConnectionRemoteAddress,
            End.Direct => info.DirectRemoteAddress,
            _ => info.RemoteAddress,
        };
    }

    internal sealed class Port(int start, int end) : RbacRule
    {
        public override bool IsMatch(in RbacSubject subject, ref MatchWork work)
            => subject.Info.LocalAddress is { } local && local.Port >= start && local.Port < end;
    }

    internal sealed class Metadata(MetadataMatch match, bool ofRoute) : RbacRule
    {
        public override bool IsMatch(in RbacSubject subject, ref MatchWork work)
            => ofRoute ? match.IsMatch(subject.RouteMetadata, ref work) : match.IsMatch(subject.Info.DynamicMetadata, ref work);
    }

    internal sealed class ServerName(StringMatch match) : RbacRule
    {
        public override bool IsMatch(in RbacSubject subject, ref MatchWork work)
            => match.IsMatch(subject.Info.RequestedServerName ?? "", ref work);
    }

    /// <summary>A certificate that nobody vouches for names nobody: it is as good as none.</summary>
    internal sealed class Authenticated(StringMatch? name) : RbacRule
    {
        public override bool IsMatch(in RbacSubject subject, ref MatchWork work)
        {
            if (subject.Info.DownstreamTls is not { } tls) return false;
            if (name is null) return true;
            if (!tls.IsPeerVerified || tls.Peer is not { } certificate) return false;
            return IsNamed(certificate, SanType.Uri, ref work) || IsNamed(certificate, SanType.Dns, ref work)
                || name.IsMatch(certificate.Subject, ref work);
        }

        private bool IsNamed(PeerCertificate certificate, SanType type, ref MatchWork work)
        {
            var names = certificate.AlternativeNames;
            for (int i = 0; i < names.Count; i++)
                if (names[i].Type == type && name!.IsMatch(names[i].Value, ref work)) return true;
            return false;
        }
    }

    internal sealed class State(string key, StringMatch? text, IpBlocks blocks, bool invert) : RbacRule
    {
        public override bool IsMatch(in RbacSubject subject, ref MatchWork work)
        {
            if (subject.Info.FilterState is not { } state || !state.TryGetValue(key, out object? value)) return false;
            string shown = StreamInfo.StateText(value);
            if (text is not null) return text.IsMatch(shown, ref work);
            return IPAddress.TryParse(shown, out var address) && blocks.Contains(address) != invert;
        }
    }
}
