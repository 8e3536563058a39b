namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>Gives every named extension a typed_config with a full <c>@type</c>.</summary>
internal sealed class ExtensionExpansion(ConfigObject root, ConfigErrors errors)
{
    /// <summary>Values and bytes of text that all copies of shared configurations together may hold.</summary>
    public const int MaxCopiedNodes = 200_000, MaxCopiedBytes = 64 << 20;

    private readonly Dictionary<string, ConfigObject> _shared = [];
    private readonly Dictionary<ConfigObject, DocumentSize> _sizes = [];
    private long _copiedNodes, _copiedBytes;
    private bool _copiedTooMuch;

    /// <summary>Extension of each HTTP filter name that some chain uses; null when two chains mean different ones by it.</summary>
    public Dictionary<string, ExtensionName?> HttpFilterTypes { get; } = [];

    /// <summary>extension_configs first: chains copy from them.</summary>
    public void ExpandShared()
    {
        foreach (var item in ShortForm.Items(root, "extension_configs"))
        {
            if (item.Text("name") is not { } name || item["typed_config"] is not ConfigObject config)
                continue; // the binder says what is missing
            Resolve(item, config, ExtensionKind.HttpFilter);
            _shared.TryAdd(name, config);
        }
    }

    public void Expand(ConfigObject owner, string field, ExtensionKind kind)
    {
        var items = ShortForm.Items(owner, field).ToList();
        foreach (var item in items)
        {
            if (Extension(item, kind) is not { } extension)
                continue;
            if (!item.Has("name"))
                item.InsertFirst("name", ConfigScalar.String(FreeName(items, extension.ShortName), item.Origin));
            if (kind == ExtensionKind.HttpFilter) Note(item, extension);
        }
    }

    /// <summary>An HTTP filter that is in the long form.</summary>
    public void Note(ConfigObject item)
    {
        if (item.Object("typed_config")?.Text("@type") is { } type
            && ExtensionNames.Find(ExtensionKind.HttpFilter, type) is { } extension) Note(item, extension);
    }

    private void Note(ConfigObject item, ExtensionName extension)
    {
        if (item.Text("name") is { } name && !HttpFilterTypes.TryAdd(name, extension) && HttpFilterTypes[name] != extension)
            HttpFilterTypes[name] = null;
    }

    /// <summary>The same for a field that holds one.</summary>
    public void ExpandOne(ConfigObject owner, string field, ExtensionKind kind)
    {
        if (owner.Object(field) is { } item && Extension(item, kind) is { } extension && !item.Has("name"))
            item.InsertFirst("name", ConfigScalar.String(extension.Name, item.Origin));
    }

    /// <summary>
    /// A shared configuration where it is used; the copies of one document are limited, as those of its YAML aliases are.
    /// </summary>
    private ConfigObject Copy(ConfigObject item, ConfigObject shared)
    {
        if (!_sizes.TryGetValue(shared, out var size))
            _sizes[shared] = size = DocumentLimits.Measure(shared);
        (_copiedNodes, _copiedBytes) = (_copiedNodes + size.Nodes, _copiedBytes + size.Bytes);
        if (_copiedNodes <= MaxCopiedNodes && _copiedBytes <= MaxCopiedBytes)
            return shared.Clone();
        if (!_copiedTooMuch)
            errors.Error(item, ConfigCode.InvalidValue,
                $"extension_configs are used so often that their copies exceed {MaxCopiedNodes} values or {MaxCopiedBytes >> 20} MiB",
                    "make them smaller, or use them in fewer places");
        _copiedTooMuch = true;
        return new ConfigObject(item.Origin);
    }

    private ExtensionName? Extension(ConfigObject item, ExtensionKind kind)
    {
        if (item["config_discovery"] is not null)
            return null; // refused by the binder
        var config = item["typed_config"];
        if (config is null or ConfigScalar { IsNull: true })
        {
            if (kind == ExtensionKind.HttpFilter && item.Text("name") is { } name && _shared.TryGetValue(name, out var shared))
                config = Copy(item, shared);
            else
                config = new ConfigObject(item.Origin);
            item.Set("typed_config", config);
        }
        return config is ConfigObject o ? Resolve(item, o, kind) : null;
    }

    private ExtensionName? Resolve(ConfigObject item, ConfigObject config, ExtensionKind kind)
    {
        var type = config["@type"];
        var asked = type ?? item["name"];
        if (asked is not ConfigScalar { Kind: ConfigScalarKind.String } name)
        {
            if (asked is null)
                errors.ErrorAt(item, "name", ConfigCode.MissingField, "'name' is missing");
            else
                errors.Error(asked, ConfigCode.InvalidType, $"must be a string, not {Validation.ConfigBinder.Article(asked)}");
            return null;
        }
        if (ExtensionNames.Find(kind, name.Text) is not { } extension)
        {
            if (ExtensionNames.IsNotServed(kind, name.Text))
            {
                errors.Error(name, ConfigCode.UnknownExtension,
                    $"the {Title(kind)} '{ExtensionNames.Bare(name.Text)}' is not available in this version");
                return null;
            }
            errors.Error(name, ConfigCode.UnknownExtension, $"there is no {Title(kind)} '{name.Text}'",
                errors.IsFull ? null : Suggestions.Hint(name.Text, ExtensionNames.Names(kind).Concat(type is null ? _shared.Keys : []))
                ?? (type is null ? "give typed_config an @type" : null));
            return null;
        }
        SetType(config, extension.TypeName, name.Origin);
        return extension;
    }

    /// <summary>The type stands first, as in every Envoy example.</summary>
    internal static void SetType(ConfigObject config, string typeName, ConfigOrigin origin)
    {
        if (typeName == DescriptorFiles.TypeName)
            DescriptorFiles.NameIn(config);
        var url = ConfigScalar.String(ExtensionNames.TypeUrlPrefix + typeName, origin);
        if (config.Has("@type"))
            config.Set("@type", url);
        else
            config.InsertFirst("@type", url);
    }

    private static string FreeName(List<ConfigObject> items, string name)
    {
        var taken = items.Select(i => i.Text("name")).ToHashSet();
        var free = name;
        for (var i = 2; taken.Contains(free); i++)
            free = $"{name}-{i}";
        return free;
    }

    private static string Title(ExtensionKind kind) => kind switch
    {
        ExtensionKind.ListenerFilter => "listener filter",
        ExtensionKind.NetworkFilter => "network filter",
        ExtensionKind.HttpFilter => "HTTP filter",
        ExtensionKind.DownstreamSocket or ExtensionKind.UpstreamSocket => "transport socket",
        _ => "access logger",
    };
}
