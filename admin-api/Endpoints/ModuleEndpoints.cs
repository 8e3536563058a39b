using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using Managed.AdminApi.Auth;
using Managed.AdminApi.Events;
using Managed.AdminApi.Modules;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Swagger;
using Managed.AdminApi.Versions;
using Managed.Migrations;
using Managed.Proxy;
using Managed.Proxy.Bindings.Native;
using Managed.Proxy.Configuration;
using Managed.Proxy.Core;
using Managed.Proxy.Http.Filters.Lua;
using Managed.Proxy.Http.Filters.Wasm.Code;
using static Managed.AdminApi.Problems.ProblemCode;

namespace Managed.AdminApi.Endpoints;

/// <summary>Scripts, Wasm modules and assemblies: store, list, read, name, delete.</summary>
internal static partial class ModuleEndpoints
{
    private const int MaxErrors = 1000; // as many as a configuration's
    private const string Tag = "Modules", Wasm = "application/wasm", Lua = "text/x-lua",
        DotNet = "application/x-dotnet-assembly";
    private const string Example =
        """{"digest":"sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824","kind":"lua","names":["auth"]"""
            + ""","size":312,"created_at":"2026-11-22T22:41:00Z","author":"admin","abi":null,"imports":[],"exports":[],"used_by":[]}""";

