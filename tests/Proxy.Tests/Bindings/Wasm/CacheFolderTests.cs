using Managed.Proxy.Bindings.Wasm;
using Xunit;

namespace Managed.Proxy.Tests.Bindings.Wasm;

public sealed class CacheFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("managed-cache-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Put(string name, int size, int minutesOld)
    {
        string file = Path.Combine(_folder, name);
        File.WriteAllBytes(file, new byte[size]);
        File.SetLastWriteTimeUtc(file, DateTime.UtcNow.AddMinutes(-minutesOld));
    }

    private IEnumerable<string> Names => Directory.GetFiles(_folder).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal);

    [Fact]
    public void FullFolder_LosesMachineCodeFirst_TheLongestUnusedBeforeOthers()
    {
        Put("a.wasm", 100, 50);
        Put("b.wasm", 100, 10);
        Put("c.cwasm", 100, 40);
        Put("d.cwasm", 100, 5);
        Put("new.cwasm", 100, 60);

        CacheFolder.Trim(_folder, "new.cwasm", 500);
        Assert.Equal(5, Names.Count());
        CacheFolder.Trim(_folder, "new.cwasm", 420);
        Assert.Equal(["a.wasm", "b.wasm", "d.cwasm", "new.cwasm"], Names);
        CacheFolder.Trim(_folder, "new.cwasm", 250);
        Assert.Equal(["b.wasm", "new.cwasm"], Names);
    }

    [Fact]
    public void WhatWritersLeftBehind_GoesAfterAnHour()
    {
        Put("x.wasm.1.new", 10, 61);
        Put("x.wasm.2.new", 10, 5); // somebody may still be writing it
        CacheFolder.Trim(_folder, "", 1000);
        Assert.Equal(["x.wasm.2.new"], Names);
    }

    [Fact]
    public void Reading_MakesAFileYoung()
    {
        Put("a.wasm", 10, 600);
        Assert.Equal(10, CacheFolder.Read(_folder, "a.wasm")!.Length);
        Assert.True(File.GetLastWriteTimeUtc(Path.Combine(_folder, "a.wasm")) > DateTime.UtcNow.AddMinutes(-5));
    }

    [Fact]
    public void SealedFile_IsBelievedOnlyWhole()
    {
        Assert.True(CacheFolder.WriteSealed(_folder, "m", [1, 2, 3]));
        Assert.Equal([1, 2, 3], CacheFolder.ReadSealed(_folder, "m")!.Value.ToArray());
        string file = Path.Combine(_folder, "m");
        File.WriteAllBytes(file, [.. File.ReadAllBytes(file)[..^1], 9]);
        Assert.Null(CacheFolder.ReadSealed(_folder, "m"));
        Assert.Null(CacheFolder.ReadSealed(_folder, "other"));
    }

    [Fact]
    public void FolderThatCannotBeWritten_CostsNothingButTheCopy()
    {
        string file = Path.Combine(_folder, "file");
        File.WriteAllBytes(file, []);
        Assert.False(CacheFolder.Write(file, "m", [], [1]));
        Assert.Equal(["file"], Names);
    }

    [Fact]
    public void ManyWritersAndReaders_SeeWholeFilesOnly()
    {
        byte[][] contents = [.. Enumerable.Range(0, 4).Select(i => Enumerable.Repeat((byte)i, 20_000 + i).ToArray())];
        bool broken = false;
        var threads = contents.Select(content => new Thread(() =>
        {
            for (int i = 0; i < 50; i++)
            {
                CacheFolder.WriteSealed(_folder, "m", content);
                broken |= CacheFolder.ReadSealed(_folder, "m") is not { } read || read.Length != 20_000 + read.Span[0];
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        Assert.False(broken);
        Assert.Equal(["m"], Names);
    }
}
