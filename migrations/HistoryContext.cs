using Microsoft.EntityFrameworkCore;

namespace Managed.Migrations;

/// <summary>
/// The history of configurations. One process writes (the data folder is locked), one writer at a time inside it; the compare-and-set
/// on <see cref="HeadRow.Revision"/> is the second line of defence.
/// </summary>
public sealed class HistoryContext(DbContextOptions<HistoryContext> options) : DbContext(options)
{
    public DbSet<VersionRow> Versions => Set<VersionRow>();
    public DbSet<HeadRow> Heads => Set<HeadRow>();
    public DbSet<DeploymentRow> Deployments => Set<DeploymentRow>();
    public DbSet<ModuleRow> Modules => Set<ModuleRow>();
    public DbSet<ModuleNameRow> ModuleNames => Set<ModuleNameRow>();
    public DbSet<VersionModuleRow> VersionModules => Set<VersionModuleRow>();
    public DbSet<TokenRow> Tokens => Set<TokenRow>();
    public DbSet<SessionRow> Sessions => Set<SessionRow>();

    /// <summary>Told at its end, once.</summary>
    internal Action? Closed { get; set; }

    public override void Dispose()
    {
        base.Dispose();
        End();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        End();
    }

    private void End()
    {
        var closed = Closed;
        Closed = null;
        closed?.Invoke();
    }

    /// <summary>
    /// Times are whole milliseconds since the Unix epoch: SQLite can order and compare them, which it cannot with offsets.
    /// </summary>
    protected override void ConfigureConventions(ModelConfigurationBuilder configuration) =>
        configuration.Properties<DateTimeOffset>().HaveConversion<UnixMillisecondsConverter>();

    protected override void OnModelCreating(ModelBuilder model)
    {
        model.Entity<VersionRow>(e =>
        {
            e.ToTable("versions").HasKey(v => v.Number);
            e.Property(v => v.Number).ValueGeneratedNever();
            e.HasIndex(v => v.State);
        });
        model.Entity<HeadRow>(e =>
        {
            e.ToTable("head", t => t.HasCheckConstraint("head_is_single", "id = 1")).HasKey(h => h.Id);
            e.Property(h => h.Id).ValueGeneratedNever();
            e.Property(h => h.Revision).IsConcurrencyToken();
            e.HasOne<VersionRow>().WithMany().HasForeignKey(h => h.ActiveVersion).OnDelete(DeleteBehavior.Restrict);
        });
        model.Entity<DeploymentRow>(e =>
        {
            e.ToTable("deployments").HasKey(d => d.Id);
            e.HasIndex(d => d.State);
            e.HasIndex(d => d.StartedAt);
            e.HasOne<VersionRow>().WithMany().HasForeignKey(d => d.Version).OnDelete(DeleteBehavior.Cascade);
        });
        model.Entity<ModuleRow>().ToTable("modules").HasKey(m => m.Digest);
        model.Entity<ModuleNameRow>(e =>
        {
            e.ToTable("module_names").HasKey(n => n.Name);
            e.HasOne<ModuleRow>().WithMany().HasForeignKey(n => n.Digest).OnDelete(DeleteBehavior.Cascade);
        });
        model.Entity<VersionModuleRow>(e =>
        {
            e.ToTable("version_modules").HasKey(m => new { m.Version, m.Digest });
            e.HasOne<VersionRow>().WithMany().HasForeignKey(m => m.Version).OnDelete(DeleteBehavior.Cascade);
            e.HasOne<ModuleRow>().WithMany().HasForeignKey(m => m.Digest).OnDelete(DeleteBehavior.Restrict);
        });
        model.Entity<SecretSpanRow>().ToTable("secret_spans").HasKey(s => new { s.Digest, s.First });
        model.Entity<TokenRow>().ToTable("tokens").HasKey(t => t.Name);
        model.Entity<SessionRow>().ToTable("sessions").HasKey(s => s.Hash);
        foreach (var entity in model.Model.GetEntityTypes())
            foreach (var property in entity.GetProperties())
                property.SetColumnName(SnakeCase(property.Name));
    }

    private static string SnakeCase(string name) =>
        string.Concat(name.Select((c, i) => i > 0
            && char.IsAsciiLetterUpper(c) ? "_" + char.ToLowerInvariant(c) : char.ToLowerInvariant(c).ToString()));
}
