using System.Text.Json;
using Managed.Dashboard.AdminApi;

namespace Managed.Dashboard.Components.Controls;

// What editor.js tells .NET. Camel case, as JS interop writes it; small on purpose: SignalR takes 32 KB.

/// <summary>State: clean, unchecked, checking, valid, invalid, conflict (the node has moved on), failed.</summary>
/// <param name="Gone">Of a conflict: it was deleted.</param>
public sealed record EditorCheck(string State, int Errors, string? Detail, bool Gone);

/// <param name="Moved">The node has another text, in places that were edited here too.</param>
/// <param name="Merged">The node had another text, in other places: it is in the edited text now.</param>
/// <param name="RestoredAt">When the text was typed, as the reader's clock has it: it was kept from before and never applied.</param>
public sealed record EditorLoad(bool Ok, bool Moved, bool Merged, string? RestoredAt, EditorProblem? Problem);

public sealed record EditorDryRun(bool Ok, ChangeSummary? Summary, JsonElement? Impact, IReadOnlyList<string>? Warnings,
    EditorProblem? Problem);

public sealed record EditorWrite(bool Ok, long? Version, bool Changed, double ElapsedMs, string? Name, EditorProblem? Problem);

/// <summary>A problem document that came through the browser: the API's snake_case inside JS interop's camelCase.</summary>
public sealed record EditorProblem(int Status, string? Code, string? Title, string? Detail, IReadOnlyList<ProblemError>? Errors)
{
    public Problem ToProblem() => new() { Status = Status, Code = Code ?? "UNKNOWN", Title = Title, Detail = Detail, Errors = Errors };
}

/// <param name="Gone">It was deleted.</param>
public sealed record EditorConflict(bool Ok, bool Gone, EditorProblem? Problem);
