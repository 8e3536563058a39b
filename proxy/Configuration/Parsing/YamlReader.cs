using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Managed.Proxy.Configuration.Parsing;

/// <summary>Reads one YAML 1.2 document by the core schema. Aliases are copied, merge keys (<c>&lt;&lt;</c>) are applied, and both together
/// are bounded:
/// a few lines of nested aliases would otherwise stand for billions of nodes. What Envoy's reader takes besides is taken in its bootstrap
/// files.</summary>
internal sealed class YamlReader
{
    /// <summary>
    /// Most nodes that aliases and merges of one document may add. The largest sensible use repeats some options over a few hundred
    /// clusters.
    /// </summary>
    public const int MaxAliasNodes = 100_000;

    private const string TagPrefix = "tag:yaml.org,2002:";

    private readonly IParser _parser;
    private readonly ConfigSource _source;
    private readonly Dictionary<AnchorName, ConfigNode?> _anchors = [];
    private int _nodes, _aliasNodes;
    private long _aliasChars;
    private readonly ReadIssues _issues = new();
    private readonly YamlComments? _comments;

    private YamlReader(string text, ConfigSource source) =>
        (_parser, _source, _comments) = (new Parser(new StringReader(text)), source, YamlComments.MayBeIn(text) ? new(text) : null);

    public static ConfigNode? Read(string text, ConfigSource source, ConfigErrors errors)
    {
        var first = new ConfigErrors();
        if (ReadText(text, source, first) is { } node)
            return node;
        // The library takes a tab between a value and its comment for a part of neither, and spaces in the empty lines that a block
        // scalar begins with for its indentation.
        var softened = YamlTabs.Soften(text) ?? text;
        softened = YamlBlocks.Soften(softened) ?? softened;
        if (!ReferenceEquals(softened, text) && ReadText(softened, source, new ConfigErrors()) is { } second)
            return second;
        errors.AddAll(first);
        return null;
    }

    private static ConfigNode? ReadText(string text, ConfigSource source, ConfigErrors errors)
    {
        var reader = new YamlReader(text, source);
        try
        {
            var node = reader.Document();
            (source.TakesComments, source.Comments) = (true, reader._comments?.Collect());
            return reader._issues.Settle(node, errors);
        }
        catch (YamlReadException e)
        {
            errors.Error(e.Origin, ConfigCode.MalformedBody, e.Message);
        }
        catch (YamlException e)
        {
            var origin = reader.Origin(ConfigPath.Root, e.Start);
            errors.Error(e.Message.Contains("invalid tab", StringComparison.Ordinal) ? AtTab(origin, text) : origin,
                ConfigCode.MalformedBody, "not valid YAML: " + Reason(e.Message));
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException or NullReferenceException
            or FormatException or OverflowException)
        {
            // The library fails so on some texts that are no YAML, such as a plain scalar cut off by a tab.
            errors.Error(reader.Origin(ConfigPath.Root, reader._parser.Current?.End ?? Mark.Empty), ConfigCode.MalformedBody,
                "not valid YAML after this place");
        }
        reader._issues.Report(errors);
        return null;
    }

    private ConfigNode Document()
    {
        _parser.Consume<StreamStart>();
        if (_parser.Accept<StreamEnd>(out var end))
            throw Wrong(ConfigPath.Root, end, "the document is empty");
        _parser.Consume<DocumentStart>();
        if (_comments is not null && _parser.Accept<ParsingEvent>(out var first))
            _comments.Root(first);
        var root = Node(ConfigPath.Root, 1);
        _parser.Consume<DocumentEnd>();
        if (_parser.Accept<DocumentStart>(out var second))
            _issues.Add(Origin(ConfigPath.Root, second.Start), "more than one document; separate documents are not accepted",
                "more than one document: the first one counts");
        return root;
    }

