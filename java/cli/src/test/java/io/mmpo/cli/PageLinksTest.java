package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A link leads somewhere, and its anchor to a heading; the index of docs/ has every page. */
class PageLinksTest {
    static List<Markdown> pages() {
        return Markdown.all();
    }

    @ParameterizedTest
    @MethodSource("pages")
    void everyRelativeLinkLeadsSomewhere(Markdown page) {
        List<String> broken = new ArrayList<>();
        for (Markdown.Found link : page.links()) {
            if (link.text().contains("://") || link.text().startsWith("mailto:")) {
                continue;
            }
            String[] parts = link.text().split("#", 2);
            Path target = parts[0].isEmpty()
                    ? page.file()
                    : page.file().resolveSibling(parts[0]).normalize();
            if (!Files.exists(target)) {
                broken.add(page.place(link.line()) + ": there is no " + link.text());
            } else if (parts.length > 1 && !Markdown.read(target).anchors().contains(parts[1])) {
                broken.add(page.place(link.line()) + ": no heading of " + Markdown.ROOT.relativize(target) + " is #"
                        + parts[1]);
            }
        }
        assertThat(broken).isEmpty();
    }

    @Test
    void theIndexHasEveryPage() {
        Set<String> listed = Pages.topics().keySet();
        Set<String> there = pages().stream()
                .map(Markdown::file)
                .filter(file -> file.getParent().endsWith("docs"))
                .map(file -> file.getFileName().toString().replaceFirst("\\.md$", ""))
                .filter(name -> !name.equals("README"))
                .collect(Collectors.toSet());
        assertThat(listed).containsExactlyInAnyOrderElementsOf(there);
    }

    /** The check itself: anchors by GitHub's rule, and links of code are none. */
    @Test
    void anchorsAndLinksAreThoseOfGitHub() {
        Markdown page = new Markdown(
                Markdown.ROOT.resolve("x.md"),
                List.of(
                        "# `mmpo eval lm`: tests of ability",
                        "## A",
                        "## A",
                        "```",
                        "# no heading",
                        "[no](link.md)",
                        "```",
                        "`[no](link.md)` but [a `code`](b.md#c) and ![picture](d.png)"));
        assertThat(page.anchors()).containsExactly("mmpo-eval-lm-tests-of-ability", "a", "a-1");
        assertThat(page.links()).extracting(Markdown.Found::text).containsExactly("b.md#c", "d.png");
    }
}
