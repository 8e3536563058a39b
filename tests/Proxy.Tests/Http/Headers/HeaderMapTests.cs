using System.Text;
using CsCheck;
using Managed.Proxy.Http.Headers;
using Xunit;

namespace Managed.Proxy.Tests.Http.Headers;

/// <summary>The map against the plainest thing that does the same: a list of names and values.</summary>
public sealed class HeaderMapTests
{
    // Known ones, which are linked, and others, which are searched for.
    private static readonly string[] Names = [":path", "host", "content-type", "set-cookie", "x-a", "x-b", "x-a-longer-name"];

    private static byte[] B(string text) => Encoding.Latin1.GetBytes(text);

    [Fact]
    public void AnyOperations_LeaveTheSameFieldsAsInAList() => Gen.Int.Sample(seed =>
    {
        var random = new Random(seed);
        var (map, list) = (new HeaderMap(), new List<(string Name, string Value)>());
        for (int n = random.Next(1, 120); n > 0; n--)
        {
            Change(random, map, list);
            AssertSame(map, list);
        }
    }, iter: 400, threads: 1);

    private static void Change(Random random, HeaderMap map, List<(string Name, string Value)> list)
    {
        string name = Names[random.Next(Names.Length)], value = new((char)('a' + random.Next(26)), random.Next(0, 60));
        var id = HeaderNames.Find(B(name));
        switch (random.Next(10))
        {
            case 0 or 1 or 2:
                if (id != HeaderId.Unknown && random.Next(2) == 0) map.Add(id, B(value)); else map.Add(B(name), B(value));
                list.Add((name, value));
                break;
            case 3 or 4:
                if (id != HeaderId.Unknown && random.Next(2) == 0) map.Set(id, B(value)); else map.Set(B(name), B(value));
                int first = list.FindIndex(f => f.Name == name);
                if (first < 0) list.Add((name, value));
                else
                {
                    list[first] = (name, value);
                    for (int i = list.Count - 1; i > first; i--) if (list[i].Name == name) list.RemoveAt(i);
                }
                break;
            case 5:
                int removed = id != HeaderId.Unknown && random.Next(2) == 0 ? map.Remove(id) : map.Remove(B(name));
                Assert.Equal(list.RemoveAll(f => f.Name == name), removed);
                break;
            case 6: // during a walk
                int cursor = 0, at = 0;
                while (map.Next(ref cursor, out ReadOnlySpan<byte> _, out _))
                {
                    if (random.Next(4) != 0) { at++; continue; }
                    map.RemoveLast(cursor);
                    list.RemoveAt(at);
                }
                break;
            case 7: // a value from the map itself, whose arena may move
                if (list.Count == 0) break;
                string from = list[random.Next(list.Count)].Name;
                map.TryGet(B(from), out var own);
                map.Add(B(name), own);
                list.Add((name, list.First(f => f.Name == from).Value));
                break;
            case 8:
                map.HasRoomFor(2_000_000); // what was removed and replaced goes
                break;
            default:
                var copy = new HeaderMap();
                copy.CopyFrom(map);
                AssertSame(copy, list);
                if (random.Next(10) != 0) break;
                if (random.Next(2) == 0) map.Clear(); else map.Shrink();
                list.Clear();
                break;
        }
    }

    private static void AssertSame(HeaderMap map, List<(string Name, string Value)> list)
    {
        Assert.Equal(string.Concat(list.Select(f => $"{f.Name}: {f.Value}\n")), map.ToString());
        Assert.Equal(list.Count, map.Count);
        Assert.Equal(list.Sum(f => f.Name.Length + f.Value.Length + 4), map.ByteSize);
        foreach (string name in Names)
        {
            var values = list.Where(f => f.Name == name).Select(f => f.Value).ToList();
            Assert.Equal(values.Count, map.CountOf(B(name)));
            Assert.Equal(values.FirstOrDefault(), map.GetString(name));
            for (int i = 0; i <= values.Count; i++)
            {
                Assert.Equal(i < values.Count, map.TryGetAt(B(name), i, out var value));
                if (i < values.Count) Assert.Equal(values[i], Encoding.Latin1.GetString(value));
            }
            var id = HeaderNames.Find(B(name));
            if (id == HeaderId.Unknown) continue;
            Assert.Equal(values.Count > 0, map.Has(id));
            Assert.Equal(values.FirstOrDefault() ?? "", Encoding.Latin1.GetString(map.Get(id)));
        }
    }

    [Fact]
    public void FieldsThatAreReplacedForEver_DoNotFillTheMap()
    {
        var map = new HeaderMap();
        var value = new byte[4000];
        for (int i = 0; i < 5000; i++)
        {
            Assert.True(map.HasRoomFor(value.Length + 3), $"after {i}");
            map.Set("x-a"u8, value);
            Assert.True(map.HasRoomFor(7), $"after {i}");
            map.Add("x-b"u8, "1"u8);
            map.Remove("x-b"u8);
        }
        Assert.Equal(1, map.Count);
    }

    [Fact]
    public void MapThatIsFull_SaysSo_AndShrinksAfterwards()
    {
        var map = new HeaderMap();
        int added = 0;
        while (map.HasRoomFor(1000) && added < 100_000)
        {
            map.Add("x-a"u8, new byte[997]);
            added++;
        }
        Assert.InRange(added, 100, 2000);
        map.Shrink();
        long before = GC.GetAllocatedBytesForCurrentThread();
        map.Add("x-a"u8, "1"u8);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 4096); // it began anew
    }
}
