using System.Text;

namespace Managed.Proxy.Configuration;

/// <summary>
/// The spellings of a field: <c>RouteConfig</c> in code, <c>route_config</c> in documents, <c>routeConfig</c> in proto JSON.
/// </summary>
public static class FieldName
{
    /// <summary><c>AcceptHttp10</c> becomes <c>accept_http_10</c>: a run of digits is a word of its own.</summary>
    public static string Snake(string pascal)
    {
        var text = new StringBuilder(pascal.Length + 8);
        for (var i = 0; i < pascal.Length; i++)
        {
            var c = pascal[i];
            if (i > 0 && (char.IsAsciiLetterUpper(c) || (char.IsAsciiDigit(c) && !char.IsAsciiDigit(pascal[i - 1]))))
                text.Append('_');
            text.Append(char.ToLowerInvariant(c));
        }
        return text.ToString();
    }

    /// <summary><c>accept_http_10</c> becomes <c>acceptHttp10</c>, as protobuf's JSON mapping does.</summary>
    public static string Camel(string snake)
    {
        var text = new StringBuilder(snake.Length);
        for (var i = 0; i < snake.Length; i++)
        {
            if (snake[i] == '_' && i + 1 < snake.Length)
                text.Append(char.ToUpperInvariant(snake[++i]));
            else
                text.Append(snake[i]);
        }
        return text.ToString();
    }
}
