namespace Managed.AdminApi.TakeOver;

/// <summary>The first word of the process that is to take over.</summary>
internal sealed record TakeOverHello(string Asks, int Format)
{
    public const string TakeOver = "take over";
    /// <summary>Of the messages here; another one is refused, and the operator stops and starts.</summary>
    public const int CurrentFormat = 1;
    /// <summary>The file of the socket in the data folder.</summary>
    public const string SocketName = "take-over";
}

/// <summary>
/// What the running process hands over, or why it does not. The descriptors follow: the lock of the data folder, the admin port's socket,
/// that of the demo service where there is one, those of the listeners in the order told here.
/// </summary>
internal sealed record TakeOverOffer
{
    public string? Refused { get; init; }
    public int Process { get; init; }
    /// <summary>The version that is served.</summary>
    public long Version { get; init; }
    /// <summary>As it was said to that process, so with port 0 where the system chose.</summary>
    public string Admin { get; init; } = "";
    public bool Demo { get; init; }
    public IReadOnlyList<OfferedListener> Listeners { get; init; } = [];
    /// <summary>Keys of session tickets by their place of use. They pass from memory to memory.</summary>
    public IReadOnlyDictionary<string, byte[]> TicketKeys { get; init; } = new Dictionary<string, byte[]>();
}

/// <param name="Key">The address and what is asked of its sockets.</param>
/// <param name="Sockets">How many descriptors there are of it.</param>
internal sealed record OfferedListener(string Key, int Sockets);

/// <summary>One word: the new process serves; the old one writes nothing any more.</summary>
internal sealed record TakeOverWord(string Says)
{
    public const string Serving = "serving", Yours = "yours";
}
