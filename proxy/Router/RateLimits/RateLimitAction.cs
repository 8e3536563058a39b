using System.Net;
using System.Net.Sockets;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Router.RateLimits;

/// <summary>A compiled action: adds an entry to a descriptor.</summary>
internal abstract class RateLimitAction
{
    /// <summary>False: it has nothing to add, and there is no descriptor.</summary>
    public abstract bool TryAdd(in RateLimitSubject subject, DescriptorList to);

    /// <summary>Null with errors added.</summary>
    public static RateLimitAction? Compile(RateLimitActionConfig config, ConfigErrors errors) => config switch
    {
        { DestinationCluster: not null } => new Cluster(),
        { RemoteAddress: not null } => new Address(),
        { MaskedRemoteAddress: { } mask } => new Masked(mask.V4PrefixMaskLen, mask.V6PrefixMaskLen),
        { GenericKey: { } key } => new Fixed(Bytes(key.DescriptorKey, "generic_key"), Bytes(key.DescriptorValue), null, null, true),
        { RequestHeaders: { } header } => HeaderNameOf(header, errors) is { } name
            ? new Header(name, Bytes(header.DescriptorKey), header.SkipIfAbsent) : null,
        { QueryParameters: { } query } => new Query(Bytes(query.QueryParameterName), Bytes(query.DescriptorKey), query.SkipIfAbsent),
        { HeaderValueMatch: { } match } => HeaderMatch.CompileAll(match.Headers, errors) is { } headers
            ? new Fixed(Bytes(match.DescriptorKey, "header_match"), Bytes(match.DescriptorValue), headers, null, match.ExpectMatch) : null,
        { QueryParameterValueMatch: { } match } => Queries(match.QueryParameters, errors) is { } queries
            ? new Fixed(Bytes(match.DescriptorKey, "query_match"), Bytes(match.DescriptorValue), null, queries, match.ExpectMatch) : null,
        { Metadata: { MetadataKey: not null } metadata } => new Metadata(metadata),
        _ => null,
    };

    private static byte[] Bytes(string text, string absent = "") => Encoding.UTF8.GetBytes(text.Length > 0 ? text : absent);

    private static HeaderName? HeaderNameOf(RateLimitHeaderConfig config, ConfigErrors errors)
    {
        if (HeaderName.IsValid(config.HeaderName)) return new HeaderName(config.HeaderName);
        errors.ErrorAt(config.Node, "header_name", ConfigCode.InvalidValue, $"'{config.HeaderName}' is not a header name");
        return null;
    }

    private static QueryMatch[]? Queries(IReadOnlyList<QueryParameterMatcherConfig> configs, ConfigErrors errors)
    {
        var all = configs.Select(c => QueryMatch.Compile(c, errors)).OfType<QueryMatch>().ToArray();
        return all.Length == configs.Count ? all : null;
    }

    private sealed class Cluster : RateLimitAction
    {
        public override bool TryAdd(in RateLimitSubject subject, DescriptorList to)
        {
            if (subject.Cluster is not { } name) return false;
            Span<byte> bytes = stackalloc byte[1024];
            if (!Encoding.UTF8.TryGetBytes(name, bytes, out int length)) return false;
            to.Add("destination_cluster"u8, bytes[..length]);
            return true;
        }
    }

    private sealed class Address : RateLimitAction
    {
        public override bool TryAdd(in RateLimitSubject subject, DescriptorList to)
        {
            if (subject.Info.RemoteAddress is not { } client) return false;
            Span<byte> text = stackalloc byte[64];
            var address = client.Address.IsIPv4MappedToIPv6 ? client.Address.MapToIPv4() : client.Address;
            if (!address.TryFormat(text, out int length)) return false;
            to.Add("remote_address"u8, text[..length]);
            return true;
        }
    }

