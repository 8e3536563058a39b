using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Managed.Proxy.Bindings.Lua;

/// <summary>
/// The memory of one Lua state: counted, capped. Lies outside the managed heap, because Lua hands its address to the allocator.
/// <para>The cap holds only while Lua code runs (<see cref="Open"/> is 0). A host function that runs into it would be left by a longjmp
/// across managed frames; there the allocator goes over the cap, and the next allocation of Lua code fails instead.</para>
/// </summary>
internal unsafe struct LuaMemory
{
    public long Used, Limit;
    /// <summary>Not 0: the cap does not hold.</summary>
    public int Open;
    /// <summary>An allocation of Lua code was refused since this was last cleared: 1 for the cap, 2 for the time.</summary>
    public int Refused;
    /// <summary>Not 0: a string or block was asked for that is larger than any may be.</summary>
    public int TooLarge;
    /// <summary>Stopwatch ticks after which nothing is given any more: copying large strings takes time but few instructions.</summary>
    public long Deadline;
    /// <summary>Where Lua code runs now, and the hook that is to look at once when memory is refused.</summary>
    public nint Running, Hook;
    /// <summary>Bytes given that are not yet among the instructions; how many more until the script has used them up.</summary>
    public long Given, Left;
    private long _sinceCheck, _refused;

    // How much is given between two looks at the clock: some tens of microseconds of copying.
    private const long CheckEvery = 256 * 1024;

    /// <summary>Bytes that cost as much as an instruction: to give them, and to fill them.</summary>
    public const int BytesPerInstruction = 32;

    /// <summary>
    /// Bytes of one string. What the machine does with strings in one instruction (compare, convert, hash) then takes no longer than that.
    /// </summary>
    public const int MaxString = 2 << 20;

    /// <summary>Bytes of one block of memory: a table's part, a stack.</summary>
    public const int MaxBlock = 16 << 20;
    private const int StringType = 4; // LUA_TSTRING
    private const long Large = 128 << 10; // from here on each instruction may be work

    /// <summary>Instructions between two looks at the budgets where each may be work.</summary>
    public const int LeastQuantum = 16;

    public static LuaMemory* Create()
    {
        var memory = (LuaMemory*)NativeMemory.AllocZeroed((nuint)sizeof(LuaMemory));
        memory->Limit = long.MaxValue;
        memory->Open = 1;
        return memory;
    }

    public static nint AllocatorAddress => (nint)(delegate* unmanaged[Cdecl]<LuaMemory*, void*, nuint, nuint, void*>)&Allocate;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static void* Allocate(LuaMemory* memory, void* block, nuint oldSize, nuint newSize)
    {
        bool text = block is null && oldSize == StringType;
        if (block is null) oldSize = 0; // then it carries a type
        if (newSize == 0)
        {
            NativeMemory.Free(block);
            memory->Used -= (long)oldSize;
            return null;
        }
        long growth = (long)newSize - (long)oldSize;
        if (growth > 0 && memory->Open == 0 && (memory->IsTooLarge(newSize, text) || !memory->Gives(growth))) return null;
        if (growth > 0 && (memory->Given += growth) > memory->Left && memory->Running != 0)
        {
            memory->Left = long.MaxValue; // once
            LuaApi.SetHook(memory->Running, memory->Hook, LuaApi.MaskCount, 1);
        }
        else if (growth >= Large && memory->Running != 0) LuaApi.SetHook(memory->Running, memory->Hook, LuaApi.MaskCount, LeastQuantum);
        void* given = Realloc(block, newSize);
        if (given is not null) memory->Used += growth;
        return given;
    }

    // Lua collects all of its garbage and asks once more, so a script that tries it again and again pays for that.
    private bool IsTooLarge(nuint size, bool text)
    {
        if (size <= (nuint)(text ? MaxString + 64 : MaxBlock)) return false;
        TooLarge = 1;
        Given += Used;
        return true;
    }

    private static void* Realloc(void* block, nuint size)
    {
        try { return NativeMemory.Realloc(block, size); }
        catch (OutOfMemoryException) { return null; }
    }

    private bool Gives(long growth)
    {
        if (Used + growth > Limit)
        {
            // Lua collects its garbage after the first refusal and asks once more.
            if (growth == _refused)
            {
                Refused = 1;
                if (Running != 0) LuaApi.SetHook(Running, Hook, LuaApi.MaskCount, 1);
            }
            _refused = growth;
            return false;
        }
        _refused = 0;
        _sinceCheck += growth;
        if (_sinceCheck < CheckEvery) return true;
        if (Deadline != 0 && Stopwatch.GetTimestamp() > Deadline)
        {
            Refused = 2;
            // Keeps failing, for the count stays over; and the script ends with its next instruction.
            if (Running != 0) LuaApi.SetHook(Running, Hook, LuaApi.MaskCount, 1);
            return false;
        }
        _sinceCheck = 0;
        return true;
    }
}
