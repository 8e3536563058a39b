using Microsoft.EntityFrameworkCore.Design;

namespace Managed.Migrations;

/// <summary>For <c>dotnet ef migrations add NAME --project migrations</c>.</summary>
internal sealed class HistoryContextFactory : IDesignTimeDbContextFactory<HistoryContext>
{
    public HistoryContext CreateDbContext(string[] args) => new(HistoryDatabase.Options("history.db"));
}
