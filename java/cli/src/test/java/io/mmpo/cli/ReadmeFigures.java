package io.mmpo.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** README's table against TRL, made from the sections of bench/RESULTS.md that compare the two in bf16. */
final class ReadmeFigures {
    static final Path PATH = Markdown.ROOT.resolve("README.md");

    private static final Pattern PART =
            Pattern.compile("(<!-- begin figures -->\n).*(<!-- end figures -->)", Pattern.DOTALL);
    private static final Pattern TITLE = Pattern.compile("## (TRL and mmpo: (.*, bf16), ultrafeedback, .* on (.*))");

    private ReadmeFigures() {}

    static String expected() throws IOException {
        StringBuilder table = new StringBuilder("""
                | run | processor | TRL as it comes | TRL at its best | mmpo | times faster | memory |
                |---|---|---|---|---|---|---|
                """);
        Map<String, Map<String, String[]>> sections = sections();
        sections.forEach((title, programs) -> table.append(row(title, programs)));
        return PART.matcher(Files.readString(PATH))
                .replaceAll(part -> Matcher.quoteReplacement(part.group(1) + table + part.group(2)));
    }

    /** By title, what each program's row says; the columns are those of the file. */
    private static Map<String, Map<String, String[]>> sections() {
        Map<String, Map<String, String[]>> sections = new LinkedHashMap<>();
        Map<String, String[]> programs = new LinkedHashMap<>();
        for (String line :
                Markdown.read(Markdown.ROOT.resolve("bench/RESULTS.md")).lines()) {
            if (line.startsWith("## ")) {
                programs = new LinkedHashMap<>();
                if (TITLE.matcher(line).matches()) {
                    sections.put(line, programs);
                }
            } else if (line.startsWith("| ") && !line.startsWith("| program")) {
                String[] cells = line.substring(2).split(" *\\| *", -1);
                programs.put(cells[0], cells);
            }
        }
        return sections;
    }

    private static String row(String heading, Map<String, String[]> programs) {
        Matcher title = TITLE.matcher(heading);
        if (!title.matches()) {
            throw new IllegalStateException(heading);
        }
        String anchor =
                new Markdown(PATH, List.of(heading)).anchors().iterator().next();
        String[] peer = programs.getOrDefault("TRL best", programs.get("TRL default"));
        return "| [%s](bench/RESULTS.md#%s) | %s | %s | %s | %s | %s | %s GiB, TRL %s |\n"
                .formatted(
                        title.group(2)
                                .replaceFirst(", bf16$", "")
                                .toUpperCase(Locale.ROOT)
                                .replace("LORA R", "LoRA r"),
                        anchor,
                        title.group(3).replaceAll("\\(R\\)| Processor", ""),
                        speed(programs.get("TRL default")),
                        speed(programs.get("TRL best")),
                        speed(programs.get("mmpo")),
                        peer[6],
                        programs.get("mmpo")[5],
                        peer[5]);
    }

    private static String speed(String[] program) {
        return program == null ? "not measured" : program[1] + " pairs/s";
    }
}
