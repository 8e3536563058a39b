using Managed.Proxy.Core.Telemetry;
using Managed.Proxy.Http.Headers;

namespace Managed.Proxy.Http.Filters.CredentialInjector;

/// <summary>What a chain's filter was built with: a fixed value, or a token.</summary>
internal sealed record InjectorSettings(CredentialInjectorConfig Config, byte[] Header, byte[]? Value, ClientToken? Token,
    Counter Injected, Counter Failed, Counter AlreadyExists);

/// <summary>Puts a credential into each request.</summary>
internal sealed class CredentialInjectorFilter(InjectorSettings settings) : HttpFilter
{
    private bool _waits;

    public override HeadersStatus OnRequestHeaders(HeaderMap headers, bool endStream)
    {
        if (!settings.Config.Overwrite && headers.TryGet(settings.Header, out _))
        {
            Stream.Worker.Stats.Increment(settings.AlreadyExists);
            return HeadersStatus.Continue;
        }
        if ((settings.Value ?? settings.Token!.Current(Stream.Worker)) is { } value)
        {
            Inject(headers, value);
            return HeadersStatus.Continue;
        }
        if (!settings.Token!.Wait(this, Stream)) return Without() ? HeadersStatus.Continue : HeadersStatus.StopIteration;
        _waits = true;
        return HeadersStatus.StopAllIterationAndWatermark;
    }

    public override void OnDestroy()
    {
        if (_waits) settings.Token!.Leave(this, Stream.Worker);
        _waits = false;
    }

    public void OnToken()
    {
        _waits = false;
        if (settings.Token!.Current(Stream.Worker) is { } value) Inject(Stream.RequestHeaders, value);
        else if (!Without()) return;
        ContinueRequest();
    }

    private void Inject(HeaderMap headers, byte[] value)
    {
        headers.Set(settings.Header, value);
        Stream.Worker.Stats.Increment(settings.Injected);
    }

    private bool Without()
    {
        Stream.Worker.Stats.Increment(settings.Failed);
        if (settings.Config.AllowRequestWithoutCredential)
        {
            // What the client put there would be taken for the proxy's own.
            Stream.RequestHeaders.Remove(settings.Header);
            return true;
        }
        Stream.SendLocalReply(401, "Failed to inject credential."u8, "failed_to_inject_credential");
        return false;
    }
}
