using System.Text.Json;
using System.Text.Json.Serialization;
using Managed.Proxy.Configuration;

namespace Managed.AdminApi.Requests;

/// <summary>Lets a contract record hold a piece of configuration.</summary>
internal sealed class ConfigNodeConverter : JsonConverter<ConfigNode>
{
    public override bool CanConvert(Type type) => typeof(ConfigNode).IsAssignableFrom(type);

    public override ConfigNode Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options)
        => throw new NotSupportedException("bodies are read by ConfigParser, which keeps positions");

    public override void Write(Utf8JsonWriter writer, ConfigNode value, JsonSerializerOptions options)
        => writer.WriteRawValue(value.ToJson(), skipInputValidation: true);
}