    private ConfigNode Node(ConfigPath path, int depth)
    {
        var next = _parser.Consume<ParsingEvent>();
        if (depth > DocumentLimits.MaxDepth)
            throw Wrong(path, next, $"nested deeper than {DocumentLimits.MaxDepth} levels");
        if (++_nodes > DocumentLimits.MaxNodes)
            throw Wrong(path, next, $"more than {DocumentLimits.MaxNodes} values");
        if (next is AnchorAlias alias)
            return Alias(alias, path, depth);
        if (next is not NodeEvent { Anchor: var anchor })
            throw Wrong(path, next, "a value is missing here");
        if (!anchor.IsEmpty)
            _anchors[anchor] = null; // known, and not complete: an alias to it from inside is a loop
        ConfigNode node = next switch
        {
            MappingStart mapping => Mapping(mapping, path, depth),
            SequenceStart sequence => Sequence(sequence, path, depth),
            Scalar scalar => ScalarValue(scalar, path),
            _ => throw Wrong(path, next, "not expected here"),
        };
        if (!anchor.IsEmpty)
            _anchors[anchor] = node;
        return node;
    }

    private ConfigArray Sequence(SequenceStart start, ConfigPath path, int depth)
    {
        CheckTag(start.Tag, start, path, "seq");
        var array = new ConfigArray(Origin(path, start.Start));
        while (!_parser.TryConsume<SequenceEnd>(out _))
        {
            var child = path.Child(array.Count);
            if (_comments is not null && _parser.Accept<ParsingEvent>(out var begin))
                _comments.Item(child, begin, depth, start.Style == SequenceStyle.Flow);
            array.Add(Node(child, depth + 1));
        }
        return array;
    }

