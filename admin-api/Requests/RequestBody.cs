using Managed.AdminApi.Problems;
using Managed.AdminApi.Swagger;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;

namespace Managed.AdminApi.Requests;

/// <summary>Reads bodies within their limits; failures end the call with a problem.</summary>
internal static class RequestBody
{
    /// <summary>
    /// api.md: configuration body 16 MiB, module 64 MiB. A comment or a few fields need far less, and a call without a body nothing.
    /// </summary>
    public const long ConfigLimit = 16L << 20, ModuleLimit = 64L << 20, FieldsLimit = 64L << 10, NoBodyLimit = 4L << 10;

    /// <summary>
    /// A body has ten seconds and what it takes at this speed: whoever trickles it must not hold memory and the caller's place for hours.
    /// </summary>
    private const double BytesPerSecond = 64 << 10;
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);

    /// <summary>The name of the submitted text in error messages.</summary>
    public const string SourceName = "request body";

    /// <summary>All of it, up to the limit that the endpoint's description says, and in the time for its size.</summary>
    public static async Task<byte[]> ReadAsync(HttpContext context)
    {
        var limit = LimitOf(context);
        var declared = context.Request.ContentLength;
        if (declared > limit)
            throw TooLarge(limit);
        var share = context.RequestServices.GetRequiredService<MemoryBudget>().For(context);
        using var buffer = new MemoryStream(); // grows with what comes, not with what is announced
        var time = Grace + TimeSpan.FromSeconds((declared ?? limit) / BytesPerSecond);
        using var late = new CancellationTokenSource(time, context.RequestServices.GetRequiredService<TimeProvider>());
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(late.Token, context.RequestAborted);
        var chunk = new byte[Math.Min(16 * 1024, limit + 1)];
        try
        {
            int read;
            while ((read = await context.Request.Body.ReadAsync(chunk, stop.Token)) > 0)
            {
                if (buffer.Length + read > limit)
                    throw TooLarge(limit);
                share.Take(3 * read); // it grows by doubling, and is copied once
                buffer.Write(chunk, 0, read);
            }
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !context.RequestAborted.IsCancellationRequested)
        {
            throw new ApiException(ProblemCode.BodyTimeout, $"{buffer.Length} bytes of the body came in {time.TotalSeconds:0} s")
            {
                Headers = new Dictionary<string, string> { ["Connection"] = "close" },
            };
        }
        catch (BadHttpRequestException e) when (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            throw TooLarge(limit);
        }
        return buffer.ToArray();
    }

    /// <summary>A configuration body in JSON or YAML.</summary>
    public static async Task<ConfigNode> ReadConfigAsync(HttpContext context)
        => await ReadConfigAsync(context, MediaTypes.ConfigFormatOf(context.Request));

    public static async Task<ConfigNode> ReadConfigAsync(HttpContext context, ConfigFormat format)
        => await ParseAsync(context, await ReadAsync(context), format);

    private static async Task<ConfigNode> ParseAsync(HttpContext context, byte[] body, ConfigFormat format)
    {
        var share = context.RequestServices.GetRequiredService<MemoryBudget>().For(context);
        await share.TakeAsync(MemoryBudget.CostOf(body, format), context.RequestAborted);
        return Parse(body, format);
    }

    public static ConfigNode Parse(byte[] body, ConfigFormat format)
    {
        var errors = new ConfigErrors();
        if (ConfigParser.Parse(body, format, SourceName, errors) is { } node && !errors.HasErrors)
            return node;
        var first = errors.Errors[0];
        throw new ApiException(ProblemCode.MalformedBody, first.Detail)
        {
            Errors = ErrorItem.From(errors.Errors, first.Source),
            Members = new Dictionary<string, object?> { ["line"] = first.Line > 0 ? first.Line : null,
                ["column"] = first.Column > 0 ? first.Column : null },
        };
    }

    /// <summary>The body as an object, or 422 with the place.</summary>
    public static ConfigObject AsObject(ConfigNode node, string what)
        => node as ConfigObject ?? throw Invalid(node, ConfigCode.InvalidType, $"{what} is an object, not {node.KindName}");

    /// <summary>A 422 with one error at a node of the submitted body.</summary>
    public static ApiException Invalid(ConfigNode at, string code, string detail, string? hint = null)
        => new(ProblemCode.ValidationFailed, detail)
    {
        Errors = [new(at.Pointer, code, detail, at.Line > 0 ? at.Line : null, at.Column > 0 ? at.Column : null, hint)],
    };

    /// <summary>An optional body that holds only <c>{"comment": …}</c> and the like; null when there is none.</summary>
    public static async Task<ConfigObject?> ReadOptionalObjectAsync(HttpContext context, params string[] fields)
    {
        var body = await ReadAsync(context);
        if (body.Length == 0)
            return null;
        var node = AsObject(await ParseAsync(context, body, MediaTypes.ConfigFormatOf(context.Request)), "the body");
        OnlyFields(node, fields);
        return node;
    }

    public static void OnlyFields(ConfigObject body, params string[] fields)
    {
        foreach (var (name, value) in body.Members)
            if (!fields.Contains(name))
                throw Invalid(value, ConfigCode.UnknownField, $"'{name}' is not known here", Suggestions.Hint(name, fields));
    }

    private static long LimitOf(HttpContext context) => context.GetEndpoint()?.Metadata.GetMetadata<ApiDoc>()?.BodyLimit ?? NoBodyLimit;

    private static ApiException TooLarge(long limit)
        => new(ProblemCode.TooLarge, $"the body is larger than {(limit >= 1 << 20 ? $"{limit >> 20} MiB" : $"{limit >> 10} KiB")}")
    {
        Members = new Dictionary<string, object?> { ["limit_bytes"] = limit },
        Headers = new Dictionary<string, string> { ["Connection"] = "close" }, // the rest of it is not read
    };
}
