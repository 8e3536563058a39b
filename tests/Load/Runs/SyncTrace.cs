using System.Globalization;
using System.Text.RegularExpressions;

namespace Managed.Load.Runs;

/// <summary>
/// Reads what strace wrote, in its order, which is the order in which the kernel reported the calls. A sync counts when it has
/// returned, an answer when its call begins; both are the careful side.
/// </summary>
internal sealed partial class SyncTrace
{
    /// <summary>Stands in the target of every call that is looked at, before its number and a full stop.</summary>
    public const string Mark = "sync-mark-";

    /// <param name="Writes">To the database or its log, between call and answer.</param>
    /// <param name="Unsynced">Writes that no sync of the same file followed before the answer.</param>
    public sealed record Acknowledgement(int Number, int Writes, int Syncs, int Unsynced);

    private readonly Dictionary<string, string> _unfinished = [];
    private readonly Dictionary<string, int> _unsynced = [];
    private int _call;
    private int _writes;
    private int _syncs;

    public List<Acknowledgement> Acknowledgements { get; } = [];

    public void Take(string line)
    {
        if (Shape().Match(line) is not { Success: true } match) return;
        var (thread, call) = (match.Groups[1].Value, match.Groups[2].Value);
        if (call.EndsWith("<unfinished ...>", StringComparison.Ordinal))
        {
            _unfinished[thread] = call;
            if (IsSend(call)) Answered(call);
            return;
        }
        if (call.StartsWith("<... ", StringComparison.Ordinal))
        {
            if (!_unfinished.Remove(thread, out var begin)) return;
            var whole = begin[..^"<unfinished ...>".Length].TrimEnd() + call[(call.IndexOf("resumed>", StringComparison.Ordinal) + 8)..];
            if (!IsSend(whole)) Finished(whole);
            return;
        }
        if (IsSend(call)) Answered(call);
        else Finished(call);
    }

    private void Finished(string call)
    {
        if (call.Contains(" = -1 ", StringComparison.Ordinal)) return;
        if (call.StartsWith("re", StringComparison.Ordinal)) // read, recvfrom, recvmsg
        {
            if (Asked().Match(call) is not { Success: true } asked) return;
            (_call, _writes, _syncs) = (int.Parse(asked.Groups[1].Value, CultureInfo.InvariantCulture), 0, 0);
            return;
        }
        if (File().Match(call) is not { Success: true } file) return;
        var path = file.Groups[2].Value;
        if (file.Groups[1].Value is "fsync" or "fdatasync")
        {
            _unsynced[path] = 0;
            _syncs++;
        }
        else
        {
            _unsynced[path] = _unsynced.GetValueOrDefault(path) + 1;
            _writes++;
        }
    }

    private void Answered(string call)
    {
        if (_call == 0 || !call.Contains("\"HTTP/1.1 200 OK", StringComparison.Ordinal)) return;
        Acknowledgements.Add(new(_call, _writes, _syncs, _unsynced.Values.Sum()));
        _call = 0;
    }

    private static bool IsSend(string call) =>
        call.StartsWith("send", StringComparison.Ordinal) || (call.StartsWith("write", StringComparison.Ordinal) && !File().IsMatch(call));

    [GeneratedRegex(@"^(\d+) +(.*)$")]
    private static partial Regex Shape();

    [GeneratedRegex(@"""PUT /api/v1/config\?comment=" + Mark + @"(\d+)\.")]
    private static partial Regex Asked();

    // The database and its write-ahead log; not the shared-memory index, which is rebuilt from the log.
    [GeneratedRegex(@"^(fsync|fdatasync|pwrite64|write|writev)\(\d+<([^>]*/history\.db(?:-wal|-journal)?)>")]
    private static partial Regex File();
}
