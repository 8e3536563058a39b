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
    /// <summary>An allocation of Lua code was refused since this was last cleared.</summary>
    public int Refused;
    /// <summary>Stopwatch ticks after which nothing is given any more: copying large strings takes time but few instructions.</summary>
    public long Deadline;
    /// <summary>Where Lua code runs now, and the hook that is to look at once when memory is refused.</summary>
    public nint Running, Hook;
    private long _sinceCheck, _refused;

    // How much is given between two looks at the clock: some tens of microseconds of copying.
    private const long CheckEvery = 256 * 1024;

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
        if (block is null) oldSize = 0; // then it carries a type
        if (newSize == 0)
        {
            NativeMemory.Free(block);
            memory->Used -= (long)oldSize;
            return null;
        }
        long growth = (long)newSize - (long)oldSize;
        if (growth > 0 && memory->Open == 0 && !memory->Gives(growth)) return null;
        void* given = Realloc(block, newSize);
        if (given is not null) memory->Used += growth;
        return given;
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
                LuaApi.SetHook(Running, Hook, LuaApi.MaskCount, 1);
            }
            _refused = growth;
            return false;
        }
        _refused = 0;
        _sinceCheck += growth;
        if (_sinceCheck < CheckEvery) return true;
        if (Deadline != 0 && Stopwatch.GetTimestamp() > Deadline)
        {
            // Keeps failing, for the count stays over; and the script ends with its next instruction.
            LuaApi.SetHook(Running, Hook, LuaApi.MaskCount, 1);
            return false;
        }
        _sinceCheck = 0;
        return true;
    }
}
