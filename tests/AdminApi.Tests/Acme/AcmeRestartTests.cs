using Managed.AdminApi.Acme;
using Managed.TestKit;
using Microsoft.Extensions.DependencyInjection;

namespace Managed.AdminApi.Tests.Acme;

/// <summary>A process that ends in the middle of it, and one that starts again and again.</summary>
public sealed class AcmeRestartTests
{
    [Fact]
    public async Task EndInTheMiddleOfAnOrder_IsGoneOnWith_AndCertificatesAreThereAtOnceAfterTheNext()
    {
        await using var node = await TestNode.StartAsync();
        await using var one = await AcmeCase.BeginAsync(node);
        one.Authority.IsStuck = true;
        await one.WantAsync();
        await Eventually.Async(() => one.Authority.Count("POST finalize") == 1, "the order to be finalized");
        await node.RestartAsync();
        one.Authority.IsStuck = false;
        one.Manager.Limits = new() { Pause = TimeSpan.FromMilliseconds(5) };
        one.Manager.Look();
        await one.ShowsAsync(AcmeCase.Issuer);
        Assert.Equal(1, one.Authority.Orders);
        Assert.Equal(1, one.Authority.Accounts);

        var before = one.Authority.Calls.Count;
        using var shown = await one.ShownAsync();
        await node.RestartAsync();
        Assert.Equal(AcmeCase.Issuer, await one.IssuerAsync()); // from the first handshake on
        await one.QuietAsync();
        Assert.DoesNotContain(one.Authority.Calls.Skip(before), c => c != "GET dir"); // whether it has windows, at most
    }

    [Fact]
    public async Task TakenOverInTheMiddleOfAnOrder_TheNextProcessEndsIt()
    {
        await using var node = await TestNode.StartAsync();
        await using var one = await AcmeCase.BeginAsync(node);
        one.Authority.IsStuck = true;
        await one.WantAsync();
        await Eventually.Async(() => one.Authority.Count("POST finalize") == 1, "the order to be finalized");
        var port = one.Port;

        await node.TakeOverAsync();

        Assert.Equal((port, AcmeCase.Placeholder), (one.Port, await one.IssuerAsync())); // the listener works meanwhile
        one.Authority.IsStuck = false;
        one.Manager.Clock = one.Time;
        one.Manager.Limits = new() { Pause = TimeSpan.FromMilliseconds(5) };
        one.Time.Now += TimeSpan.FromHours(1); // whatever the one before has put off is due
        one.Manager.Look();
        await one.ShowsAsync(AcmeCase.Issuer);
        Assert.Equal((1, 1), (one.Authority.Orders, one.Authority.Accounts));
        Assert.Equal("issued", (await one.SettledAsync()).GetProperty("state").GetString());
    }

    [Fact]
    public async Task AttemptIsPausedBeforeItBegins_SoThatAKilledProcessAsksNoMoreOftenThanOneThatFails()
    {
        await using var node = await TestNode.StartAsync();
        await using var one = await AcmeCase.BeginAsync(node);
        one.Authority.Faults["nonce"] = new(Hangs: true);
        await one.WantAsync();
        await Eventually.Async(() => one.Authority.Count("HEAD nonce") == 1, "the authority to be asked");
        // As the next process would find it, had this one been killed.
        var store = node.Host.Services.GetRequiredService<AcmeStore>();
        var kept = new AcmeStore(node.Host.Services.GetRequiredService<AdminApi.Hosting.DataFolder>(),
            node.Host.Services.GetRequiredService<AdminApi.Secrets.SecretCipher>(),
            node.Host.Services.GetRequiredService<Microsoft.Extensions.Logging.ILogger<AcmeStore>>());
        kept.Load();
        Assert.InRange(kept.Records.Single().NextAttempt - one.Time.Now, TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(1.2));
        Assert.Equal(store.Records.Single().NextAttempt, kept.Records.Single().NextAttempt);
    }

    [Theory]
    [InlineData(1, null, 60)]
    [InlineData(2, null, 120)]
    [InlineData(11, null, 61_440)]
    [InlineData(12, null, 86_400)]
    [InlineData(5_000, null, 86_400)]
    [InlineData(5_000, 6, 51_840)]
    [InlineData(12, 90, 86_400)]
    public void Pauses_DoubleUpToADay_OrATenthOfTheLife(int failures, int? lifeDays, int seconds)
    {
        var life = lifeDays is { } days ? TimeSpan.FromDays(days) : (TimeSpan?)null;
        Assert.Equal(seconds, AcmeLimits.BackOff(failures, life, 0).TotalSeconds);
        Assert.Equal(seconds * 1.2, AcmeLimits.BackOff(failures, life, 1).TotalSeconds, 3);
    }

    [Theory]
    [InlineData(null, null, 60)]
    [InlineData(10, null, 80)] // before
    [InlineData(100, null, 0)] // longer than its life: at once, and not before it was
    [InlineData(null, 40, 40)] // what the authority says
    [InlineData(null, 75, 75)]
    [InlineData(null, 5_000, 81)] // and no later than this
    [InlineData(30, 75, 60)] // the earlier of the two
    [InlineData(5, 40, 40)]
    public void RenewalTime_IsTwoThirds_OrWhatIsSaid(int? beforeDays, int? suggestedDay, int expectedDay)
    {
        var start = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var renewal = AcmeLimits.RenewalOf(start, start.AddDays(90), beforeDays is { } days ? TimeSpan.FromDays(days) : null,
            suggestedDay is { } day ? start.AddDays(day) : null);
        Assert.Equal(expectedDay, (renewal - start).TotalDays, 3);
    }
}
