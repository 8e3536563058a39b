using System.Text;

namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>What a filter or a route was built with.</summary>
internal sealed class TranscoderSettings
{
    public static readonly TranscoderSettings Off = new();

    private TranscoderSettings() => (Config, IsOff, Ignored) = (new(), true, []);

    public TranscoderSettings(GrpcJsonTranscoderConfig config, DescriptorSet types, IEnumerable<HttpBinding> bindings)
    {
        Config = config;
        Types = types;
        Table = new BindingTable(bindings, config.MatchUnregisteredCustomVerb);
        Ignored = [.. config.IgnoredQueryParameters.Select(Encoding.UTF8.GetBytes)];
        Print = new JsonPrint(config.PrintOptions.AddWhitespace, config.PrintOptions.AlwaysPrintPrimitiveFields,
            config.PrintOptions.AlwaysPrintEnumsAsInts, config.PrintOptions.PreserveProtoFieldNames);
    }

    public GrpcJsonTranscoderConfig Config { get; }
    public bool IsOff { get; }
    public DescriptorSet Types { get; } = null!;
    public BindingTable Table { get; } = null!;
    public byte[][] Ignored { get; }
    public JsonPrint Print { get; } = null!;

    /// <summary>How messages of a stream are told apart.</summary>
    public StreamStyle Style => Config.PrintOptions.StreamSseStyleDelimited ? StreamStyle.Events
        : Config.PrintOptions.StreamNewlineDelimited ? StreamStyle.Lines : StreamStyle.Array;

    public bool Ignores(ReadOnlySpan<byte> parameter)
    {
        foreach (byte[] one in Ignored) if (parameter.SequenceEqual(one)) return true;
        return false;
    }
}

internal enum StreamStyle { Array, Lines, Events }
