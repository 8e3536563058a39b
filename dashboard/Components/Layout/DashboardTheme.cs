using MudBlazor;

namespace Managed.Dashboard.Components.Layout;

/// <summary>
/// MudBlazor in the colours of app.css: the same tokens, light and dark. Text colours hold at least 4.5:1 on every
/// surface they are used on (WCAG 1.4.3), which the axe tests check.
/// </summary>
internal static class DashboardTheme
{
    private static readonly string[] Sans = ["ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans",
        "Helvetica Neue", "Arial", "sans-serif"];

    public static MudTheme Create() => new()
    {
        PaletteLight = new PaletteLight
        {
            Primary = "#1d5f8a", Secondary = "#4d5b66", Background = "#f5f6f7", Surface = "#ffffff", AppbarBackground = "#ffffff",
            AppbarText = "#1a2026", TextPrimary = "#1a2026", TextSecondary = "#55616c", ActionDefault = "#4d5b66",
            LinesDefault = "#dfe3e7", LinesInputs = "#b9c1c9", Divider = "#dfe3e7", Success = "#1d7048", Warning = "#8a5a00",
            Error = "#b3261e", Info = "#1d5f8a", Dark = "#242b32",
        },
        PaletteDark = new PaletteDark
        {
            Primary = "#7ab8e0", PrimaryContrastText = "#0d1519", Secondary = "#a3afba", Background = "#101417", Surface = "#171c21",
            AppbarBackground = "#171c21",
            AppbarText = "#e3e8ec", TextPrimary = "#e3e8ec", TextSecondary = "#9daab5", ActionDefault = "#a3afba",
            LinesDefault = "#2a3239", LinesInputs = "#46525d", Divider = "#2a3239", Success = "#6cc796", Warning = "#e0b05a",
            Error = "#f2938c", ErrorContrastText = "#0d1519", Info = "#7ab8e0", Dark = "#2a3239",
        },
        LayoutProperties = new LayoutProperties { DefaultBorderRadius = "6px" },
        Typography = new Typography
        {
            Default = new DefaultTypography { FontFamily = Sans, FontSize = "0.875rem", LineHeight = "1.45", LetterSpacing = "normal" },
            Button = new ButtonTypography { FontFamily = Sans, FontSize = "0.8125rem", FontWeight = "550", TextTransform = "none",
                LetterSpacing = "normal" },
            H6 = new H6Typography { FontFamily = Sans, FontSize = "1rem", FontWeight = "600", LetterSpacing = "normal" },
            Body1 = new Body1Typography { FontFamily = Sans, FontSize = "0.875rem", LetterSpacing = "normal" },
            Body2 = new Body2Typography { FontFamily = Sans, FontSize = "0.8125rem", LetterSpacing = "normal" },
        },
    };
}
