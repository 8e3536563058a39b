namespace Managed.Proxy.Configuration.ShortForms;

/// <summary>
/// Names for items that have none, so that each can be addressed. A name depends on the item's place, so whoever wants it to stay gives
/// one.
/// </summary>
public static class NameGiver
{
    /// <param name="only">The name when there is one item.</param>
    /// <param name="prefix">Else this and the item's index, or the next number that is free.</param>
    public static void Fill(IReadOnlyList<ConfigObject> items, string? only, string prefix)
    {
        var taken = items.Select(i => i.Text("name")).ToHashSet();
        for (var i = 0; i < items.Count; i++)
        {
            if (items[i].Has("name"))
                continue;
            var number = i;
            var name = only ?? prefix + number;
            while (!taken.Add(name))
                name = prefix + ++number;
            items[i].InsertFirst("name", ConfigScalar.String(name, items[i].Origin));
        }
    }
}
