using Managed.AdminApi.Documents;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Versions;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Endpoints;

/// <summary>The calls on one kind of named piece; every resource and every nested list has the same ones.</summary>
/// <param name="pattern">Of the list: <c>/listeners</c>.</param>
/// <param name="list">The list that a request addresses.</param>
/// <param name="example">YAML of one item.</param>
/// <param name="ordered">The order of the items means something, so there is <c>PUT …/order</c>.</param>
internal sealed class PieceEndpoints(string pattern, string tag, Func<HttpContext, PieceList> list, string example, bool ordered)
{
    private const string NameValue = "name";

    public void Map(ApiRoutes api)
    {
        var docs = new PieceDocs(tag, list(new DefaultHttpContext { Request = { RouteValues = new(PieceDocs.AnyValues) } }).Kind, example);
        api.Get(pattern, ListAsync, docs.List).Post(pattern, CreateAsync, docs.Create);
        if (ordered)
            api.Put($"{pattern}/order", ReorderAsync, docs.Order);
        var one = $"{pattern}/{{{NameValue}}}";
        api.Get(one, ReadAsync, docs.Read).Put(one, ReplaceAsync, docs.Replace).Patch(one, PatchAsync, docs.Patch)
            .Delete(one, DeleteAsync, docs.Delete);
    }

    private Task ListAsync(HttpContext context)
    {
        var active = Active(context);
        var items = list(context).Read(active.Document);
        var search = Query.Text(context, "q");
        var shown = string.IsNullOrEmpty(search) ? items.ToList()
            : items.Where(i => System.Text.Encoding.UTF8.GetString(i.ToJson()).Contains(search, StringComparison.OrdinalIgnoreCase))
                .ToList();
        return PieceAnswer.ReadAsync(context, items, active.Number,
            PageRequest.From(context).Cut(shown, i => (i as ConfigObject)?.Text("name") ?? ""));
    }

    private Task ReadAsync(HttpContext context)
    {
        var active = Active(context);
        return PieceAnswer.ReadAsync(context, list(context).Get(active.Document, Name(context)), active.Number);
    }

    private async Task CreateAsync(HttpContext context)
    {
        var pieces = list(context);
        var item = RequestBody.AsObject(await RequestBody.ReadConfigAsync(context), $"a {pieces.Kind}");
        if (item.Text("name") is not { Length: > 0 } name)
            throw RequestBody.Invalid(item["name"] ?? item, item.Has("name") ? ConfigCode.InvalidType : ConfigCode.MissingField,
                $"a {pieces.Kind} needs a name");
        await WriteCall.RunAsync(context, active =>
        {
            var document = DraftOf(active, pieces);
            var items = pieces.Read(document);
            PieceAnswer.CheckConditions(context, active, pieces.Read(active.Document), pieces.Resource);
            if (pieces.IndexOf(items, name) >= 0)
                throw new ApiException(ProblemCode.AlreadyExists, $"{pieces.Kind} '{name}' exists already; PUT replaces it");
            items.Insert(Position(context, pieces, items), item);
            pieces.Write(document, items);
            return new(document, item.Source, $"the submitted {pieces.Kind}");
        }, document => pieces.Find(document, name), () => StatusCodes.Status201Created,
            $"{PathNames.RawPath(context).TrimEnd('/')}/{Uri.EscapeDataString(name)}");
    }

    private async Task ReplaceAsync(HttpContext context)
    {
        var pieces = list(context);
        var name = Name(context);
        var item = RequestBody.AsObject(await RequestBody.ReadConfigAsync(context), $"a {pieces.Kind}");
        var created = false;
        await WriteCall.RunAsync(context, active =>
        {
            var document = DraftOf(active, pieces);
            var items = pieces.Read(document);
            var at = pieces.IndexOf(items, name);
            PieceAnswer.CheckConditions(context, active, at < 0 ? null : items[at], Resource(pieces, name));
            created = at < 0;
            var replacement = WithName(pieces, item, name, at < 0 ? null : items[at]);
            if (created)
                items.Insert(Position(context, pieces, items), replacement);
            else
                items[at] = replacement;
            pieces.Write(document, items);
            return new(document, item.Source, $"the submitted {pieces.Kind}");
        }, document => pieces.Find(document, name), () => created ? StatusCodes.Status201Created : StatusCodes.Status200OK,
            PathNames.RawPath(context));
    }

    private async Task PatchAsync(HttpContext context)
    {
        var pieces = list(context);
        var name = Name(context);
        var patch = await PatchBody.ReadAsync(context);
        await WriteCall.RunAsync(context, active =>
        {
            var document = DraftOf(active, pieces);
            var items = pieces.Read(document);
            var former = pieces.Get(document, name);
            PieceAnswer.CheckConditions(context, active, former, Resource(pieces, name));
            var before = former.Text("name");
            var at = pieces.IndexOf(items, name);
            var patched = patch.Apply(former.Clone());
            if (patched is not ConfigObject item || item.Text("name") != before)
                throw RequestBody.Invalid((patched as ConfigObject)?["name"] ?? patched, ConfigCode.InvalidValue,
                    $"a patch cannot rename a {pieces.Kind}", "create it under the new name and delete this one");
            items[at] = item;
            pieces.Write(document, items);
            return new(document, patch.Source, $"the patched {pieces.Kind}");
        }, document => pieces.Find(document, name));
    }

