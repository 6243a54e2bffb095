package io.mmpo.cli;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A page of the project, and what tests ask of one: headings, links, blocks of code, spans of code. Lines are counted from 1. */
record Markdown(Path file, List<String> lines) {
    static final Path ROOT =
            Path.of(System.getProperty("mmpo.root", "../..")).toAbsolutePath().normalize();

    private static final Pattern FENCE = Pattern.compile("```(\\w*)\\s*");
    private static final Pattern HEADING = Pattern.compile("#{1,6} (.+)");
    private static final Pattern LINK = Pattern.compile("!?\\[(?:[^]\\[]|\\[[^]]*])*]\\(([^()\\s]+)\\)");
    private static final Pattern SPAN = Pattern.compile("`([^`]+)`");

    /** Code that stands apart. language: as its fence says it, or empty. */
    record Block(String language, int line, List<String> lines) {
        String text() {
            return String.join("\n", lines) + "\n";
        }
    }

    /** A part of a line. */
    record Found(int line, String text) {}

    /** Every page that a reader may come to: the project's own, and those of docs, examples and bench. */
    static List<Markdown> all() {
        List<Path> files = new ArrayList<>(List.of(ROOT.resolve("README.md"), ROOT.resolve("CONTRIBUTING.md")));
        try (Stream<Path> docs = Files.walk(ROOT.resolve("docs"));
                Stream<Path> examples = Files.walk(ROOT.resolve("examples"));
                Stream<Path> bench = Files.list(ROOT.resolve("bench"))) {
            Stream.of(docs, examples, bench)
                    .flatMap(found -> found)
                    .filter(file ->
                            file.toString().endsWith(".md") && !file.toString().contains("/target/"))
                    .sorted()
                    .forEach(files::add);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return files.stream().map(Markdown::read).toList();
    }

    static Markdown read(Path file) {
        try {
            return new Markdown(file, Files.readAllLines(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** As a failed test shows it. */
    String place(int line) {
        return ROOT.relativize(file) + ":" + line;
    }

    /** Fenced blocks, and those that are set apart by four spaces after an empty line. */
    List<Block> blocks() {
        List<Block> blocks = new ArrayList<>();
        for (int i = 0; i < lines.size(); i++) {
            Matcher fence = FENCE.matcher(lines.get(i));
            boolean indented = isIndented(i) && (i == 0 || lines.get(i - 1).isBlank());
            if (fence.matches()) {
                int end = i + 1;
                while (!lines.get(end).startsWith("```")) {
                    end++;
                }
                blocks.add(new Block(fence.group(1), i + 2, lines.subList(i + 1, end)));
                i = end;
            } else if (indented) {
                int end = i;
                while (end < lines.size() && isIndented(end)) {
                    end++;
                }
                blocks.add(new Block(
                        "",
                        i + 1,
                        lines.subList(i, end).stream()
                                .map(line -> line.substring(4))
                                .toList()));
                i = end;
            }
        }
        return blocks;
    }

    private boolean isIndented(int i) {
        return lines.get(i).startsWith("    ") && !lines.get(i).isBlank();
    }

    /** Targets of links outside of code. */
    List<Found> links() {
        return inProse(LINK, line -> line.replaceAll("`[^`]*`", "`"));
    }

    /** Spans of code outside of blocks. */
    List<Found> spans() {
        return inProse(SPAN, line -> line);
    }

    private List<Found> inProse(Pattern pattern, UnaryOperator<String> prepared) {
        Set<Integer> code = new LinkedHashSet<>();
        for (Block block : blocks()) {
            for (int i = 0; i < block.lines().size(); i++) {
                code.add(block.line() + i);
            }
        }
        List<Found> found = new ArrayList<>();
        for (int i = 1; i <= lines.size(); i++) {
            if (!code.contains(i)) {
                int line = i;
                pattern.matcher(prepared.apply(lines.get(i - 1)))
                        .results()
                        .forEach(match -> found.add(new Found(line, match.group(1))));
            }
        }
        return found;
    }

    /** What follows # in a link to a heading, by GitHub's rule. */
    Set<String> anchors() {
        Set<String> anchors = new LinkedHashSet<>();
        Map<String, Integer> seen = new HashMap<>();
        boolean inFence = false;
        for (String line : lines) {
            inFence ^= line.startsWith("```");
            Matcher heading = HEADING.matcher(line);
            if (!inFence && heading.matches()) {
                String anchor = heading.group(1)
                        .replaceAll("\\[([^]]*)]\\([^)]*\\)", "$1")
                        .toLowerCase(Locale.ROOT)
                        .replaceAll("[^\\p{L}\\p{N} _-]", "")
                        .replace(' ', '-');
                int times = seen.merge(anchor, 1, Integer::sum);
                anchors.add(times == 1 ? anchor : anchor + "-" + (times - 1));
            }
        }
        return anchors;
    }

    @Override
    public String toString() {
        return ROOT.relativize(file).toString();
    }
}
