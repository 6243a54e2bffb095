package io.mmpo.report;

import io.mmpo.report.Mark.Spot;
import java.awt.BasicStroke;
import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.font.FontRenderContext;
import java.awt.geom.AffineTransform;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import javax.imageio.ImageIO;

/** A drawing as PNG, two pixels for each of its units. */
final class PngWriter {
    private static final double PIXELS = 2;

    private final Graphics2D graphics;
    private final Palette palette;

    private PngWriter(Graphics2D graphics, Palette palette) {
        this.graphics = graphics;
        this.palette = palette;
    }

    static byte[] bytes(Drawing drawing) {
        BufferedImage image = new BufferedImage(
                (int) Math.ceil(drawing.width() * PIXELS),
                (int) Math.ceil(drawing.height() * PIXELS),
                BufferedImage.TYPE_INT_RGB);
        Graphics2D graphics = image.createGraphics();
        try {
            graphics.setRenderingHint(RenderingHints.KEY_ANTIALIASING, RenderingHints.VALUE_ANTIALIAS_ON);
            graphics.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
            graphics.setRenderingHint(RenderingHints.KEY_STROKE_CONTROL, RenderingHints.VALUE_STROKE_PURE);
            graphics.setRenderingHint(RenderingHints.KEY_FRACTIONALMETRICS, RenderingHints.VALUE_FRACTIONALMETRICS_ON);
            graphics.setColor(new Color(Palette.LIGHT.ground()));
            graphics.fillRect(0, 0, image.getWidth(), image.getHeight());
            graphics.transform(AffineTransform.getScaleInstance(PIXELS, PIXELS));
            new PngWriter(graphics, Palette.LIGHT).draw(drawing);
        } finally {
            graphics.dispose();
        }
        return encoded(image);
    }

    /** Why this machine cannot draw words; empty where it can. */
    static Optional<String> problem() {
        try {
            FontRenderContext context = new FontRenderContext(new AffineTransform(), true, true);
            new Font(Font.SANS_SERIF, Font.PLAIN, 12).getStringBounds("0", context);
            return Optional.empty();
        } catch (RuntimeException
                | InternalError
                | LinkageError e) { // what AWT throws where it finds no font, or no library of fonts
            return Optional.of(e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage());
        }
    }

    private static byte[] encoded(BufferedImage image) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            if (!ImageIO.write(image, "png", bytes)) {
                throw new IllegalStateException("this JDK writes no PNG");
            }
        } catch (IOException e) {
            throw new IllegalStateException("bytes in memory could not be written", e);
        }
        return bytes.toByteArray();
    }

    private void draw(Drawing drawing) {
        drawing.marks().forEach(mark -> {
            switch (mark) {
                case Mark.Stroke stroke -> stroke(stroke);
                case Mark.Dot dot -> dot(dot);
                case Mark.Area area -> {
                    Path2D path = path(area.corners());
                    path.closePath();
                    graphics.setColor(color(area.ink(), 1));
                    graphics.fill(path);
                }
                case Mark.Words words -> words(words);
            }
        });
    }

    private void stroke(Mark.Stroke stroke) {
        List<Double> lengths = Palette.DASHES.get(stroke.dash());
        float[] dashes = new float[lengths.size()];
        for (int i = 0; i < dashes.length; i++) {
            dashes[i] = lengths.get(i).floatValue();
        }
        graphics.setColor(color(stroke.ink(), stroke.opacity()));
        graphics.setStroke(new BasicStroke(
                (float) stroke.width(),
                BasicStroke.CAP_BUTT,
                BasicStroke.JOIN_ROUND,
                1,
                dashes.length == 0 ? null : dashes,
                0));
        graphics.draw(path(stroke.spots()));
    }

    private void dot(Mark.Dot dot) {
        double size = 2 * dot.radius();
        Ellipse2D circle = new Ellipse2D.Double(
                dot.center().x() - dot.radius(), dot.center().y() - dot.radius(), size, size);
        graphics.setColor(dot.isFilled() ? color(dot.ink(), 1) : new Color(palette.ground()));
        graphics.fill(circle);
        if (!dot.isFilled()) {
            graphics.setColor(color(dot.ink(), 1));
            graphics.setStroke(new BasicStroke(1.6f));
            graphics.draw(circle);
        }
    }

    private void words(Mark.Words words) {
        Font font =
                new Font(Font.SANS_SERIF, words.isBold() ? Font.BOLD : Font.PLAIN, 1).deriveFont((float) words.size());
        double width = font.getStringBounds(words.text(), graphics.getFontRenderContext())
                .getWidth();
        double x = words.at().x()
                - switch (words.anchor()) {
                    case START -> 0;
                    case MIDDLE -> width / 2;
                    case END -> width;
                };
        graphics.setFont(font);
        graphics.setColor(color(words.ink(), 1));
        graphics.drawString(words.text(), (float) x, (float) words.at().y());
    }

    private Color color(Mark.Ink ink, double opacity) {
        Color color = new Color(palette.of(ink));
        return new Color(color.getRed(), color.getGreen(), color.getBlue(), (int) Math.round(opacity * 255));
    }

    private static Path2D path(List<Spot> spots) {
        Path2D path = new Path2D.Double();
        path.moveTo(spots.getFirst().x(), spots.getFirst().y());
        spots.stream().skip(1).forEach(spot -> path.lineTo(spot.x(), spot.y()));
        return path;
    }
}
