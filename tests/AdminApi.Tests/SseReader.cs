using System.Net.ServerSentEvents;
using System.Text.Json;

namespace Managed.AdminApi.Tests;

internal sealed record SseEvent(string Type, string? Id, string Data)
{
    public JsonElement Json => JsonDocument.Parse(Data).RootElement;
}

/// <summary>Reads a stream of events; gives up after a minute.</summary>
internal sealed class SseReader(TestNode node, string path, string? lastEventId = null) : IDisposable
{
    private readonly CancellationTokenSource _deadline = new(TimeSpan.FromSeconds(60));
    private IAsyncEnumerator<SseEvent>? _events;

    /// <summary>Connects and reads the first item: from then on the stream sees everything.</summary>
    public Task<SseEvent> FirstAsync() => NextAsync(null);

    /// <summary>The next event of a type, or of any.</summary>
    public async Task<SseEvent> NextAsync(string? type)
    {
        _events ??= ReadAsync().GetAsyncEnumerator(_deadline.Token);
        while (await _events.MoveNextAsync())
            if (type is null || _events.Current.Type == type)
                return _events.Current;
        throw new InvalidOperationException("the stream has ended");
    }

    public void Dispose() => _deadline.Cancel();

    private async IAsyncEnumerable<SseEvent> ReadAsync()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/" + path);
        if (lastEventId is not null)
            request.Headers.Add("Last-Event-ID", lastEventId);
        using var response = await node.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, _deadline.Token);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
        var parser = SseParser.Create(await response.Content.ReadAsStreamAsync(_deadline.Token));
        await foreach (var item in parser.EnumerateAsync(_deadline.Token))
            yield return new(item.EventType, item.EventId, item.Data);
    }
}
