using System.Buffers;
using System.Security.Cryptography;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core.Compression;

namespace Managed.AdminApi.Versions;

/// <summary>
/// Packs one document after another as <see cref="VersionDocument"/> does. Of lists with many resources runs of those that the document
/// before had too are neither written nor compressed again. Under the publisher's lock.
/// </summary>
internal sealed class DocumentPacker
{
    private const int MinItems = 64, RunLength = 32;

    private Dictionary<ConfigNode, Run> _runs = new(ReferenceEqualityComparer.Instance);
    private Dictionary<ConfigNode, Run> _next = new(ReferenceEqualityComparer.Instance);

    /// <summary>Resources one after another in a list, with commas between them.</summary>
    private sealed record Run(ConfigNode[] Items, byte[] Json, byte[] Deflated);

    /// <param name="document">Shares with the one before what has not changed. It is not changed any more.</param>
    public (byte[] Json, byte[] Stored, string Digest) Pack(ConfigObject document)
    {
        document.Seal();
        var json = new ArrayBufferWriter<byte>(1 << 16);
        var pieces = new List<byte[]>();
        var between = 0; // what was written since the last run
        json.Write("{"u8);
        for (var i = 0; i < document.Members.Count; i++)
        {
            var (name, value) = document.Members[i];
            if (i > 0)
                json.Write(","u8);
            json.Write(ConfigScalar.String(name).ToJson());
            json.Write(":"u8);
            if (value is ConfigArray { Count: >= MinItems } items)
                Items(items);
            else
                json.Write(value.ToJson());
        }
        json.Write("}"u8);
        Close();
        (_runs, _next) = (_next, _runs);
        _next.Clear();
        var whole = json.WrittenSpan.ToArray();
        return (whole, GzipPieces.Join(pieces, whole), Convert.ToHexStringLower(SHA256.HashData(whole)));

        void Items(ConfigArray items)
        {
            json.Write("["u8);
            for (var i = 0; i < items.Count;)
            {
                if (i > 0)
                    json.Write(","u8);
                Close();
                var run = Known(items, i) ?? Make(items, i);
                _next.TryAdd(run.Items[0], run);
                json.Write(run.Json);
                pieces.Add(run.Deflated);
                between = json.WrittenCount;
                i += run.Items.Length;
            }
            json.Write("]"u8);
        }

        void Close()
        {
            if (json.WrittenCount > between)
                pieces.Add(GzipPieces.Deflate(json.WrittenSpan[between..]));
            between = json.WrittenCount;
        }
    }

    private Run? Known(ConfigArray items, int at)
    {
        if (!_runs.TryGetValue(items[at], out var run) || run.Items.Length > items.Count - at)
            return null;
        for (var i = 1; i < run.Items.Length; i++)
            if (!ReferenceEquals(run.Items[i], items[at + i]))
                return null;
        return run;
    }

    // Up to where one begins that is known: what is put in between moves nothing.
    private Run Make(ConfigArray items, int at)
    {
        var end = at + 1;
        while (end < items.Count && end - at < RunLength && !_runs.ContainsKey(items[end]))
            end++;
        var run = new ConfigNode[end - at];
        var json = new ArrayBufferWriter<byte>(1 << 12);
        for (var i = 0; i < run.Length; i++)
        {
            if (i > 0)
                json.Write(","u8);
            json.Write((run[i] = items[at + i]).ToJson());
        }
        return new(run, json.WrittenSpan.ToArray(), GzipPieces.Deflate(json.WrittenSpan));
    }
}
