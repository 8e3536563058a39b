using Managed.Proxy.Configuration;
using Managed.Proxy.Core;
using Managed.Proxy.Core.Telemetry;

namespace Managed.Proxy.Downstream.ListenerFilters;

/// <summary>What a listener filter may use while one version is built, on the control thread.</summary>
/// <param name="Identity">Of the filter: its listener and its name there.</param>
internal sealed record ListenerFilterContext(ConfigErrors Errors, StatScope Stats, SharedState Shared, string Identity);