    private Task DeleteAsync(HttpContext context)
    {
        var pieces = list(context);
        var name = Name(context);
        return WriteCall.RunAsync(context, active =>
        {
            var document = DraftOf(active, pieces);
            var former = pieces.Get(document, name);
            PieceAnswer.CheckConditions(context, active, former, Resource(pieces, name));
            var items = pieces.Read(document);
            items.RemoveAt(pieces.IndexOf(items, name));
            if (pieces is TopLevelList top && References.To(active.Document, top.Collection, name) is { Count: > 0 } references)
                throw new ApiException(ProblemCode.InUse,
                    $"{pieces.Kind} '{name}' is used by {string.Join(", ", references.Select(r => $"{r.Kind} '{r.Name}'").Distinct())}")
                {
                    Members = new Dictionary<string, object?> { ["references"] = references },
                };
            pieces.Write(document, items);
            return new(document, null, $"the document without {pieces.Kind} '{name}'");
        }, _ => null);
    }

    private async Task ReorderAsync(HttpContext context)
    {
        var pieces = list(context);
        var body = await RequestBody.ReadConfigAsync(context);
        if (body is ConfigObject wrapped)
        {
            RequestBody.OnlyFields(wrapped, "names");
            body = wrapped["names"] ?? body;
        }
        if (body is not ConfigArray names || names.Any(n => n is not ConfigScalar { Kind: ConfigScalarKind.String }))
            throw RequestBody.Invalid(body, ConfigCode.InvalidType, "the order is an array of all names");
        await WriteCall.RunAsync(context, active =>
        {
            var document = DraftOf(active, pieces);
            var items = pieces.Read(document);
            PieceAnswer.CheckConditions(context, active, pieces.Read(active.Document), pieces.Resource);
            var ordered = new ConfigArray(items.Origin);
            foreach (ConfigScalar wanted in names.Cast<ConfigScalar>())
            {
                var at = pieces.IndexOf(items, wanted.Text);
                if (at < 0)
                    throw RequestBody.Invalid(wanted, ConfigCode.UnknownReference,
                        $"{pieces.Kind} '{wanted.Text}' does not exist (or is named twice)",
                            Suggestions.Hint(wanted.Text, PieceList.Names(items)));
                ordered.Add(items[at]);
                items.RemoveAt(at);
            }
            if (items.Count > 0)
                throw RequestBody.Invalid(names, ConfigCode.MissingField,
                    $"the order has to name all; missing: {string.Join(", ", PieceList.Names(items))}");
            pieces.Write(document, ordered);
            return new(document, names.Source, "the submitted order");
        }, document => pieces.Read(document));
    }

    // What the call may change is its own: the lists of resources, and the resource that the list is in.
    private static ConfigObject DraftOf(ActiveVersion active, PieceList pieces)
    {
        var draft = active.Document.Draft();
        if (pieces.Resource is (var collection, { } owner)
            && TopLevelList.All.FirstOrDefault(l => l.Collection == collection) is { } resources
            && resources.Read(draft) is var all && resources.IndexOf(all, owner) is >= 0 and var at)
            all[at] = all[at].Clone();
        return draft;
    }

    private static ConfigObject WithName(PieceList pieces, ConfigObject item, string name, ConfigNode? former)
    {
        var expected = (former as ConfigObject)?.Text("name") ?? name;
        if (!item.Has("name"))
            return item.Clone().Set("name", ConfigScalar.String(expected));
        if (item.Text("name") is { } given && (given == expected || given == name))
            return item;
        throw RequestBody.Invalid(item["name"]!, ConfigCode.InvalidValue,
            $"the {pieces.Kind} is called '{name}' in the path and otherwise in the body",
                "leave the name out of the body, or make the two the same");
    }

    private static int Position(HttpContext context, PieceList pieces, ConfigArray items)
    {
        var (before, after) = (Query.Text(context, "before"), Query.Text(context, "after"));
        if (before is not null && after is not null)
            throw ApiException.Parameter("after", "cannot be given together with before");
        if ((before ?? after) is not { } anchor)
            return pieces.DefaultPosition(items);
        var at = pieces.IndexOf(items, anchor);
        return at < 0 ? throw ApiException.NotFound(pieces.Kind, anchor, PieceList.Names(items)) : before is null ? at + 1 : at;
    }

    private static (string, string?) Resource(PieceList pieces, string name)
        => pieces.Resource is (var collection, { } owner) ? (collection, owner) : (pieces.Resource.Collection, name);

    private static string Name(HttpContext context) => (string)context.Request.RouteValues[NameValue]!;

    private static ActiveVersion Active(HttpContext context) => context.RequestServices.GetRequiredService<ActiveConfiguration>().Required;
}
