using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Managed.Migrations.Migrations
{
    /// <inheritdoc />
    public partial class SecretSpans : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.CreateTable(
                name: "secret_spans",
                columns: table => new
                {
                    digest = table.Column<string>(type: "TEXT", nullable: false),
                    first = table.Column<long>(type: "INTEGER", nullable: false),
                    last = table.Column<long>(type: "INTEGER", nullable: true)
                },
                constraints: table =>
                {
                    table.PrimaryKey("PK_secret_spans", x => new { x.digest, x.first });
                });
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropTable(
                name: "secret_spans");
        }
    }
}
