using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;

namespace Managed.Proxy.Router.Matching;

/// <summary>The node of a record's field, to report an error at; the record's own when the field was not written.</summary>
internal static class Place
{
    public static ConfigNode? Of(ConfigRecord record, string field) => (record.Node as ConfigObject)?[field] ?? record.Node;
}
