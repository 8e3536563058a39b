using Microsoft.EntityFrameworkCore.Storage.ValueConversion;

namespace Managed.Migrations;

internal sealed class UnixMillisecondsConverter()
    : ValueConverter<DateTimeOffset, long>(t => t.ToUnixTimeMilliseconds(), ms => DateTimeOffset.FromUnixTimeMilliseconds(ms));
