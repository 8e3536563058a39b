namespace Managed.Proxy.Router.Matching;

/// <summary>The routes that one path or prefix leads to.</summary>
/// <param name="Sure">The first that asks for nothing else, of this and all shorter prefixes; int.MaxValue: none does.</param>
/// <param name="First">Where its list of routes that ask for more begins. None in it is behind <paramref name="Sure"/>.</param>
/// <param name="Count">How many are in the list.</param>
/// <param name="Up">The next shorter prefix that has a list; -1: none has.</param>
/// <param name="Lists">Lists from here upwards.</param>
/// <param name="Asked">How many routes are in them.</param>
internal readonly record struct RoutePlace(int Sure, int First, int Count, int Up, int Lists, int Asked)
{
    public static readonly RoutePlace None = new(int.MaxValue, 0, 0, -1, 0, 0);
}
