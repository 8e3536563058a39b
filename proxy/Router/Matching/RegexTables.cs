using System.Runtime.Intrinsics;

namespace Managed.Proxy.Router.Matching;

/// <summary>What a <see cref="RegexSearch"/> needs of an expression.</summary>
internal sealed class RegexTables(RegexProgram program)
{
    public RegexProgram Program => program;
    public RegexAlphabet Alphabet { get; } = new(program.Chars);
    /// <inheritdoc cref="RegexProgram.Beginnings"/>
    public (Vector128<ulong> First, Vector128<ulong> Later) Beginnings { get; } = program.Beginnings();
}
