using System.Collections;

namespace Managed.Proxy.Configuration.Validation;

/// <summary>
/// A record that was taken over from a former document. Records within it may have been taken over before that already, so each of them
/// knows the nodes of the document that it was bound in.
/// </summary>
internal static class FormerRecord
{
    /// <summary>The record's node with the one that it stands for now, then those of records within it that are of elsewhere.</summary>
    public static IEnumerable<(ConfigNode Former, ConfigNode Now)> Nodes(object part, ConfigNode now)
    {
        var pairs = new List<(ConfigNode, ConfigNode)>();
        if (part is ConfigRecord { Node: { } node } record)
        {
            pairs.Add((node, now));
            AddInner(record, now, pairs);
        }
        return pairs;
    }

    private static void AddInner(ConfigRecord record, ConfigNode now, List<(ConfigNode, ConfigNode)> pairs)
    {
        if (now is not ConfigObject copy || record.Node is not ConfigObject own)
            return;
        foreach (var field in RecordShape.Of(record.GetType()).Fields)
        {
            // Maps are bound without a look at the former document.
            if (!RecordShape.IsRecord(field.Type) || field.IsMap || copy[field.Name] is not { } value || own[field.Name] is not { } its)
                continue;
            switch (field.Property.GetValue(record))
            {
                case IList list when value is ConfigArray items && its is ConfigArray theirs:
                    for (var i = 0; i < list.Count && i < items.Count; i++)
                        Add(list[i] as ConfigRecord, theirs[i], items[i]);
                    break;
                case ConfigRecord inner:
                    Add(inner, its, value);
                    break;
            }
        }

        void Add(ConfigRecord? inner, ConfigNode its, ConfigNode value)
        {
            if (inner?.Node is not { } node)
                return;
            if (!ReferenceEquals(node, its))
                pairs.Add((node, value));
            AddInner(inner, value, pairs);
        }
    }
}
