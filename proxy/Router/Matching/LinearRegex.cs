using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;
using Managed.Proxy.Configuration;

namespace Managed.Proxy.Router.Matching;

/// <summary>
/// A regular expression in RE2's syntax that runs in linear time: translated to .NET's and run by its non-backtracking engine.
/// Matching a value allocates nothing, but for the one case that two workers run the same expression at the same moment (the engine
/// then makes a second runner).
/// </summary>
internal sealed class LinearRegex
{
    // Above this many automaton nodes the engine refuses to build: nested counts such as (a{1000}){1000} would take all memory.
    // RE2's default program limit is of the same order.
    private const int MaxNodes = 20_000;

    private const int StackChars = 512;

    static LinearRegex() => AppContext.SetData("REGEX_NONBACKTRACKING_MAX_AUTOMATA_SIZE", MaxNodes);

    private readonly Regex _regex;

    private LinearRegex(Regex regex) => _regex = regex;

    public Regex Regex => _regex;

    /// <summary>Null with INVALID_VALUE added when the expression is broken or cannot run in linear time.</summary>
    /// <param name="pattern">RE2 syntax.</param>
    /// <param name="whole">Must match the whole value; else it may match anywhere.</param>
    /// <param name="ignoreCase">ASCII and Unicode letters alike, as RE2's <c>(?i)</c>.</param>
    public static LinearRegex? Compile(string pattern, bool whole, bool ignoreCase, ConfigErrors errors, ConfigNode? at)
    {
        try
        {
            string translated = RegexSyntax.Translate(pattern);
            // The expression alone first: an unbalanced one must not become valid by the brackets around it.
            var options = RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | (ignoreCase ? RegexOptions.IgnoreCase : RegexOptions.None);
            var regex = new Regex(translated, options);
            if (whole) regex = new Regex(@"\A(?:" + translated + @")\z", options);
            return new LinearRegex(regex);
        }
        catch (NotSupportedException)
        {
            errors.Error(at, ConfigCode.InvalidValue, $"the expression '{pattern}' cannot run in linear time or is too large", "back-references, look-around and very large repeat counts are not available");
        }
        catch (ArgumentException e)
        {
            errors.Error(at, ConfigCode.InvalidValue, $"the expression '{pattern}' is not valid: {e.Message}");
        }
        return null;
    }

    public bool IsMatch(ReadOnlySpan<byte> value)
    {
        char[]? rented = value.Length > StackChars ? ArrayPool<char>.Shared.Rent(value.Length) : null;
        Span<char> chars = rented ?? stackalloc char[StackChars];
        // UTF-8 never decodes to more chars than it has bytes.
        int count = Encoding.UTF8.GetChars(value, chars);
        bool matches = _regex.IsMatch(chars[..count]);
        if (rented is not null) ArrayPool<char>.Shared.Return(rented);
        return matches;
    }
}
