namespace Managed.Proxy.Router.Trees;

/// <summary>
/// What a test says of a stream. Unknown: a value is asked for that is not there yet, such as a status before the response.
/// </summary>
internal enum MatchVerdict : byte { No, Yes, Unknown }

/// <summary>What is known where a tree is asked.</summary>
[Flags]
internal enum MatchPhases : byte
{
    /// <summary>Addresses, TLS, metadata, filter state.</summary>
    Connection = 1,
    /// <summary>The head of a request.</summary>
    Request = 2,
    /// <summary>The head of its response.</summary>
    Response = 4,
}
