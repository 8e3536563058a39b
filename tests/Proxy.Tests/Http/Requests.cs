using System.Text;
using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Parsing;
using Managed.Proxy.Configuration.Validation;
using Managed.Proxy.Core.Buffers;
using Managed.Proxy.Http.Headers;
using Xunit;

namespace Managed.Proxy.Tests.Http;

/// <summary>Messages and configuration records from short texts.</summary>
internal static class Requests
{
    /// <summary>A GET with the pseudo-headers a codec sets, and further fields as <c>name: value</c>.</summary>
    public static HeaderMap Get(string authority, string path, params string[] fields)
    {
        var headers = new HeaderMap();
        headers.Add(":method", "GET");
        headers.Add(":scheme", "http");
        headers.Add(":authority", authority);
        headers.Add(":path", path);
        Add(headers, fields);
        return headers;
    }

    public static HeaderMap Fields(params string[] fields)
    {
        var headers = new HeaderMap();
        Add(headers, fields);
        return headers;
    }

    /// <summary>All values of a field, joined by <c>|</c>.</summary>
    public static string All(this HeaderMap headers, string name)
    {
        var values = new List<string>();
        for (int i = 0; headers.TryGetAt(Encoding.ASCII.GetBytes(name), i, out var value); i++) values.Add(Encoding.UTF8.GetString(value));
        return string.Join('|', values);
    }

    public static string Text(this ByteWriter writer) => Encoding.UTF8.GetString(writer.Written);

    public static ConfigObject Node(string yaml)
    {
        var errors = new ConfigErrors();
        var node = ConfigParser.Parse(yaml, ConfigFormat.Yaml, "test", errors);
        Assert.Empty(errors.Errors);
        return Assert.IsType<ConfigObject>(node);
    }

    /// <summary>A record that must bind without errors.</summary>
    public static T Bind<T>(string yaml) where T : ConfigRecord
    {
        var errors = new ConfigErrors();
        var record = ConfigBinder.Bind<T>(Node(yaml), errors);
        Assert.Empty(errors.Errors);
        return record!;
    }

    private static void Add(HeaderMap headers, string[] fields)
    {
        foreach (string field in fields)
        {
            int colon = field.IndexOf(':', 1);
            headers.Add(field[..colon], field[(colon + 1)..].TrimStart());
        }
    }
}
