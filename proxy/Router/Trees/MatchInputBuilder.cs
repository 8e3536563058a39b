using System.Net;
using System.Net.Sockets;
using System.Buffers.Binary;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Http.Headers;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Router.Trees;

/// <summary>Compiles the values that matchers look at, and their tests.</summary>
internal sealed class MatchInputBuilder(ConfigErrors errors, MatchPhases known)
{
    private const string Http = "envoy.type.matcher.v3.Http", Common = "envoy.extensions.matching.common_inputs.";
    private const string Network = Common + "network.v3.", Tests = "envoy.extensions.matching.input_matchers.";

    public bool AsksForResponse { get; private set; }

    public static string TypeOf(ConfigObject typed) => typed.Text("@type") is { } type ? type[(type.LastIndexOf('/') + 1)..] : "";

    public void Unknown(string what, ConfigObject typed)
        => errors.ErrorAt(typed, "@type", ConfigCode.UnknownExtension, $"the {what} '{TypeOf(typed)}' is not available in this version");

    /// <summary>Null with an error added.</summary>
    public MatchInput? Build(MatchInputConfig config)
    {
        if (config.TypedConfig is not { } typed) return null;
        if (Compile(typed) is not { } input) return null;
        AsksForResponse |= input.Phase == MatchPhases.Response;
        if ((known & input.Phase) != 0) return input;
        errors.ErrorAt(typed, "@type", ConfigCode.UnsupportedField, $"'{TypeOf(typed)}' is not supported here: "
            + (input.Phase == MatchPhases.Response ? "there is no response yet" : "a connection has no headers"));
        return null;
    }

    /// <summary>A test of one value; null with an error added.</summary>
    public MatchPredicate? Test(SinglePredicateConfig config)
    {
        if (config.Input is not { TypedConfig: { } typed } source) return null;
        if (TypeOf(typed) == Network + "DynamicMetadataInput") return OfMetadata(typed, config);
        if (Build(source) is not { } input) return null;
        if (config.ValueMatch is { } value)
            return StringMatch.Of(value, errors) is { } match ? new MatchPredicate.Text(input, match) : null;
        if (config.CustomMatch?.TypedConfig is not { } custom) return null;
        if (TypeOf(custom) != Tests + "ip.v3.Ip")
        {
            Unknown("test", custom);
            return null;
        }
        if (ConfigBinder.Bind<IpInputMatcherConfig>(custom, errors) is not { HasErrors: false } ip) return null;
        var table = new IpTable<object>();
        AddBlocks(ip.CidrRanges, table, this, exclusive: false);
        return new MatchPredicate.Address(input, table);
    }

    public void AddBlocks<T>(IReadOnlyList<CidrRangeConfig> ranges, IpTable<T> table, T value, bool exclusive)
    {
        Span<byte> bytes = stackalloc byte[16];
        foreach (var block in ranges)
        {
            if (!IPAddress.TryParse(block.AddressPrefix, out var prefix)
                || block.PrefixLen > (prefix.AddressFamily == AddressFamily.InterNetwork ? 32 : 128))
            {
                errors.ErrorAt(block.Node, "address_prefix", ConfigCode.InvalidValue,
                    $"'{block.AddressPrefix}/{block.PrefixLen}' is not a block of IP addresses");
                continue;
            }
            bytes.Clear();
            prefix.TryWriteBytes(bytes, out _);
            table.Add(BinaryPrimitives.ReadUInt128BigEndian(bytes), block.PrefixLen, prefix.AddressFamily, value, exclusive);
        }
    }

    private MatchPredicate.Metadata? OfMetadata(ConfigObject typed, SinglePredicateConfig config)
    {
        if (ConfigBinder.Bind<DynamicMetadataInputConfig>(typed, errors) is not { HasErrors: false } input) return null;
        if (config.CustomMatch?.TypedConfig is not { } custom || TypeOf(custom) != Tests + "metadata.v3.Metadata")
        {
            errors.Error(config.Node, ConfigCode.InvalidValue, "a value of metadata is tested by custom_match with the message "
                + Tests + "metadata.v3.Metadata");
            return null;
        }
        if (ConfigBinder.Bind<MetadataInputMatcherConfig>(custom, errors) is not { HasErrors: false } test) return null;
        var whole = new MetadataMatcherConfig { Filter = input.Filter, Path = input.Path, Value = test.Value, Invert = test.Invert };
        return MetadataMatch.Compile(whole, errors) is { } match ? new(match) : null;
    }

