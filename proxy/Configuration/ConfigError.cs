namespace Managed.Proxy.Configuration;

/// <summary>One error or warning: where, what, and what to do about it.</summary>
/// <param name="Pointer">JSON pointer as a URI fragment, inside <paramref name="Source"/>.</param>
/// <param name="Code">One of <see cref="ConfigCode"/>.</param>
/// <param name="Line">1-based; 0 when unknown.</param>
/// <param name="Column">1-based; 0 when unknown.</param>
/// <param name="Hint">What would be right, such as <c>did you mean 'web'?</c></param>
public sealed record ConfigError(
    string Pointer, string Code, string Detail, int Line, int Column, string? Hint, ConfigSource Source)
{
    /// <summary>What the document names cannot be had now and may be had later: the document itself is not wrong by that.</summary>
    public bool MayPass { get; init; }

    /// <summary><c>FILE:line:column pointer message</c>, the form of <c>managed validate</c>.</summary>
    public override string ToString() =>
        $"{Source.Name}:{Line}:{Column} {Pointer} {Detail}" + (Hint is null ? "" : $" ({Hint})");
}
