namespace Managed.Proxy.Http.Filters.GrpcJsonTranscoder;

/// <summary>Finds the items of an array of JSON objects as its bytes come; each item is read properly afterwards.</summary>
internal sealed class ArrayScanner
{
    private int _depth, _at;
    private bool _begun, _ended, _inText, _escaped, _wantsComma;

    /// <summary>The closing bracket has come.</summary>
    public bool IsWhole => _ended;

    public void Reset() => (_depth, _at, _begun, _ended, _inText, _escaped, _wantsComma) = (0, 0, false, false, false, false, false);

    /// <summary>
    /// The next item within what has come so far and was not taken: false when it is not whole yet, or with
    /// <paramref name="wrong"/>; then <paramref name="to"/> is how many bytes need not be kept.
    /// </summary>
    /// <param name="text">From the end of the last item on; grows from call to call.</param>
    public bool TryNext(ReadOnlySpan<byte> text, out int from, out int to, out bool wrong)
    {
        from = to = 0;
        wrong = false;
        int begin = -1;
        for (int i = _depth > 0 ? _at : 0; i < text.Length; i++)
        {
            byte b = text[i];
            if (_depth > 0)
            {
                if (_inText)
                {
                    if (_escaped) _escaped = false;
                    else if (b == '\\') _escaped = true;
                    else if (b == '"') _inText = false;
                }
                else if (b == '"') _inText = true;
                else if (b is (byte)'{' or (byte)'[') _depth++;
                else if (b is (byte)'}' or (byte)']' && --_depth == 0)
                {
                    from = begin >= 0 ? begin : text.IndexOf((byte)'{');
                    to = i + 1;
                    _wantsComma = true;
                    return true;
                }
                continue;
            }
            if (b is (byte)' ' or (byte)'\t' or (byte)'\r' or (byte)'\n') continue;
            if (_ended) wrong = true;
            else if (!_begun) wrong = !(_begun = b == '[');
            else if (b == ']') _ended = true;
            else if (_wantsComma) wrong = _wantsComma = b != ',';
            else if (b == '{') (_depth, begin) = (1, i);
            else wrong = true;
            if (wrong) return false;
        }
        // What has been looked at between two items is done with; of an item that is not whole yet all is kept.
        if (_depth == 0) to = text.Length;
        else
        {
            to = begin >= 0 ? begin : 0;
            _at = text.Length - to;
        }
        return false;
    }
}
