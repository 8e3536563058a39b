namespace Managed.Proxy.Configuration.Validation;

/// <summary>The node of a record's field, to report an error at; the record's own when the field was not written.</summary>
internal static class Place
{
    public static ConfigNode? Of(ConfigRecord record, string field) => (record.Node as ConfigObject)?[field] ?? record.Node;
}
