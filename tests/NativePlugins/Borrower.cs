using Managed.Filters;
using Managed.NativeWords;

namespace Managed.NativePlugins;

/// <summary>Needs an assembly beside its own for what it says in <c>x-words</c>.</summary>
public sealed class BorrowerPlugin : HttpFilterPlugin<NoConfiguration>
{
    protected override HttpFilter CreateFilter() => new Borrower();

    private sealed class Borrower : HttpFilter
    {
        protected override HeadersStatus OnResponseHeaders(Headers headers, bool endStream)
        {
            headers.Set("x-words"u8, Words.Greeting);
            return HeadersStatus.Continue;
        }
    }
}
