using System.IO.Compression;
using System.Text;
using Microsoft.Data.Sqlite;

namespace Managed.AdminApi.Tests.Secrets;

/// <summary>Looks for values that nobody may see: in texts, in every file of a data folder, and in what is packed within them.</summary>
internal sealed class SecretSearch
{
    private readonly List<(string Name, string Text)> _needles = [];

    /// <summary>A private key in PEM: any whole line of it gives it away.</summary>
    public SecretSearch Key(string name, string pem)
    {
        foreach (var line in pem.Split('\n').Where(l => l.Length > 40))
            Value(name, line.Trim());
        return Value(name, Convert.ToBase64String(Encoding.UTF8.GetBytes(pem))[..80]);
    }

    public SecretSearch Value(string name, string text)
    {
        _needles.Add((name, text));
        return this;
    }

    public SecretSearch Bytes(string name, byte[] bytes) => Value(name, Encoding.Latin1.GetString(bytes))
        .Value(name, Convert.ToBase64String(bytes)).Value(name, Convert.ToHexStringLower(bytes));

    public void NotIn(string text, string where)
    {
        foreach (var (name, needle) in _needles)
            Assert.False(text.Contains(needle, StringComparison.Ordinal), $"{name} stands in {where}");
    }

    public bool IsIn(string text) => _needles.Exists(n => text.Contains(n.Text, StringComparison.Ordinal));

    /// <summary>All files of a folder, as they are; of a history the unpacked documents too.</summary>
    public void NotInFolder(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .Where(f => Path.GetFileName(f) is not ("lock" or "take-over"))) // of the running node; a socket
            try
            {
                NotIn(Read(file), file);
            }
            catch (FileNotFoundException)
            {
                // Written beside its place it has been moved there meanwhile: by that name it is looked at as a whole.
                if (file.EndsWith(".tmp", StringComparison.Ordinal) && File.Exists(file[..^4]))
                    NotIn(Read(file[..^4]), file[..^4]);
                else
                    throw;
            }
        var history = Path.Combine(folder, "history.db");
        if (!File.Exists(history))
            return;
        using var db = new SqliteConnection($"Data Source={history};Mode=ReadOnly;Pooling=false");
        db.Open();
        using var command = db.CreateCommand();
        command.CommandText = "SELECT number, document FROM versions";
        using var rows = command.ExecuteReader();
        while (rows.Read())
            NotIn(Unpack(rows.GetFieldValue<byte[]>(1)), $"the document of version {rows.GetInt64(0)}");
    }

    public static string Unpack(byte[] document)
    {
        using var gzip = new GZipStream(new MemoryStream(document), CompressionMode.Decompress);
        using var json = new MemoryStream();
        gzip.CopyTo(json);
        return Encoding.Latin1.GetString(json.ToArray()).Replace("\\n", "\n", StringComparison.Ordinal);
    }

    private static string Read(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        return Encoding.Latin1.GetString(memory.ToArray());
    }
}
