using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.ExtProc;

/// <summary>Writes envoy.service.ext_proc.v3.ProcessingRequest.</summary>
internal static class ProcessingRequest
{
    private const string Namespace = "envoy.filters.http.ext_proc"; // what attributes are sent under

    /// <summary>HttpHeaders: field 2 of a request's, 3 of a response's.</summary>
    public static void Headers(ByteWriter to, bool response, HeaderMap headers, bool end, ExtProcSettings settings)
    {
        int message = ProtoWriter.Begin(to, response ? 3 : 2);
        Map(to, headers, settings);
        ProtoWriter.Truth(to, 3, end);
        ProtoWriter.End(to, message);
    }

    /// <summary>HttpBody, of which more may follow.</summary>
    public static void Body(ByteWriter to, bool response, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second, bool end)
    {
        int message = ProtoWriter.Begin(to, response ? 5 : 4);
        if (first.Length + second.Length > 0)
        {
            int body = ProtoWriter.Begin(to, 1);
            to.Write(first);
            to.Write(second);
            ProtoWriter.End(to, body);
        }
        ProtoWriter.Truth(to, 2, end);
        ProtoWriter.End(to, message);
    }

    public static void Trailers(ByteWriter to, bool response, HeaderMap trailers, ExtProcSettings settings)
    {
        int message = ProtoWriter.Begin(to, response ? 7 : 6);
        Map(to, trailers, settings);
        ProtoWriter.End(to, message);
    }

    /// <summary>What goes with each message, with the first about a request or response, and with the first of all.</summary>
    public static void Context(ByteWriter to, HttpStream stream, IReadOnlyList<string> namespaces, ProcessorAttribute[] attributes,
        ProcessingMode? protocol, ExtProcConfig config)
    {
        int metadata = -1;
        foreach (string space in namespaces)
        {
            if (stream.Info.DynamicMetadata?.GetValueOrDefault(space) is not { } values) continue;
            if (metadata < 0) metadata = ProtoWriter.Begin(to, 8);
            int entry = ProtoWriter.Begin(to, 1);
            ProtoWriter.Field(to, 1, space);
            int value = ProtoWriter.Begin(to, 2);
            ProtoValue.WriteStruct(to, values);
            ProtoWriter.End(to, value);
            ProtoWriter.End(to, entry);
        }
        if (metadata >= 0) ProtoWriter.End(to, metadata);
        if (attributes.Length > 0) Attributes(to, stream, attributes);
        ProtoWriter.Truth(to, 10, config.ObservabilityMode);
        if (protocol is not { } mode) return;
        int settings = ProtoWriter.Begin(to, 11);
        ProtoWriter.Number(to, 1, (ulong)mode.Request.Body);
        ProtoWriter.Number(to, 2, (ulong)mode.Response.Body);
        ProtoWriter.Truth(to, 3, config.SendBodyWithoutWaitingForHeaderResponse);
        ProtoWriter.End(to, settings);
    }

    private static void Attributes(ByteWriter to, HttpStream stream, ProcessorAttribute[] attributes)
    {
        var values = new Dictionary<string, object?>(attributes.Length);
        foreach (var attribute in attributes)
            if (attribute.Read(stream) is { } value) values[attribute.Name] = value;
        int entry = ProtoWriter.Begin(to, 9);
        ProtoWriter.Field(to, 1, Namespace);
        int inner = ProtoWriter.Begin(to, 2);
        ProtoValue.WriteStruct(to, values);
        ProtoWriter.End(to, inner);
        ProtoWriter.End(to, entry);
    }

    // config.core.v3.HeaderMap; values are bytes.
    private static void Map(ByteWriter to, HeaderMap headers, ExtProcSettings settings)
    {
        int map = ProtoWriter.Begin(to, 1);
        int cursor = 0;
        while (headers.Next(ref cursor, out ReadOnlySpan<byte> name, out var value))
        {
            if (settings.Disallowed?.Has(name) == true || settings.Allowed?.Has(name) == false) continue;
            int header = ProtoWriter.Begin(to, 1);
            ProtoWriter.Field(to, 1, name);
            ProtoWriter.Field(to, 3, value);
            ProtoWriter.End(to, header);
        }
        ProtoWriter.End(to, map);
    }
}
