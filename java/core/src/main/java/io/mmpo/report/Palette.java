package io.mmpo.report;

import java.util.List;
import java.util.Locale;

/**
 * Colours as 0xRRGGBB. Those of runs follow Okabe and Ito's, which people with any kind of colour blindness tell apart, darker on white
 * and lighter on black, so that words in them can be read (a contrast of 4.5 at least).
 */
record Palette(int text, int muted, int axis, int grid, int ground, List<Integer> runs) {
    static final Palette LIGHT = new Palette(
            0x1b1f24,
            0x59636e,
            0x8b949e,
            0xe4e8ec,
            0xffffff,
            List.of(0x0068a8, 0xb84700, 0x007a5a, 0x9c3f7c, 0x7a5c00, 0x4a545e));
    static final Palette DARK = new Palette(
            0xe8ecf0,
            0x9aa5b1,
            0x6b7681,
            0x2a3138,
            0x14181c,
            List.of(0x5cb8f0, 0xf58f4c, 0x2ecc9e, 0xe79fca, 0xe3c64a, 0xb4bec8));

    /** Lengths of strokes and gaps. Runs of the same colour differ in them. */
    static final List<List<Double>> DASHES =
            List.of(List.of(), List.of(6.0, 3.0), List.of(2.0, 2.5), List.of(8.0, 3.0, 2.0, 3.0));

    static int colorOf(int run) {
        return run % LIGHT.runs().size();
    }

    static int dashOf(int run) {
        return run / LIGHT.runs().size() % DASHES.size();
    }

    int of(Mark.Ink ink) {
        return switch (ink) {
            case Mark.Ink.OfRun run -> runs.get(colorOf(run.number()));
            case Mark.Ink.Part part ->
                switch (part) {
                    case TEXT -> text;
                    case MUTED -> muted;
                    case AXIS -> axis;
                    case GRID -> grid;
                    case GROUND -> ground;
                };
        };
    }

    /** Custom properties of CSS. */
    String toCss() {
        StringBuilder css = new StringBuilder();
        for (Mark.Ink.Part part : Mark.Ink.Part.values()) {
            css.append("--%s:%s;".formatted(part.name().toLowerCase(Locale.ROOT), hex(of(part))));
        }
        for (int i = 0; i < runs.size(); i++) {
            css.append("--run").append(i).append(":").append(hex(runs.get(i))).append(";");
        }
        return css.toString();
    }

    private static String hex(int color) {
        return String.format(Locale.ROOT, "#%06x", color);
    }
}
