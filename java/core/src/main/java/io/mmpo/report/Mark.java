package io.mmpo.report;

import java.util.List;

/** What a drawing is made of. Lengths are in the drawing's own unit, a pixel of the screen at its natural size. */
sealed interface Mark {
    record Spot(double x, double y) {}

    /** What a mark is of; the palette says which colour that has. */
    sealed interface Ink {
        /** Words, from the strongest to the weakest; the axis and the grid; the ground. */
        enum Part implements Ink {
            TEXT,
            MUTED,
            AXIS,
            GRID,
            GROUND
        }

        record OfRun(int number) implements Ink {}
    }

    /** width: of the stroke; opacity in (0, 1]; dash: 0 is a whole line. */
    record Stroke(List<Spot> spots, Ink ink, double width, double opacity, int dash) implements Mark {}

    /** title: what a pointer over it shows; may be empty. */
    record Dot(Spot center, double radius, Ink ink, boolean isFilled, String title) implements Mark {}

    record Area(List<Spot> corners, Ink ink) implements Mark {}

    /** at: of the baseline. */
    record Words(Spot at, String text, Ink ink, Anchor anchor, double size, boolean isBold) implements Mark {}

    enum Anchor {
        START,
        MIDDLE,
        END
    }
}
