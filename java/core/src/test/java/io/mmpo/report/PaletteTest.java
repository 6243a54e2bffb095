package io.mmpo.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.InPersian;
import java.util.List;
import org.junit.jupiter.api.Test;

class PaletteTest {
    /** 4.5 is what WCAG 2.2 wants for words of this size (1.4.3). */
    @Test
    void wordsOfEveryColourCanBeRead() {
        for (Palette palette : List.of(Palette.LIGHT, Palette.DARK)) {
            assertThat(contrast(palette.text(), palette.ground())).isGreaterThan(12);
            assertThat(contrast(palette.muted(), palette.ground())).isGreaterThan(4.5);
            assertThat(palette.runs()).hasSize(Palette.LIGHT.runs().size()).doesNotHaveDuplicates();
            palette.runs()
                    .forEach(run -> assertThat(contrast(run, palette.ground()))
                            .as(Integer.toHexString(run))
                            .isGreaterThan(4.5));
        }
    }

    @Test
    void runsOfTheSameColourDifferInTheirDashes() {
        int colours = Palette.LIGHT.runs().size();
        assertThat(Palette.colorOf(colours)).isEqualTo(Palette.colorOf(0));
        assertThat(Palette.dashOf(colours)).isNotEqualTo(Palette.dashOf(0));
    }

    /** A program's own language may have other digits, which no stylesheet's names have. */
    @Test
    void propertiesOfRunsAreNumberedInTheSameDigitsWhateverTheLanguage() {
        assertThat(InPersian.get(Palette.LIGHT::toCss)).contains("--run0:#", "--run5:#");
    }

    private static double contrast(int a, int b) {
        double lighter = Math.max(luminance(a), luminance(b));
        double darker = Math.min(luminance(a), luminance(b));
        return (lighter + 0.05) / (darker + 0.05);
    }

    /** Of sRGB, as WCAG defines it. */
    private static double luminance(int color) {
        return 0.2126 * linear(color >> 16 & 0xff) + 0.7152 * linear(color >> 8 & 0xff) + 0.0722 * linear(color & 0xff);
    }

    private static double linear(int channel) {
        double value = channel / 255.0;
        return value <= 0.04045 ? value / 12.92 : Math.pow((value + 0.055) / 1.055, 2.4);
    }
}