    private MatchInput? Compile(ConfigObject typed)
    {
        switch (TypeOf(typed))
        {
            case Http + "RequestHeaderMatchInput": return Header(typed, MatchInput.Of.RequestHeader);
            case Http + "ResponseHeaderMatchInput": return Header(typed, MatchInput.Of.ResponseHeader);
            case Http + "RequestQueryParamMatchInput":
                return ConfigBinder.Bind<QueryParamInputConfig>(typed, errors) is { HasErrors: false } query
                    ? new MatchInput(MatchInput.Of.QueryParameter, Encoding.UTF8.GetBytes(query.QueryParam)) : null;
            case Http + "ResponseStatusCodeMatchInput": return Plain(typed, MatchInput.Of.Status);
            case Http + "ResponseStatusCodeClassMatchInput": return Plain(typed, MatchInput.Of.StatusClass);
            case Http + "ResponseLocalReplyMatchInput": return Plain(typed, MatchInput.Of.LocalReply);
            case Network + "SourceIPInput": return Plain(typed, MatchInput.Of.SourceIp);
            case Network + "DirectSourceIPInput": return Plain(typed, MatchInput.Of.DirectSourceIp);
            case Network + "DestinationIPInput": return Plain(typed, MatchInput.Of.DestinationIp);
            case Network + "SourcePortInput": return Plain(typed, MatchInput.Of.SourcePort);
            case Network + "DestinationPortInput": return Plain(typed, MatchInput.Of.DestinationPort);
            case Network + "SourceTypeInput": return Plain(typed, MatchInput.Of.SourceType);
            case Network + "ServerNameInput": return Plain(typed, MatchInput.Of.ServerName);
            case Network + "FilterStateInput":
                return ConfigBinder.Bind<FilterStateInputConfig>(typed, errors) is { HasErrors: false } state
                    ? new MatchInput(MatchInput.Of.State, [], state.Key) : null;
            case Common + "ssl.v3.UriSanInput": return Plain(typed, MatchInput.Of.UriSan);
            case Common + "ssl.v3.DnsSanInput": return Plain(typed, MatchInput.Of.DnsSan);
            case Common + "ssl.v3.SubjectInput": return Plain(typed, MatchInput.Of.Subject);
            case Common + "environment_variable.v3.Config":
                if (ConfigBinder.Bind<EnvironmentInputConfig>(typed, errors) is not { HasErrors: false } variable) return null;
                string? set = Environment.GetEnvironmentVariable(variable.Name);
                return new MatchInput(set is null ? MatchInput.Of.Nothing : MatchInput.Of.Constant, Encoding.UTF8.GetBytes(set ?? ""));
            case Network + "DynamicMetadataInput":
                errors.ErrorAt(typed, "@type", ConfigCode.UnsupportedField, "'DynamicMetadataInput' is not supported here: a value of "
                    + "metadata is tested by single_predicate with custom_match");
                return null;
            default:
                Unknown("input", typed);
                return null;
        }
    }

    private MatchInput? Plain(ConfigObject typed, MatchInput.Of what)
        => ConfigBinder.Bind<EmptyConfig>(typed, errors) is { HasErrors: false } ? new MatchInput(what, []) : null;

    private MatchInput? Header(ConfigObject typed, MatchInput.Of what)
    {
        if (ConfigBinder.Bind<HeaderInputConfig>(typed, errors) is not { HasErrors: false } header) return null;
        string name = header.HeaderName.ToLowerInvariant();
        if (name == "host" && what == MatchInput.Of.RequestHeader) name = ":authority"; // as in Envoy
        if (HeaderName.IsValid(name)) return new MatchInput(what, Encoding.ASCII.GetBytes(name));
        errors.ErrorAt(typed, "header_name", ConfigCode.InvalidValue, $"'{header.HeaderName}' is not a header name");
        return null;
    }
}
