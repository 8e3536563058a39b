using Managed.Proxy.Configuration.Host;

namespace Managed.Proxy.Configuration;

/// <summary>Collects every error and warning of a document, so that one answer reports them all.</summary>
public sealed class ConfigErrors
{
    /// <summary>A hostile document must not make an endless answer.</summary>
    public const int Limit = 1000;

    private readonly List<ConfigError> _errors = [];
    private readonly List<ConfigNote> _notes = [];

    // A shared part is checked once for each place that uses it.
    private readonly HashSet<ConfigError> _seen = [];
    private readonly HashSet<ConfigNote> _noted = [];

    /// <summary>Where stored modules are found while this document is built; null where there is no store.</summary>
    public ModuleSource? Modules { get; init; }

    /// <summary>What the document may take from the machine.</summary>
    public HostAccess Host { get; init; } = new();

    /// <summary>The sensitive field that is being read, or that what is being read is below of.</summary>
    internal string? SensitiveField { get; set; }

    /// <summary>In the order of the text, so that they read like it.</summary>
    public IReadOnlyList<ConfigError> Errors => InTextOrder(_errors);

    /// <summary>Likewise, each with its place in this document.</summary>
    public IReadOnlyList<ConfigError> Warnings => InTextOrder(Located());

    /// <summary>Parts of a former document that stand for parts of this one.</summary>
    internal FormerPlaces Places { get; } = new();

    /// <summary>How many warnings there are, before those that say the same of one place become one.</summary>
    internal int Noted => _notes.Count;

    /// <summary>Those that came after so many.</summary>
    internal IReadOnlyList<ConfigNote> NotesSince(int noted) => _notes.Count == noted ? [] : _notes.GetRange(noted, _notes.Count - noted);

    /// <summary>What was said of a part of a former document, which stands for one of this.</summary>
    internal void Repeat(IReadOnlyList<ConfigNote> notes)
    {
        foreach (var note in notes)
            Add(note);
    }

    /// <summary>How many errors there are.</summary>
    public int Count => _errors.Count;

    /// <summary>What is found from here on is not listed, so hints for it need not be looked for.</summary>
    public bool IsFull => _errors.Count > Limit || _notes.Count > Limit;

    public bool HasErrors => _errors.Count > 0;

    /// <summary>An error at a node; a null node means the document as a whole.</summary>
    public void Error(ConfigNode? node, string code, string detail, string? hint = null) =>
        Error(node?.Origin ?? ConfigOrigin.None, code, detail, hint);

    /// <summary>An error at a node that is none of the document's: see <see cref="ConfigError.MayPass"/>.</summary>
    public void Absent(ConfigNode? node, string code, string detail) =>
        Add(_errors, From(node?.Origin ?? ConfigOrigin.None, code, detail, null) with { MayPass = true });

    /// <summary>
    /// An error at a field of an object: at the field's own place when it is there, else at the object's with the field added to the
    /// pointer.
    /// </summary>
    public void ErrorAt(ConfigNode? node, string field, string code, string detail, string? hint = null) =>
        Error(FieldOrigin(node, field), code, detail, hint);

    public void Error(ConfigOrigin origin, string code, string detail, string? hint = null) =>
        Add(_errors, origin, code, detail, hint);

    public void Warning(ConfigNode? node, string code, string detail, string? hint = null) =>
        Add(new ConfigNote(node, null, From(node?.Origin ?? ConfigOrigin.None, code, detail, hint)));

    public void Warning(ConfigOrigin origin, string code, string detail, string? hint = null) =>
        Add(new ConfigNote(null, null, From(origin, code, detail, hint)));

    /// <summary>What was found while the text was read.</summary>
    public void AddNotes(IEnumerable<ConfigError> notes)
    {
        foreach (var note in notes)
            Add(new ConfigNote(null, null, note));
    }

    public void WarningAt(ConfigNode? node, string field, string code, string detail, string? hint = null) =>
        Add(new ConfigNote(node, field, From(FieldOrigin(node, field), code, detail, hint)));

    /// <summary>An error of this code is at the node or below it already, or would not be listed any more.</summary>
    public bool HasAt(ConfigNode? node, string code)
    {
        if (node is null || _errors.Count == 0 || IsFull)
            return node is not null && IsFull;
        var pointer = node.Pointer;
        var below = pointer + "/";
        return _errors.Exists(e => e.Code == code && e.Source == node.Source
            && (e.Pointer == pointer || e.Pointer.StartsWith(below, StringComparison.Ordinal)));
    }

    /// <summary>Takes over what another collector found.</summary>
    public void AddAll(ConfigErrors other)
    {
        foreach (var error in other._errors)
            Add(_errors, error);
        Repeat(other._notes);
    }

    private List<ConfigError> Located()
    {
        var (located, seen) = (new List<ConfigError>(_notes.Count), new HashSet<ConfigError>());
        foreach (var note in Places.Locate(_notes))
            if (seen.Add(note))
                Put(located, note);
        return located;
    }

    private static List<ConfigError> InTextOrder(List<ConfigError> list)
    {
        var sources = list.Select(e => e.Source).Distinct().ToList();
        return [.. list.OrderBy(e => sources.IndexOf(e.Source)).ThenBy(e => e.Line).ThenBy(e => e.Column)];
    }

    internal static ConfigOrigin FieldOrigin(ConfigNode? node, string field)
    {
        if (node is ConfigObject o && o.TryGet(field, out var child))
            return child.Origin;
        var origin = node?.Origin ?? ConfigOrigin.None;
        return origin with { Path = origin.Path.Child(field) };
    }

    private void Add(List<ConfigError> list, ConfigOrigin origin, string code, string detail, string? hint) =>
        Add(list, From(origin, code, detail, hint));

    private static ConfigError From(ConfigOrigin origin, string code, string detail, string? hint) =>
        new(origin.Path.ToString(), code, detail, origin.Line, origin.Column, hint, origin.Source);

    private void Add(List<ConfigError> list, ConfigError error)
    {
        if (list.Count <= Limit && _seen.Add(error))
            Put(list, error);
    }

    private void Add(ConfigNote note)
    {
        // Copies of a shared part have one place; they may be many, and each is told of on its own until the places are known.
        if (_notes.Count < 100 * Limit && _noted.Add(note))
            _notes.Add(note);
    }

    private static void Put(List<ConfigError> list, ConfigError error)
    {
        if (list.Count < Limit)
            list.Add(error);
        else if (list.Count == Limit)
            list.Add(new("#", ConfigCode.TooManyErrors, $"more than {Limit} are not listed", 0, 0, null, error.Source));
    }
}
