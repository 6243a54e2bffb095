package io.mmpo.report;

import io.mmpo.report.Mark.Spot;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** A drawing as SVG. Colours are classes, which the page or the file's own style gives. */
final class SvgWriter {
    private static final String NAMESPACE = "http://www.w3.org/2000/svg";

    private final Markup markup;

    private SvgWriter(Markup markup) {
        this.markup = markup;
    }

    /** A file: white ground, and fonts that every machine has one of. */
    static String file(Drawing drawing, String title, String description) {
        Markup markup = new Markup();
        open(markup, drawing, "plot", title, description);
        markup.style(style());
        markup.empty("rect", "width", "100%", "height", "100%", "fill", "var(--ground)");
        new SvgWriter(markup).draw(drawing);
        return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + markup.close() + "\n";
    }

    /** Within a page. id: the beginning of the ids of title and description. */
    static void inPage(Markup markup, Drawing drawing, String id, String title, String description) {
        open(markup, drawing, id, title, description);
        new SvgWriter(markup).draw(drawing);
        markup.close();
    }

    /** A piece of a run's line, 22 wide and 10 high. */
    static void sample(Markup markup, int run) {
        Mark.Ink ink = new Mark.Ink.OfRun(run);
        SvgWriter writer = new SvgWriter(markup);
        writer.stroke(new Mark.Stroke(List.of(new Spot(0, 5), new Spot(22, 5)), ink, 3, 1, Palette.dashOf(run)));
    }

    private static String style() {
        return "svg{" + Palette.LIGHT.toCss() + "font-family:Helvetica,Arial,'DejaVu Sans',sans-serif}" + classes();
    }

    /** What gives marks their colours, wherever the palette's properties are set. */
    static String classes() {
        StringBuilder css = new StringBuilder();
        for (Mark.Ink.Part part : Mark.Ink.Part.values()) {
            addClasses(css, part.name().toLowerCase(Locale.ROOT));
        }
        for (int i = 0; i < Palette.LIGHT.runs().size(); i++) {
            addClasses(css, "run" + i);
        }
        return css.toString();
    }

    private static void addClasses(StringBuilder css, String name) {
        css.append(".s-%s{stroke:var(--%s);fill:none}.f-%s{fill:var(--%s)}".formatted(name, name, name, name));
    }

    private static void open(Markup markup, Drawing drawing, String id, String title, String description) {
        String box = "0 0 " + number(drawing.width()) + " " + number(drawing.height());
        markup.open(
                "svg",
                "xmlns",
                NAMESPACE,
                "viewBox",
                box,
                "width",
                number(drawing.width()),
                "height",
                number(drawing.height()),
                "role",
                "img",
                "aria-labelledby",
                id + "-title " + id + "-description");
        markup.element("title", title, "id", id + "-title");
        markup.element("desc", description, "id", id + "-description");
    }

    private void draw(Drawing drawing) {
        drawing.marks().forEach(mark -> {
            switch (mark) {
                case Mark.Stroke stroke -> stroke(stroke);
                case Mark.Dot dot -> dot(dot);
                case Mark.Area area ->
                    markup.empty("polygon", "class", "f-" + name(area.ink()), "points", points(area.corners()));
                case Mark.Words words -> words(words);
            }
        });
    }

    private void stroke(Mark.Stroke stroke) {
        markup.empty(
                "polyline",
                "class",
                "s-" + name(stroke.ink()),
                "points",
                points(stroke.spots()),
                "stroke-width",
                number(stroke.width()),
                "stroke-opacity",
                stroke.opacity() < 1 ? number(stroke.opacity()) : "",
                "stroke-dasharray",
                Palette.DASHES.get(stroke.dash()).stream()
                        .map(SvgWriter::number)
                        .collect(Collectors.joining(" ")),
                "stroke-linejoin",
                stroke.spots().size() > 2 ? "round" : "");
    }

    private void dot(Mark.Dot dot) {
        markup.open(
                "circle",
                "class",
                dot.isFilled() ? "f-" + name(dot.ink()) : "s-" + name(dot.ink()),
                "style",
                dot.isFilled() ? "" : "fill:var(--ground);stroke-width:1.6",
                "cx",
                number(dot.center().x()),
                "cy",
                number(dot.center().y()),
                "r",
                number(dot.radius()));
        if (!dot.title().isEmpty()) {
            markup.element("title", dot.title());
        }
        markup.close();
    }

    private void words(Mark.Words words) {
        markup.element(
                "text",
                words.text(),
                "class",
                "f-" + name(words.ink()),
                "x",
                number(words.at().x()),
                "y",
                number(words.at().y()),
                "font-size",
                number(words.size()),
                "font-weight",
                words.isBold() ? "600" : "",
                "text-anchor",
                words.anchor() == Mark.Anchor.START ? "" : words.anchor().name().toLowerCase(Locale.ROOT));
    }

    private static String name(Mark.Ink ink) {
        return switch (ink) {
            case Mark.Ink.OfRun run -> "run" + Palette.colorOf(run.number());
            case Mark.Ink.Part part -> part.name().toLowerCase(Locale.ROOT);
        };
    }

    private static String points(List<Spot> spots) {
        return spots.stream()
                .map(spot -> number(spot.x()) + "," + number(spot.y()))
                .collect(Collectors.joining(" "));
    }

    /** Hundredths of a pixel are enough. */
    private static String number(double value) {
        return NumberText.fixed(value, 2).replace('−', '-');
    }
}