    public static void MapModules(this ApiRoutes api)
    {
        ApiBody[] bodies = [new(Lua, "function envoy_on_request(h) h:headers():add(\"x-hello\", \"lua\") end"), new(Wasm, ""),
            new(DotNet, "")];
        ProblemCode[] uploadErrors = [MalformedBody, InvalidParameter, TooLarge, RateLimited, Forbidden, UnsupportedMediaType,
            CompileFailed, StoreUnavailable];
        ApiParameter digest = new("Content-Digest", "Checked against the body (RFC 9530).", "sha-256=:…:", "header");
        api.Post("/modules", UploadAsync, new(Tag, "Stores a module")
            {
                Parameters = [new("name", "Also points this name at it.", "auth"), digest], Bodies = bodies,
                BodyLimit = RequestBody.ModuleLimit, Errors = uploadErrors,
                Answers = [(201, "Stored", Example), (200, "The content was stored before", Example)],
            })
            .Get("/modules", ListAsync, new(Tag, "Lists modules, newest first")
            {
                Parameters = ApiParameters.Page, Errors = [InvalidParameter, StoreUnavailable],
                Answers = [(200, "One page", $$"""{"items":[{{Example}}],"next_page_token":null,"total_size":1}""")],
            })
            .Get("/modules/{digest}", context => JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, Find(context, Digest(context))),
                new(Tag, "Reads one module's description") { Errors = [NotFound, StoreUnavailable],
                    Answers = [(200, "The module", Example)] })
            .Get("/modules/{digest}/content", ContentAsync,
                new(Tag, "Downloads a module") { Errors = [NotFound, StoreUnavailable], Answers = [(200, "The bytes", "")],
                    AnswerType = Wasm, FurtherAnswerTypes = [Lua, DotNet] })
            .Get("/modules/by-name/{name}", ReadByNameAsync,
                new(Tag, "Reads the module that a name points at") { Errors = [NotFound, StoreUnavailable],
                    Answers = [(200, "The module", Example)] })
            .Put("/modules/by-name/{name}", PutByNameAsync, new(Tag, "Stores a module under a name, or points the name at a stored one")
            {
                Parameters = [digest], Bodies = [.. bodies, new(MediaTypes.Json, """{"digest":"sha256:…"}""")],
                BodyLimit = RequestBody.ModuleLimit, Errors = [.. uploadErrors, NotFound, ValidationFailed],
                Answers = [(200, "The name points at it", Example), (201, "Stored", Example)],
            })
            .Delete("/modules/{digest}", DeleteAsync,
                new(Tag, "Deletes a module and its names") { Errors = [NotFound, InUse, StoreUnavailable],
                    Answers = [(204, "Deleted", null)] });
    }

    private static Task UploadAsync(HttpContext context)
        => StoreAsync(context, Query.Text(context, "name") is { } name ? ValidName(name) : null);

    private static async Task PutByNameAsync(HttpContext context)
    {
        var name = ValidName((string)context.Request.RouteValues["name"]!);
        if (MediaTypes.Of(context.Request) is Wasm or Lua or DotNet)
        {
            await StoreAsync(context, name);
            return;
        }
        if (MediaTypes.Of(context.Request) is not MediaTypes.Json and var type)
            throw MediaTypes.Unsupported(type, Lua, Wasm, DotNet, MediaTypes.Json);
        var body = RequestBody.AsObject(await RequestBody.ReadConfigAsync(context), "the body");
        RequestBody.OnlyFields(body, "digest");
        var digest = body.Text("digest") ?? throw RequestBody.Invalid(body, ConfigCode.MissingField, "digest is missing");
        if (!await Exclusively(context, () => Store(context).Name(name, digest)))
            throw ApiException.NotFound("module", digest, Store(context).List().Select(m => m.Digest));
        await JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, Find(context, digest));
    }

    private static async Task StoreAsync(HttpContext context, string? name)
    {
        var type = MediaTypes.Of(context.Request);
        if (type is not (Wasm or Lua or DotNet))
            throw MediaTypes.Unsupported(type, Lua, Wasm, DotNet);
        var content = await RequestBody.ReadAsync(context);
        CheckDigest(context, content);
        var guests = context.RequestServices.GetRequiredService<ProxyServer>().Guests;
        if (type == DotNet && guests.Native is null)
            throw new ApiException(Forbidden, "filters written in C# are switched off on this node: they can do whatever it can, and its "
                + "operator allows them by --allow-native");
        // On a thread of its own: it may take long, and uploads that wait for a compiler must not take the threads of other calls.
        var header = await Task.Factory.StartNew(() => Inspect(guests, type, content), CancellationToken.None,
            TaskCreationOptions.LongRunning, TaskScheduler.Default);
        var digest = ModuleDigest.Of(content);
        var isNew = await Exclusively(context, () => Store(context).Add(new ModuleRow
        {
            Digest = digest, Kind = type switch { Wasm => "wasm", Lua => "lua", _ => "dotnet" }, Size = content.Length,
            CreatedAt = DateTimeOffset.UtcNow, Author = Identity.Of(context).Name, Content = content,
            Abi = header?.Abi, Imports = JsonSerializer.Serialize(header?.Imports ?? []),
            Exports = JsonSerializer.Serialize(header?.Exports ?? []),
        }, name));
        if (isNew)
            context.RequestServices.GetRequiredService<EventLog>().Add("module.uploaded", new { digest, name });
        context.Response.Headers.Location = $"{ApiRoutes.V1}/modules/{digest}";
        await JsonAnswer.WriteAsync(context, isNew ? StatusCodes.Status201Created : StatusCodes.Status200OK, Find(context, digest));
    }

    /// <summary>
    /// Compiled and checked by the data plane's own rules; a script is tried as well, and of an assembly nothing is run.
    /// </summary>
    private static WasmModuleSummary? Inspect(GuestEnvironment guests, string type, byte[] content)
    {
        if (type == DotNet)
            return NativeCheck.Try(content, out var wrong) is { } assembly ? new(assembly.Contract, assembly.References, assembly.Plugins)
                : throw new ApiException(CompileFailed, wrong) { Errors = [new("#", "COMPILE_FAILED", wrong)] };
        if (type == Wasm)
            return WasmCheck.Try(content, guests, out var reasons) is { } summary ? summary
                : throw new ApiException(CompileFailed, reasons is [var one] ? one
                    : $"it imports {reasons.Count} functions that no Proxy-Wasm host has") { Errors =
                        [.. reasons.Take(MaxErrors).Select(r => new ErrorItem("#", "COMPILE_FAILED", r))] };
        try
        {
            if (content.Length == 0)
                throw new InvalidDataException("it is empty");
            if (!Utf8.IsValid(content) || content[0] == 0x1B) // ESC: precompiled Lua, which nobody can read and no sandbox should load
                throw new InvalidDataException("a Lua module is source text in UTF-8");
            if (LuaCheck.Try(content) is var (line, message))
                throw new ApiException(CompileFailed, line > 0 ? $"line {line}: {message}"
                    : message) { Errors = [new("#", "COMPILE_FAILED", message, line > 0 ? line : null)] };
            return null;
        }
        catch (InvalidDataException e)
        {
            throw new ApiException(CompileFailed, e.Message) { Errors = [new("#", "COMPILE_FAILED", e.Message)] };
        }
    }

    /// <summary>RFC 9530: <c>sha-256=:BASE64:</c>; other algorithms are passed over.</summary>
    private static void CheckDigest(HttpContext context, byte[] content)
    {
        var header = context.Request.Headers["Content-Digest"].ToString();
        foreach (var item in header.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            var match = Sha256Item().Match(item);
            if (match.Success && match.Groups[1].Value != Convert.ToBase64String(SHA256.HashData(content)))
                throw new ApiException(MalformedBody, "the body does not match its Content-Digest; it was damaged on the way");
        }
    }

    private static Task ListAsync(HttpContext context)
    {
        var search = Query.Text(context, "q");
        var modules = Store(context).List();
        if (!string.IsNullOrEmpty(search))
            modules = [.. modules.Where(m => m.Digest.Contains(search, StringComparison.OrdinalIgnoreCase) || m.Kind == search
                || m.Names.Any(n => n.Contains(search, StringComparison.OrdinalIgnoreCase)))];
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, PageRequest.From(context).Cut(modules, m => m.Digest));
    }

    private static async Task ContentAsync(HttpContext context)
    {
        var digest = Digest(context);
        _ = Find(context, digest);
        var (kind, content) = Store(context).Content(digest)!.Value;
        context.Response.ContentType = kind switch { "wasm" => Wasm, "lua" => Lua + "; charset=utf-8", _ => DotNet };
        context.Response.ContentLength = content.Length;
        context.Response.Headers.ETag = $"\"{digest}\"";
        context.Response.Headers["Content-Digest"] = $"sha-256=:{Convert.ToBase64String(SHA256.HashData(content))}:";
        await context.Response.Body.WriteAsync(content, context.RequestAborted);
    }

    private static Task ReadByNameAsync(HttpContext context)
    {
        var name = (string)context.Request.RouteValues["name"]!;
        var digest = Store(context).DigestOf(name) ?? throw ApiException.NotFound("module", name, Store(context).Names());
        return JsonAnswer.WriteAsync(context, StatusCodes.Status200OK, Find(context, digest));
    }

    private static async Task DeleteAsync(HttpContext context)
    {
        var digest = Digest(context);
        _ = Find(context, digest);
        var users = await Exclusively(context, () => Store(context).Delete(digest));
        if (users.Count > 0)
            throw new ApiException(InUse, $"{users.Count} kept versions need this module")
            {
                Members = new Dictionary<string, object?> { ["references"] =
                    users.Select(v => new { kind = "version", name = $"{v}", pointer = (string?)null }).ToList() },
            };
        if (ModuleDigest.IsDigest(digest))
            context.RequestServices.GetRequiredService<StoredModules>().Forget(digest);
        context.RequestServices.GetRequiredService<EventLog>().Add("module.deleted", new { digest });
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    private static Task<T> Exclusively<T>(HttpContext context, Func<T> action)
        => context.RequestServices.GetRequiredService<Publisher>().ExclusiveAsync(action, context.RequestAborted);

    private static ModuleView Find(HttpContext context, string digest) =>
        Store(context).Find(digest) ?? throw ApiException.NotFound("module", digest,
            Store(context).List().Select(m => m.Digest).Concat(Store(context).Names()));

    private static string ValidName(string name)
        => NamePattern().IsMatch(name) ? name : throw ApiException.Parameter("name",
            $"'{name}' is not a name: up to 64 of A-Z a-z 0-9 . _ -");

    private static string Digest(HttpContext context) => (string)context.Request.RouteValues["digest"]!;

    private static ModuleStore Store(HttpContext context) => context.RequestServices.GetRequiredService<ModuleStore>();

    [GeneratedRegex(@"\A[A-Za-z0-9._-]{1,64}\z")]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"\Asha-256=:([A-Za-z0-9+/=]*):\z")]
    private static partial Regex Sha256Item();
}
