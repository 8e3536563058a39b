using Managed.AdminApi.Problems;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Documents;

/// <summary>Refuses a document that an edit has made too large or too deep, before anything is built of it.</summary>
internal static class DocumentCheck
{
    /// <exception cref="ApiException">413 or 422.</exception>
    public static void Fits(ConfigObject document)
    {
        var size = DocumentLimits.Measure(document);
        if (size.Bytes > DocumentLimits.MaxBytes)
            throw TooLarge($"the document would be larger than {DocumentLimits.MaxBytes >> 20} MiB");
        if (size.Nodes > DocumentLimits.MaxNodes)
            throw TooLarge($"the document would have more than {DocumentLimits.MaxNodes} values");
        if (size.Depth > DocumentLimits.MaxDepth)
            throw new ApiException(ProblemCode.ValidationFailed,
                $"the document would be nested deeper than {DocumentLimits.MaxDepth} levels")
            {
                Errors = [new(DocumentLimits.TooDeep(document)!, ConfigCode.InvalidValue,
                    $"nested deeper than {DocumentLimits.MaxDepth} levels", Scope: "document")],
            };
    }

    public static ApiException TooLarge(string detail) => new(ProblemCode.TooLarge, detail)
    {
        Members = new Dictionary<string, object?> { ["limit_bytes"] = DocumentLimits.MaxBytes },
    };
}
