using System.Buffers;
using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Streams.Formatting;

/// <summary>
/// The <c>*_headers_to_remove</c> and <c>*_headers_to_add</c> of one level, compiled. In Envoy's order: removals first; then all values
/// are formatted against the message as it is after them; then overwrites; then additions.
/// </summary>
public sealed class HeaderMutations
{
    private readonly HeaderAddition[] _add;
    private readonly byte[][] _remove;

    private HeaderMutations(HeaderAddition[] add, byte[][] remove)
    {
        _add = add;
        _remove = remove;
    }

    /// <summary>Changes nothing.</summary>
    public static HeaderMutations None { get; } = new([], []);

    public bool IsEmpty => _add.Length == 0 && _remove.Length == 0;

    /// <summary>Compiles; what is wrong is added to <paramref name="errors"/> and left out.</summary>
    /// <param name="remove">Names, any case.</param>
    /// <param name="removeAt">The node of the list of names.</param>
    public static HeaderMutations Build(IReadOnlyList<HeaderValueOptionConfig> add, IReadOnlyList<string> remove, ConfigErrors errors,
        ConfigNode? removeAt)
    {
        if (add.Count == 0 && remove.Count == 0) return None;
        var additions = new List<HeaderAddition>(add.Count);
        foreach (var option in add)
            if (HeaderAddition.Compile(option, errors, pseudoHeaders: false) is { } addition) additions.Add(addition);
        var names = new List<byte[]>(remove.Count);
        for (int i = 0; i < remove.Count; i++)
        {
            string name = remove[i].ToLowerInvariant();
            var at = removeAt is ConfigArray list && i < list.Count ? list[i] : removeAt;
            if (HeaderRules.CheckName(name, errors, at, null, pseudoHeaders: false)) names.Add(Encoding.ASCII.GetBytes(name));
        }
        return new HeaderMutations([.. additions], [.. names]);
    }

    /// <param name="headers">What is changed.</param>
    /// <param name="info">What the formats read.</param>
    /// <param name="scratch">Working space; what stands in it is kept, what is written is taken back.</param>
    public void Apply(HeaderMap headers, StreamInfo info, ByteWriter scratch)
    {
        foreach (byte[] name in _remove) headers.Remove(name);
        if (_add.Length == 0) return;
        int start = scratch.Length;
        // Where each value ends in the scratch; negative: not to be applied.
        int[]? rented = _add.Length > 64 ? ArrayPool<int>.Shared.Rent(_add.Length) : null;
        Span<int> ends = rented ?? stackalloc int[64];
        for (int i = 0; i < _add.Length; i++)
        {
            var addition = _add[i];
            int mark = scratch.Length;
            addition.Value.Write(scratch, info);
            bool apply = (scratch.Length > mark || addition.KeepEmpty) && addition.Action switch
            {
                HeaderAppendAction.AddIfAbsent => !headers.TryGet(addition.Name, out _),
                HeaderAppendAction.OverwriteIfExists => headers.TryGet(addition.Name, out _),
                _ => true,
            };
            ends[i] = apply ? scratch.Length : ~scratch.Length;
        }
        Put(headers, scratch, start, ends, overwrite: true);
        Put(headers, scratch, start, ends, overwrite: false);
        scratch.Truncate(start);
        if (rented is not null) ArrayPool<int>.Shared.Return(rented);
    }

    private void Put(HeaderMap headers, ByteWriter scratch, int start, ReadOnlySpan<int> ends, bool overwrite)
    {
        for (int i = 0, mark = start; i < _add.Length; i++)
        {
            int end = ends[i] < 0 ? ~ends[i] : ends[i];
            bool overwrites = _add[i].Action is HeaderAppendAction.OverwriteIfExists or HeaderAppendAction.OverwriteIfExistsOrAdd;
            if (ends[i] >= 0 && overwrites == overwrite)
            {
                var value = HeaderValue.Clean(scratch, mark, end);
                if (overwrite) headers.Set(_add[i].Name, value);
                else headers.Add(_add[i].Name, value);
            }
            mark = end;
        }
    }
}
