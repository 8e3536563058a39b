namespace Managed.Proxy.Http.Filters.JwtAuthn;

/// <summary>
/// What a request needs. Asked again from the beginning when keys have come that it waited for; nothing of the request changes before
/// the whole is good.
/// </summary>
internal abstract class JwtRequirement
{
    public abstract JwtStatus Check(JwtAuthnFilter run);
}

/// <summary>A token of a provider; of several all have to be good, or a bad one would pass beside a good one.</summary>
internal sealed class ProviderRequirement(JwtProvider provider, HashSet<string>? audiences) : JwtRequirement
{
    private readonly TokenLocation[] _locations = TokenLocation.Of([provider]);

    public override JwtStatus Check(JwtAuthnFilter run)
    {
        bool any = false;
        foreach (var location in _locations)
        {
            int cursor = 0;
            while (location.TryNext(run.Headers, ref cursor, run.Scratch, out var token))
            {
                any = true;
                var status = provider.Verify(token, audiences, run, out var jwt);
                if (status != JwtStatus.Ok) return run.Refuse(provider, status);
                run.Accept(provider, jwt!, location);
            }
        }
        return any ? JwtStatus.Ok : run.Refuse(provider, JwtStatus.Missing);
    }
}

/// <summary>
/// No token, or tokens of any of some providers: each belongs to the provider that its issuer names, if that looks at its place.
/// </summary>
internal sealed class OptionalRequirement(IReadOnlyList<JwtProvider> among, IReadOnlyList<JwtProvider> all, bool allowFailed)
    : JwtRequirement
{
    private readonly TokenLocation[] _locations = TokenLocation.Of(among);

    public override JwtStatus Check(JwtAuthnFilter run)
    {
        var waits = JwtStatus.Ok;
        foreach (var location in _locations)
        {
            int cursor = 0;
            while (location.TryNext(run.Headers, ref cursor, run.Scratch, out var token))
            {
                var status = Verify(token, location, run);
                if (status == JwtStatus.Waits) waits = status;
                else if (status != JwtStatus.Ok && !allowFailed) return status;
            }
        }
        return waits;
    }

    private JwtStatus Verify(ReadOnlySpan<byte> token, TokenLocation location, JwtAuthnFilter run)
    {
        foreach (var known in location.Providers)
        {
            if (known.Remembered(token, run) is null) continue;
            var again = known.Verify(token, null, run, out var remembered);
            if (again == JwtStatus.Ok) run.Accept(known, remembered!, location);
            return again == JwtStatus.Ok ? again : run.Refuse(known, again);
        }
        var status = Jwt.TryRead(token, out var read);
        if (status != JwtStatus.Ok) return status;
        if (!location.Allows(read!.Issuer) || Of(read.Issuer) is not { } provider) return JwtStatus.UnknownIssuer;
        status = provider.Verify(read, null, run, out var jwt);
        if (status == JwtStatus.Ok) run.Accept(provider, jwt!, location);
        return status == JwtStatus.Ok ? status : run.Refuse(provider, status);
    }

    private JwtProvider? Of(string issuer)
    {
        JwtProvider? any = null;
        foreach (var provider in all)
        {
            if (provider.Config.Issuer.Length > 0 && provider.Config.Issuer == issuer) return provider;
            if (provider.Config.Issuer.Length == 0) any ??= provider;
        }
        return any;
    }
}

internal sealed class AnyRequirement(JwtRequirement[] parts) : JwtRequirement
{
    public override JwtStatus Check(JwtAuthnFilter run)
    {
        bool waits = false;
        var said = JwtStatus.Missing;
        int mark = run.Mark;
        foreach (var part in parts)
        {
            var status = part.Check(run);
            if (status == JwtStatus.Ok) return status;
            run.Drop(mark);
            waits |= status == JwtStatus.Waits;
            // That there is no token at all, or not of this issuer, says less than what is wrong with one.
            if (said is JwtStatus.Missing or JwtStatus.UnknownIssuer && status != JwtStatus.Missing) said = status;
        }
        return waits ? JwtStatus.Waits : said;
    }
}

internal sealed class AllRequirement(JwtRequirement[] parts) : JwtRequirement
{
    public override JwtStatus Check(JwtAuthnFilter run)
    {
        var waits = JwtStatus.Ok;
        foreach (var part in parts)
        {
            var status = part.Check(run);
            if (status == JwtStatus.Waits) waits = status;
            else if (status != JwtStatus.Ok) return status;
        }
        return waits;
    }
}
