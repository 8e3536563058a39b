namespace Managed.Dashboard.Tests.Browser;

/// <summary>
/// What is never kept of a text: the values of sensitive fields, as the node knows them, in every form a document may have.
/// </summary>
public sealed class DraftTests(BrowserFixture browser)
{
    private static readonly (string Text, bool IsSecret)[] Cases =
    [
        ("name: a\npassword: hunter2\n", true),
        ("a:\n  private_key:\n    inline_string: |\n      abc\n  b: 1\n", true),
        ("a:\n  private_key: {inline_string: abc}\n", true),
        ("a:\n  privateKey: {inlineString: abc}\n", true),
        ("a:\n  users:\n  - key: abc\n    client: x\n", true),
        ("users:\n- {key: abc, client: x}\n", true),
        ("{\n  \"password\": \"x\"\n}", true),
        ("x: -----BEGIN PRIVATE KEY-----", true),
        // Where it is, what the node shows in its place, and what only looks like it.
        ("a:\n  private_key: {filename: /etc/x}\n  b: c\n", false),
        ("a:\n  private_key:\n    filename: /etc/x\n  b: hello\n", false),
        ("a:\n  private_key:\n    inline_string: \"[redacted sha256:0123]\"\n  b: hello\n", false),
        ("token_secret: {name: t, sds_config: {path: /x}}", false),
        ("token_secret:\n  name: t\n  sds_config:\n    path: /x\nb: c\n", false),
        ("{\n  \"private_key\": {\n    \"filename\": \"x\"\n  },\n  \"b\": \"c\"\n}", false),
        ("a:\n  password: \"\"\n", false),
        ("a:\n  password_hash: x\n# password: y\n", false),
        ("name: edge\nroutes:\n- {match: {prefix: /x}, route: {cluster: web}}\n", false),
    ];

    [Fact]
    public async Task Secrets_AreFound_AndTheirPlacesAreNot()
    {
        await using var session = await BrowserSession.StartAsync(browser, signedIn: false);
        await session.GoAsync("/sign-in");
        var found = await session.Page.EvaluateAsync<bool[]>(
            "async texts => texts.map((await import('/_content/Managed.Dashboard/js/dist/forms.js')).holdsSecret)",
            Cases.Select(c => c.Text).ToArray());
        Assert.Empty(Cases.Where((c, i) => c.IsSecret != found[i]).Select(c => c.Text));
    }
}
