using Microsoft.EntityFrameworkCore.Migrations;

#nullable disable

namespace Managed.Migrations.Migrations
{
    /// <inheritdoc />
    public partial class RevertRules : Migration
    {
        /// <inheritdoc />
        protected override void Up(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.AddColumn<string>(
                name: "revert_rule",
                table: "deployments",
                type: "TEXT",
                nullable: true);
        }

        /// <inheritdoc />
        protected override void Down(MigrationBuilder migrationBuilder)
        {
            migrationBuilder.DropColumn(
                name: "revert_rule",
                table: "deployments");
        }
    }
}