    private sealed class Masked(int v4, int v6) : RateLimitAction
    {
        public override bool TryAdd(in RateLimitSubject subject, DescriptorList to)
        {
            if (subject.Info.RemoteAddress is not { } client) return false;
            var address = client.Address.IsIPv4MappedToIPv6 ? client.Address.MapToIPv4() : client.Address;
            Span<byte> bytes = stackalloc byte[16];
            address.TryWriteBytes(bytes, out int size);
            int bits = address.AddressFamily == AddressFamily.InterNetwork ? v4 : v6;
            for (int i = 0; i < size; i++)
                bytes[i] &= (byte)(bits >= 8 * (i + 1) ? 0xFF : bits <= 8 * i ? 0 : 0xFF << (8 * (i + 1) - bits));
            Span<byte> text = stackalloc byte[72];
            if (!new IPAddress(bytes[..size]).TryFormat(text, out int length)) return false;
            text[length++] = (byte)'/';
            System.Buffers.Text.Utf8Formatter.TryFormat(bits, text[length..], out int digits);
            to.Add("masked_remote_address"u8, text[..(length + digits)]);
            return true;
        }
    }

    private sealed class Header(HeaderName name, byte[] key, bool skip) : RateLimitAction
    {
        public override bool TryAdd(in RateLimitSubject subject, DescriptorList to)
        {
            if (!name.TryGet(subject.Headers, out var value)) return skip;
            to.Add(key, value);
            return true;
        }
    }

    private sealed class Query(byte[] name, byte[] key, bool skip) : RateLimitAction
    {
        public override bool TryAdd(in RateLimitSubject subject, DescriptorList to)
        {
            if (!QueryString.TryFind(subject.Headers.Get(HeaderId.Path), name, out var value)) return skip;
            to.Add(key, value);
            return true;
        }
    }

    private sealed class Fixed(byte[] key, byte[] value, HeaderMatch[]? headers, QueryMatch[]? queries, bool expected) : RateLimitAction
    {
        public override bool TryAdd(in RateLimitSubject subject, DescriptorList to)
        {
            bool matches = true;
            if (headers is not null) matches = HeaderMatch.AllMatch(headers, subject.Headers);
            else if (queries is not null)
            {
                var work = new MatchWork();
                foreach (var match in queries) matches &= match.IsMatch(subject.Headers.Get(HeaderId.Path), ref work);
            }
            if (matches != expected) return false;
            to.Add(key, value);
            return true;
        }
    }

    private sealed class Metadata(RateLimitMetadataConfig config) : RateLimitAction
    {
        private readonly byte[] _key = Encoding.UTF8.GetBytes(config.DescriptorKey);
        private readonly string[] _path = [.. config.MetadataKey!.Path.Select(p => p.Key!)];

        public override bool TryAdd(in RateLimitSubject subject, DescriptorList to)
        {
            string text = Find(subject) is { Length: > 0 } found ? found : config.DefaultValue;
            if (text.Length == 0) return config.SkipIfAbsent;
            Span<byte> bytes = stackalloc byte[4096];
            // What is longer than a value may be is cut there.
            Encoding.UTF8.GetEncoder().Convert(text, bytes, flush: true, out _, out int length, out _);
            to.Add(_key, bytes[..length]);
            return true;
        }

        private string? Find(in RateLimitSubject subject)
        {
            object? value = null;
            if (config.Source == RateLimitMetadataSource.RouteEntry)
            {
                if (subject.RouteMetadata is { } route && route.TryGetValue(config.MetadataKey!.Key, out var space)) value = space;
            }
            else if (subject.Info.DynamicMetadata is { } all && all.TryGetValue(config.MetadataKey!.Key, out var values)) value = values;
            foreach (string key in _path)
                value = value switch
                {
                    IReadOnlyDictionary<string, object?> map => map.GetValueOrDefault(key),
                    ConfigObject o => o[key],
                    _ => null,
                };
            return value switch { string text => text, ConfigScalar { Kind: ConfigScalarKind.String } scalar => scalar.Text, _ => null };
        }
    }
}
