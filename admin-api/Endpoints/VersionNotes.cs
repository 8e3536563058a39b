using System.Text.Json;
using Managed.AdminApi.Requests;
using Managed.Migrations;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Endpoints;

/// <summary>The part of a version that may change: <c>{comment, labels, pinned}</c>, as a document that patches apply to.</summary>
internal sealed class VersionNotes
{
    private const int MaxLabels = 32;
    private readonly ConfigObject _notes;

    private VersionNotes(ConfigObject notes) => _notes = notes;

    public static VersionNotes Of(VersionRow row) => new(new ConfigObject()
        .Set("comment", row.Comment is null ? ConfigScalar.Null() : ConfigScalar.String(row.Comment))
        .Set("labels", ConfigParser.Parse(row.Labels, ConfigFormat.Json, "labels", new ConfigErrors()) ?? new ConfigObject())
        .Set("pinned", ConfigScalar.Boolean(row.Pinned)));

    /// <summary>Ends the call with 422 when the result is not of that shape.</summary>
    public VersionNotes Patched(PatchBody patch)
    {
        var notes = RequestBody.AsObject(patch.Apply(_notes), "the version");
        RequestBody.OnlyFields(notes, "comment", "labels", "pinned");
        if (notes["comment"] is { } comment and not ConfigScalar { Kind: ConfigScalarKind.String or ConfigScalarKind.Null })
            throw RequestBody.Invalid(comment, ConfigCode.InvalidType, $"comment is text, not {comment.KindName}");
        if (notes["pinned"] is { } pinned and not ConfigScalar { Kind: ConfigScalarKind.Boolean })
            throw RequestBody.Invalid(pinned, ConfigCode.InvalidType, $"pinned is true or false, not {pinned.KindName}");
        if (notes["labels"] is { } labels)
        {
            foreach (var (_, value) in RequestBody.AsObject(labels, "labels").Members)
                if (value is not ConfigScalar { Kind: ConfigScalarKind.String })
                    throw RequestBody.Invalid(value, ConfigCode.InvalidType, $"a label is text, not {value.KindName}");
            if (labels is ConfigObject { Count: > MaxLabels })
                throw RequestBody.Invalid(labels, ConfigCode.InvalidValue, $"a version has at most {MaxLabels} labels");
        }
        return new(notes);
    }

    public void WriteTo(VersionRow row)
    {
        row.Comment = _notes.Text("comment");
        row.Pinned = _notes["pinned"] is ConfigScalar { Text: "true" };
        row.Labels = JsonSerializer.Serialize(_notes.Object("labels")?.Members.ToDictionary(m => m.Key, m => ((ConfigScalar)m.Value).Text)
            ?? [], JsonAnswer.Options);
    }
}