    private ConfigObject Mapping(MappingStart start, ConfigPath path, int depth)
    {
        CheckTag(start.Tag, start, path, "map");
        var o = new ConfigObject(Origin(path, start.Start));
        List<ConfigNode>? merges = null;
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            var next = _parser.Consume<ParsingEvent>();
            if (next is not Scalar key)
                throw Wrong(path, next, "a key must be a plain or quoted text");
            var child = path.Child(key.Value);
            var anchored = _parser.Accept<NodeEvent>(out var begin) && !begin.Anchor.IsEmpty;
            if (_comments is not null && _parser.Accept<ParsingEvent>(out var any))
                _comments.Member(child, key, any, depth);
            var value = Node(child, depth + 1);
            if (key.Tag is { IsEmpty: false, IsNonSpecific: false } && key.Tag.Value == "!ignore")
                continue; // Envoy's: what it holds is for aliases
            var member = new ConfigMember(key.Value, value, (int)key.Start.Line, (int)key.Start.Column) { IsAnchored = anchored };
            if (key is { Value: "<<", Style: ScalarStyle.Plain })
                (merges ??= []).Add(value);
            else if (!o.TryAdd(member))
            {
                _issues.Twice(Origin(child, key.Start), key.Value);
                o.Put(member);
            }
        }
        foreach (var merge in merges ?? [])
            Merge(o, merge, path, depth);
        return o;
    }

    /// <summary>Members of the mapping itself win, then those of earlier merges.</summary>
    private void Merge(ConfigObject target, ConfigNode merge, ConfigPath path, int depth)
    {
        if (merge is ConfigArray list)
            foreach (var item in list)
                MergeOne(target, item, path, depth);
        else
            MergeOne(target, merge, path, depth);
    }

    private void MergeOne(ConfigObject target, ConfigNode from, ConfigPath path, int depth)
    {
        if (from is not ConfigObject o)
            throw new YamlReadException(from.Origin, "a merge key (<<) takes a mapping or a list of mappings");
        foreach (var member in o.Members)
            target.TryAdd(member with { Value = Copy(member.Value, path.Child(member.Key), depth + 1) });
    }

    private ConfigNode Alias(AnchorAlias alias, ConfigPath path, int depth)
    {
        if (!_anchors.TryGetValue(alias.Value, out var node))
            throw Wrong(path, alias, $"alias '*{alias.Value}' has no anchor before it");
        return node is null
            ? throw Wrong(path, alias, $"alias '*{alias.Value}' is inside the node it stands for")
            : Copy(node, path, depth);
    }

    /// <summary>The node at another pointer; its line stays that of the text it is written in.</summary>
    private ConfigNode Copy(ConfigNode node, ConfigPath path, int depth)
    {
        var origin = node.Origin with { Path = path };
        if (++_aliasNodes > MaxAliasNodes)
            throw new YamlReadException(origin, $"aliases expand to more than {MaxAliasNodes} nodes");
        if (depth > DocumentLimits.MaxDepth)
            throw new YamlReadException(origin, $"nested deeper than {DocumentLimits.MaxDepth} levels");
        switch (node)
        {
            case ConfigObject o:
                var copy = new ConfigObject(origin);
                foreach (var member in o.Members)
                {
                    CountChars(member.Key, origin);
                    copy.TryAdd(member with { Value = Copy(member.Value, path.Child(member.Key), depth + 1) });
                }
                return copy;
            case ConfigArray a:
                var items = new ConfigArray(origin);
                foreach (var item in a)
                    items.Add(Copy(item, path.Child(items.Count), depth + 1));
                return items;
            default:
                CountChars(((ConfigScalar)node).Text, origin);
                return ((ConfigScalar)node).At(origin);
        }
    }

    // A copy shares the text; whoever writes the document out does not.
    private void CountChars(string text, ConfigOrigin origin)
    {
        if ((_aliasChars += text.Length) > DocumentLimits.MaxBytes)
            throw new YamlReadException(origin, $"aliases expand to more than {DocumentLimits.MaxBytes >> 20} MiB of text");
    }

    private ConfigScalar ScalarValue(Scalar scalar, ConfigPath path)
    {
        _comments?.Scalar(scalar);
        var origin = Origin(path, scalar.Start);
        var tag = scalar.Tag.IsEmpty || scalar.Tag.IsNonSpecific ? "" : scalar.Tag.Value;
        if (tag.Length == 0)
        {
            if (scalar.Style != ScalarStyle.Plain || scalar.Tag.IsNonSpecific)
                return ConfigScalar.String(scalar.Value, origin);
            var (kind, text) = YamlCoreSchema.Resolve(scalar.Value);
            return kind is { } known ? new(known, text, origin)
                : throw new YamlReadException(origin, $"'{scalar.Value}' is not a finite number");
        }
        if (tag == TagPrefix + "str")
            return ConfigScalar.String(scalar.Value, origin);
        var resolved = YamlCoreSchema.Resolve(scalar.Value);
        var fits = resolved.Kind switch
        {
            ConfigScalarKind.Number => tag is TagPrefix + "int" or TagPrefix + "float",
            ConfigScalarKind.Boolean => tag == TagPrefix + "bool",
            ConfigScalarKind.Null => tag == TagPrefix + "null",
            _ => false,
        };
        if (fits)
            return new(resolved.Kind!.Value, resolved.Text, origin);
        Tagged(origin, tag);
        return scalar.Style == ScalarStyle.Plain
            && resolved.Kind is { } kindOfPlain ? new(kindOfPlain, resolved.Text, origin) : ConfigScalar.String(scalar.Value, origin);
    }

    private void CheckTag(TagName tag, ParsingEvent at, ConfigPath path, string expected)
    {
        if (!tag.IsEmpty && !tag.IsNonSpecific && tag.Value != TagPrefix + expected)
            Tagged(Origin(path, at.Start), tag.Value);
    }

    private void Tagged(ConfigOrigin origin, string tag) => _issues.Add(origin, $"tag '{tag}' is not accepted here; leave it out", null);

    private YamlReadException Wrong(ConfigPath path, ParsingEvent at, string message) => new(Origin(path, at.Start), message);

    private ConfigOrigin Origin(ConfigPath path, Mark mark) => new(_source, path, (int)mark.Line, (int)mark.Column);

    /// <summary>
    /// A tab used to indent is reported with the start of the mapping around it; its own place is the first indentation after that with a
    /// tab.
    /// </summary>
    private static ConfigOrigin AtTab(ConfigOrigin origin, string text)
    {
        var number = 0;
        foreach (var line in text.AsSpan().Split('\n'))
        {
            if (++number < origin.Line)
                continue;
            var content = text.AsSpan(line);
            var tab = content.IndexOf('\t');
            if (tab >= 0 && content[..tab].IsWhiteSpace())
                return origin with { Line = number, Column = tab + 1 };
        }
        return origin;
    }

    /// <summary>The library's message begins with its own spelling of the place.</summary>
    private static string Reason(string message)
    {
        var end = message.StartsWith('(') ? message.IndexOf("): ", StringComparison.Ordinal) : -1;
        return (end < 0 ? message : message[(end + 3)..]).TrimEnd('.');
    }

    private sealed class YamlReadException(ConfigOrigin origin, string message) : Exception(message)
    {
        public ConfigOrigin Origin { get; } = origin;
    }
}
