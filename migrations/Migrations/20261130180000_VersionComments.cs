using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Managed.Migrations.Migrations
{
    /// <inheritdoc />
    public partial class VersionComments : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<byte[]>(
                name: "comments",
                table: "versions",
                type: "BLOB",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "comments",
                table: "versions");
        }
    }
}
