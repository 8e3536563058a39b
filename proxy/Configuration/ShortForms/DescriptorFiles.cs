namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>
/// Envoy's <c>proto_descriptor: PATH</c> becomes <c>proto_descriptor: {filename: PATH}</c>: read when a version is made and kept with it,
/// as every file is that a document names.
/// </summary>
internal static class DescriptorFiles
{
    public const string TypeName = "envoy.extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder";
    private static readonly string[] Fields = ["proto_descriptor", "protoDescriptor"];

    /// <summary>Of one configuration, in place.</summary>
    public static void NameIn(ConfigObject config)
    {
        foreach (string field in Fields)
        {
            if (config[field] is not ConfigScalar { Kind: ConfigScalarKind.String } path) continue;
            config.Set(field, new ConfigObject(path.Origin).Set("filename", ConfigScalar.String(path.Text, path.Origin)));
        }
    }

    /// <summary>The document with the files named in all configurations that have any; itself where there is none.</summary>
    public static ConfigObject InDocument(ConfigObject document)
    {
        if (!Any(document)) return document;
        var named = document.Clone();
        Walk(named);
        return named;
    }

    private static bool Any(ConfigNode node)
    {
        if (node is ConfigArray array)
        {
            for (var i = 0; i < array.Count; i++)
                if (array[i] is not ConfigScalar && Any(array[i])) return true;
        }
        else if (node is ConfigObject o)
            foreach (var (name, value) in o.Members)
                if (value is ConfigScalar scalar ? scalar.Kind == ConfigScalarKind.String && Fields.Contains(name) : Any(value))
                    return true;
        return false;
    }

    private static void Walk(ConfigNode node)
    {
        if (node is ConfigArray array)
        {
            for (var i = 0; i < array.Count; i++) Walk(array[i]);
        }
        else if (node is ConfigObject o)
        {
            NameIn(o);
            for (var i = 0; i < o.Members.Count; i++) Walk(o.Members[i].Value);
        }
    }
}
