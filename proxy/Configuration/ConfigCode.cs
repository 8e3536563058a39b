namespace Managed.Proxy.Configuration;

/// <summary>The <c>code</c> of one configuration error; clients match on these.</summary>
public static class ConfigCode
{
    /// <summary>The text is not JSON or YAML, or breaks a limit of the reader.</summary>
    public const string MalformedBody = "MALFORMED_BODY";
    public const string UnknownField = "UNKNOWN_FIELD";
    /// <summary>Known in Envoy's model, not served by this version.</summary>
    public const string UnsupportedField = "UNSUPPORTED_FIELD";
    public const string MissingField = "MISSING_FIELD";
    public const string InvalidValue = "INVALID_VALUE";
    public const string InvalidType = "INVALID_TYPE";
    public const string UnknownReference = "UNKNOWN_REFERENCE";
    public const string DuplicateName = "DUPLICATE_NAME";
    public const string UnknownExtension = "UNKNOWN_EXTENSION";
    /// <summary>Two things that exclude each other are both given.</summary>
    public const string Conflict = "CONFLICT";
    /// <summary>A script does not compile, or fails while it is loaded.</summary>
    public const string CompileFailed = "COMPILE_FAILED";
    /// <summary>More errors exist than are listed.</summary>
    public const string TooManyErrors = "TOO_MANY_ERRORS";
}
