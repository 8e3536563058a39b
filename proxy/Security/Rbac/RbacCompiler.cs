using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Router.Matching;

namespace Managed.Proxy.Security.Rbac;

/// <summary>Makes rules of what a document says. What is wrong is added to the errors and comes out as null.</summary>
/// <param name="http">Requests are judged; otherwise connections, which have no headers, paths and routes.</param>
internal sealed class RbacCompiler(ConfigErrors errors, bool http)
{
    public RbacRule? Policy(RbacPolicyConfig config)
    {
        var permissions = Several(config.Permissions, Permission);
        var principals = Several(config.Principals, Principal);
        return permissions is null || principals is null ? null
            : new RbacRule.All([new RbacRule.OneOf(permissions), new RbacRule.OneOf(principals)]);
    }

    private RbacRule? Permission(RbacPermissionConfig config) => config switch
    {
        { AndRules: { } set } => Several(set.Rules, Permission) is { } all ? new RbacRule.All(all) : null,
        { OrRules: { } set } => Several(set.Rules, Permission) is { } all ? new RbacRule.OneOf(all) : null,
        { NotRule: { } not } => Permission(not) is { } rule ? new RbacRule.Not(rule) : null,
        { Any: true } => new RbacRule.Always(),
        { Header: { } header } => Header(header),
        { UrlPath: { } path } => UrlPath(path),
        { DestinationIp: { } block } => Address(RbacRule.End.Local, block),
        { DestinationPort: { } port } => new RbacRule.Port(port, port + 1),
        { DestinationPortRange: { } range } => new RbacRule.Port(range.Start, range.End),
        { Metadata: { } metadata } => Metadata(metadata, ofRoute: false),
        { SourcedMetadata: { } sourced } => Metadata(sourced),
        { RequestedServerName: { } name } => StringMatch.Of(name, errors) is { } match ? new RbacRule.ServerName(match) : null,
        _ => null,
    };

    private RbacRule? Principal(RbacPrincipalConfig config) => config switch
    {
        { AndIds: { } set } => Several(set.Ids, Principal) is { } all ? new RbacRule.All(all) : null,
        { OrIds: { } set } => Several(set.Ids, Principal) is { } all ? new RbacRule.OneOf(all) : null,
        { NotId: { } not } => Principal(not) is { } rule ? new RbacRule.Not(rule) : null,
        { Any: true } => new RbacRule.Always(),
        { Authenticated: { } authenticated } => Authenticated(authenticated),
        { SourceIp: { } block } => Address(RbacRule.End.Connection, block),
        { DirectRemoteIp: { } block } => Address(RbacRule.End.Direct, block),
        { RemoteIp: { } block } => Address(RbacRule.End.Remote, block),
        { Header: { } header } => Header(header),
        { UrlPath: { } path } => UrlPath(path),
        { Metadata: { } metadata } => Metadata(metadata, ofRoute: false),
        { SourcedMetadata: { } sourced } => Metadata(sourced),
        { FilterState: { } state } => State(state),
        _ => null,
    };

    private static RbacRule[]? Several<T>(IReadOnlyList<T> configs, Func<T, RbacRule?> one)
    {
        var rules = configs.Select(one).OfType<RbacRule>().ToArray();
        return rules.Length == configs.Count ? rules : null;
    }

    private RbacRule.Header? Header(HeaderMatcherConfig config)
        => IsForRequests(config, "header") && HeaderMatch.Compile(config, errors) is { } match ? new(match) : null;

    private RbacRule.UrlPath? UrlPath(PathMatcherConfig config)
        => IsForRequests(config, "url_path") && config.Path is { } path && StringMatch.Of(path, errors) is { } match ? new(match) : null;

    private RbacRule.Address? Address(RbacRule.End end, CidrRangeConfig block)
        => IpBlocks.Build([block], errors) is { IsEmpty: false } blocks ? new(end, blocks) : null;

    private RbacRule.Metadata? Metadata(SourcedMetadataConfig config)
    {
        bool ofRoute = config.MetadataSource == MetadataSource.Route;
        if (ofRoute && !http)
        {
            errors.ErrorAt(config.Node, "metadata_source", ConfigCode.UnsupportedField,
                "'ROUTE' is not supported: a connection has no route");
            return null;
        }
        return config.MetadataMatcher is { } matcher ? Metadata(matcher, ofRoute) : null;
    }

    private RbacRule.Metadata? Metadata(MetadataMatcherConfig config, bool ofRoute)
        => MetadataMatch.Compile(config, errors) is { } match ? new(match, ofRoute) : null;

    private RbacRule.Authenticated? Authenticated(RbacAuthenticatedConfig config)
        => config.PrincipalName is null ? new(null) : StringMatch.Of(config.PrincipalName, errors) is { } name ? new(name) : null;

    private RbacRule.State? State(FilterStateMatcherConfig config)
    {
        if (config.StringMatch is { } text)
            return StringMatch.Of(text, errors) is { } match ? new(config.Key, match, IpBlocks.None, false) : null;
        if (config.AddressMatch is not { } address) return null;
        int before = errors.Count;
        var blocks = IpBlocks.Build(address.Ranges, errors);
        return errors.Count == before ? new(config.Key, null, blocks, address.InvertMatch) : null;
    }

    private bool IsForRequests(ConfigRecord config, string field)
    {
        if (!http) errors.Error(config.Node, ConfigCode.UnsupportedField, $"'{field}' is not supported: a connection has no headers",
            "use the HTTP filter envoy.filters.http.rbac");
        return http;
    }
}
