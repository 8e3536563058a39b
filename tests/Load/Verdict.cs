namespace Managed.Load;

/// <summary>Collects what was missed and prints what was measured.</summary>
internal sealed class Verdict
{
    private const int Shown = 20;
    private readonly Lock _lock = new();
    private int _misses;

    public bool Held => _misses == 0;

    public void Say(string line) => Console.WriteLine(line);

    public void Miss(string what)
    {
        lock (_lock)
            if (++_misses <= Shown) Console.WriteLine("MISSED: " + what);
    }

    /// <summary>A miss unless the condition holds.</summary>
    public void Expect(bool condition, string what)
    {
        if (!condition) Miss(what);
    }

    /// <summary>The last line, and the exit code.</summary>
    public int Close(string run, TimeSpan time)
    {
        Say($"{run}: {(Held ? "held" : $"{_misses} missed")} in {time.TotalSeconds:0} s");
        return Held ? 0 : 1;
    }
}
