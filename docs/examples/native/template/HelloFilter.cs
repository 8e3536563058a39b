using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text;
using Managed.Filters;

namespace HelloFilter;

/// <summary>What a document may say under <c>configuration</c>.</summary>
public sealed record HelloConfiguration : FilterConfiguration
{
    [Required, Length(1, 200), Description("The value of the field x-hello of each response.")]
    public string Greeting { get; init; } = "";

    [Description("Requests to /hello are answered here, without an upstream.")]
    public bool Answers { get; init; }
}

/// <summary>One of these for each configuration, shared by all workers.</summary>
public sealed class HelloPlugin : HttpFilterPlugin<HelloConfiguration>
{
    internal FilterCounter Greeted { get; private set; }
    internal byte[] Greeting { get; private set; } = [];

    protected override void OnStart()
    {
        if (Configuration.Greeting.Any(char.IsControl)) Context.Refuse("greeting", "has control characters");
        Greeting = Encoding.UTF8.GetBytes(Configuration.Greeting);
        Greeted = Context.Counter("greeted");
    }

    protected override HttpFilter CreateFilter() => new Hello(this);
}

/// <summary>One of these for each stream; used again for the next one, so that a request allocates nothing.</summary>
internal sealed class Hello(HelloPlugin plugin) : HttpFilter
{
    protected override HeadersStatus OnRequestHeaders(Headers headers, bool endStream)
    {
        if (plugin.Configuration.Answers && headers.TryGet(":path"u8, out var path) && path.SequenceEqual("/hello"u8))
            Stream.SendLocalReply(200, plugin.Greeting, "hello_filter", static h => h.Set("content-type", "text/plain; charset=utf-8"));
        return HeadersStatus.Continue;
    }

    protected override HeadersStatus OnResponseHeaders(Headers headers, bool endStream)
    {
        headers.Set("x-hello"u8, plugin.Greeting);
        Count(plugin.Greeted);
        return HeadersStatus.Continue;
    }

    protected override bool TryReset() => true;
}
