using Xunit;

namespace Managed.Proxy.Tests;

/// <summary>Tests that look at the heap of the process: what runs beside them would be counted too.</summary>
[CollectionDefinition("heap", DisableParallelization = true)]
public sealed class Heap;
