using System.IO.Pipelines;
using Managed.AdminApi.Problems;
using Managed.AdminApi.Requests;
using Managed.AdminApi.Swagger;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;

namespace Managed.AdminApi.Tests.Requests;

public sealed class RequestBodyTests
{
    [Theory]
    [InlineData(null, 4 << 10, 10.0625)]
    [InlineData(null, 16 << 20, 266)]
    [InlineData(64L << 10, 16 << 20, 11)]
    public async Task BodyThatTrickles_IsGivenUpAfterTheTimeForItsSize(long? declared, long limit, double seconds)
    {
        var time = new ImpatientTime();
        var pipe = new Pipe(); // nobody ever writes
        var context = new DefaultHttpContext { RequestServices = new ServiceCollection().AddSingleton<TimeProvider>(time)
            .AddSingleton(new MemoryBudget()).BuildServiceProvider() };
        context.Request.Body = pipe.Reader.AsStream();
        context.Request.ContentLength = declared;
        context.SetEndpoint(new Endpoint(null, new EndpointMetadataCollection(new ApiDoc("", "") { BodyLimit = limit }), ""));
        var refused = await Assert.ThrowsAsync<ApiException>(() => RequestBody.ReadAsync(context)).WaitAsync(TimeSpan.FromSeconds(60));
        Assert.Equal(ProblemCode.BodyTimeout, refused.Code);
        Assert.Equal("close", refused.Headers["Connection"]);
        Assert.Equal(TimeSpan.FromSeconds(seconds), time.Asked);
    }

    [Fact]
    public void LimitOfACall_IsWhatItDescribes()
    {
        Assert.Equal(RequestBody.NoBodyLimit, new ApiDoc("", "").BodyLimit);
        Assert.Equal(RequestBody.ConfigLimit, new ApiDoc("", "") { Bodies = [new(MediaTypes.Json, "{}")] }.BodyLimit);
        Assert.Equal(1000, new ApiDoc("", "") { Bodies = [new(MediaTypes.Json, "{}")], BodyLimit = 1000 }.BodyLimit);
    }

    /// <summary>Every time has passed at once.</summary>
    private sealed class ImpatientTime : TimeProvider
    {
        public TimeSpan Asked { get; private set; }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            Asked = dueTime;
            return System.CreateTimer(callback, state, TimeSpan.FromMilliseconds(1), period);
        }
    }
}
