namespace Managed.Proxy.Configuration.Parsing;

public enum ConfigFormat
{
    /// <summary>JSON when the text begins like it and is it, else YAML.</summary>
    Detect,
    Json,
    Yaml,
}
