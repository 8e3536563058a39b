using Managed.Proxy.Configuration;
using Managed.Proxy.Configuration.Model;
using Managed.Proxy.Streams;
using Managed.Proxy.Streams.AccessLog;
using Managed.Proxy.Tests.Http;
using Xunit;

namespace Managed.Proxy.Tests.Streams.AccessLog;

public sealed class AccessLogFilterTests
{
    [Theory]
    [InlineData("status_code_filter: {comparison: {op: GE, value: {default_value: 500}}}", true)]
    [InlineData("status_code_filter: {comparison: {op: LE, value: {default_value: 499}}}", false)]
    [InlineData("status_code_filter: {comparison: {value: {default_value: 503}}}", true)]
    [InlineData("status_code_filter: {comparison: {op: NE, value: {default_value: 503}}}", false)]
    [InlineData("duration_filter: {comparison: {op: GE, value: {default_value: 20}}}", true)]
    [InlineData("duration_filter: {comparison: {op: GE, value: {default_value: 21}}}", false)]
    [InlineData("response_flag_filter: {flags: [UH, RL]}", true)]
    [InlineData("response_flag_filter: {flags: [UF]}", false)]
    [InlineData("response_flag_filter: {}", true)]
    [InlineData("not_health_check_filter: {}", true)]
    [InlineData("header_filter: {header: {name: ':path', string_match: {prefix: /a}}}", true)]
    [InlineData("header_filter: {header: {name: x}}", false)]
    [InlineData("and_filter: {filters: [{response_flag_filter: {}}, {header_filter: {header: {name: x}}}]}", false)]
    [InlineData("or_filter: {filters: [{header_filter: {header: {name: x}}}, {response_flag_filter: {}}]}", true)]
    public void Filter_ChoosesRequests(string yaml, bool passes)
    {
        var info = new StreamInfo { RequestHeaders = Requests.Get("h", "/a"), ResponseCode = 503, StartTime = 1_000_000,
            EndTime = 1_020_500, Flags = ResponseFlags.RateLimited };
        var errors = new ConfigErrors();
        var filter = AccessLogFilter.Compile(Requests.Bind<AccessLogFilterConfig>(yaml), errors);
        Assert.Empty(errors.Errors);
        Assert.Equal(passes, filter!.Passes(info));
    }

    [Fact]
    public void HealthCheck_IsNotLoggedWhereThatIsAskedFor()
    {
        var filter = AccessLogFilter.Compile(Requests.Bind<AccessLogFilterConfig>("not_health_check_filter: {}"), new ConfigErrors());
        Assert.False(filter!.Passes(new StreamInfo { IsHealthCheck = true }));
        Assert.True(filter.Passes(new StreamInfo()));
    }
}
