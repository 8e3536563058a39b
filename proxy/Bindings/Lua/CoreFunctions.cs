using System.Text;

namespace Managed.Proxy.Bindings.Lua;

/// <summary>What every state has: the sandbox's own functions.</summary>
internal static unsafe class CoreFunctions
{
    // A step of the matcher takes some 20 ns.
    private const int InstructionsPerStep = 2;

    public static LuaLibrary Library { get; } = new(LuaLibrary.Read("core.lua"),
        ("find", LuaLibrary.Address(&Find)), ("expand", LuaLibrary.Address(&Expand)), ("memory", LuaLibrary.Address(&Memory)),
        ("limit", LuaLibrary.Address(&Limit)),
        ("charge", LuaLibrary.Address(&Charge)), ("watch", LuaLibrary.Address(&Watch)), ("padding", LuaLibrary.Address(&Padding)));

    private static int Watch(LuaState state, nint L)
    {
        if (LuaApi.ToThread(L, 1) is not 0 and var coroutine) LuaState.Watch(coroutine);
        return 0;
    }

    // (format) -> the sum of the numbers in it: how many bytes of padding it may ask for
    private static int Padding(LuaState state, nint L)
    {
        long sum = 0, number = 0;
        foreach (byte c in LuaApi.Bytes(L, 1))
        {
            if (c is >= (byte)'0' and <= (byte)'9') { number = Math.Min(int.MaxValue, number * 10 + c - '0'); continue; }
            sum += number;
            number = 0;
        }
        LuaApi.PushInteger(L, sum + number);
        return 1;
    }

    private static int Charge(LuaState state, nint L)
    {
        state.Charge(Math.Clamp(LuaApi.ToInteger(L, 1, null), 0, int.MaxValue));
        return 0;
    }

    private static int Memory(LuaState state, nint L)
    {
        LuaApi.PushInteger(L, state.MemoryUsed);
        return 1;
    }

    private static int Limit(LuaState state, nint L)
    {
        LuaApi.PushInteger(L, state.MemoryLimit);
        return 1;
    }

    // (subject, pattern, init, plain) -> false | first, last, captures... | nil, message
    private static int Find(LuaState state, nint L)
    {
        var subject = LuaApi.Bytes(L, 1);
        var pattern = LuaApi.Bytes(L, 2);
        int ok;
        long init = LuaApi.ToInteger(L, 3, &ok);
        if (ok == 0) return LuaState.Fail(L, "bad argument #3 (number expected)");
        bool plain = LuaApi.ToBoolean(L, 4) != 0 || pattern.IndexOfAny("^$*+?.([%-"u8) < 0;
        if (!plain && pattern.Length > LuaPattern.MaxLength)
            return LuaState.Fail(L, $"a pattern of more than {LuaPattern.MaxLength} bytes");
        if (init < 0) init = Math.Max(1, subject.Length + init + 1);
        if (init == 0) init = 1;
        if (init > subject.Length + 1) { LuaApi.PushBoolean(L, 0); return 1; }
        int from = (int)init - 1;
        if (plain)
        {
            // The longer what is looked for, the longer each place may take that looks like it.
            long work = (long)(subject.Length - from) * Math.Max(1, Math.Min(pattern.Length, 64 << 10) >> 6) >> 6;
            if (!state.Spend(work)) return LuaState.Fail(L, "the instructions are used up");
            int at = subject[from..].IndexOf(pattern);
            if (at < 0) { LuaApi.PushBoolean(L, 0); return 1; }
            LuaApi.PushInteger(L, from + at + 1);
            LuaApi.PushInteger(L, from + at + pattern.Length);
            return 2;
        }
        var match = new LuaPattern(subject, pattern, Math.Max(0, state.InstructionsLeft) / InstructionsPerStep);
        bool found = match.Find(from, out int start, out int end);
        state.Charge(Math.Max(0, state.InstructionsLeft) - match.Steps * InstructionsPerStep);
        if (match.Error is { } error) return LuaState.Fail(L, error);
        if (!found) { LuaApi.PushBoolean(L, 0); return 1; }
        LuaApi.CheckStack(L, match.Captures + 4);
        LuaApi.PushInteger(L, start + 1);
        LuaApi.PushInteger(L, end);
        for (int i = 0; i < match.Captures; i++)
        {
            var (at, length) = match.Capture(i);
            if (LuaPattern.IsPosition(length)) LuaApi.PushInteger(L, at + 1);
            else LuaApi.Push(L, subject.Slice(at, length));
        }
        return 2 + match.Captures;
    }

    // (replacement, whole match, captures...) -> text | nil, message
    private static int Expand(LuaState state, nint L)
    {
        var text = LuaApi.Bytes(L, 1);
        if (text.IndexOf((byte)'%') < 0) { LuaApi.PushValue(L, 1); return 1; }
        int captures = LuaApi.GetTop(L) - 2;
        var made = new List<byte>(text.Length + 32);
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != '%') { made.Add(text[i]); continue; }
            int c = ++i < text.Length ? text[i] : 0;
            if (c == '%') { made.Add((byte)'%'); continue; }
            if (c is < '0' or > '9') return LuaState.Fail(L, "invalid use of '%' in replacement string");
            int index = c - '0';
            if (index > Math.Max(captures, 1)) return LuaState.Fail(L, $"invalid capture index %{index} in replacement string");
            int slot = index == 0 || captures == 0 ? 2 : 2 + index;
            if (made.Count > LuaMemory.MaxString) return LuaState.Fail(L, $"a replacement of more than {LuaMemory.MaxString} bytes");
            if (LuaApi.Type(L, slot) == LuaApi.TypeString) made.AddRange(LuaApi.Bytes(L, slot));
            else made.AddRange(Encoding.ASCII.GetBytes(LuaApi.ToInteger(L, slot, null)
                .ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }
        LuaApi.Push(L, System.Runtime.InteropServices.CollectionsMarshal.AsSpan(made));
        return 1;
    }
}
