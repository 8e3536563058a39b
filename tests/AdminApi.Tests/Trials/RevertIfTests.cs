using Managed.AdminApi.Problems;
using Managed.AdminApi.Trials;

namespace Managed.AdminApi.Tests.Trials;

public sealed class RevertIfTests
{
    [Theory]
    [InlineData("5xx>2%", "5xx>2%")]
    [InlineData(" 5xx > 0.5 % , p99 > 1.5 s", "5xx>0.5%,p99>1500ms")]
    [InlineData("4xx>99.9%,p50>1ms,p95>20ms", "4xx>99.9%,p50>1ms,p95>20ms")]
    public void Conditions_AreRead(string text, string means) => Assert.Equal(means, string.Join(',', RevertIf.Parse(text)));

    [Theory]
    [InlineData("", "a condition is missing, at character 1")]
    [InlineData("5xx>2%,", "a condition is missing, at character 8")]
    [InlineData("5xx", "'5xx' compares nothing, at character 1")]
    [InlineData("5xx>2%,p999>1s", "'p999' is not one of 4xx, 5xx, p50, p95, p99, at character 8")]
    [InlineData("5XX>2%", "'5XX' is not one of")]
    [InlineData("5xx<2%", "the only comparison is >, at character 4")]
    [InlineData("5xx>=2%", "the only comparison is >, at character 4")]
    [InlineData("5xx≥2%", "the only comparison is >, at character 4")]
    [InlineData("5xx>", "'' is no number with a unit, at character 5")]
    [InlineData("5xx>two%", "'two%' is no number with a unit, at character 5")]
    [InlineData("5xx>-1%", "'-1%' is no number with a unit, at character 5")]
    [InlineData("5xx>1.2.3%", "'1.2.3%' is no number with a unit, at character 5")]
    [InlineData("5xx>2", "5xx is a share of the responses, in %, at character 6")]
    [InlineData("5xx>2ms", "5xx is a share of the responses, in %, at character 6")]
    [InlineData("p99>2%", "p99 is a time, in ms or s, at character 6")]
    [InlineData("p99>2ms2", "p99 is a time, in ms or s, at character 6")]
    [InlineData("5xx>0%", "'0%' is not between 0% and 100%, at character 5")]
    [InlineData("5xx>100%", "'100%' is not between 0% and 100%, at character 5")]
    [InlineData("p99>600s", "'600s' is not between 0s and 600s, at character 5")]
    [InlineData("5xx>1%,5xx>2%", "5xx is asked twice, at character 8")]
    public void AnythingElse_IsAnErrorWithItsPlace(string text, string says)
    {
        var error = Assert.Throws<ApiException>(() => RevertIf.Parse(text));
        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void LongText_IsCut()
        => Assert.True(Assert.Throws<ApiException>(() => RevertIf.Parse(new string('x', 8000))).Message.Length < 200);
}
