package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The tables of docs/distributed.md over numbers of devices are what the commands beside them print. */
class ScalingPageTest {
    private static final Path ROOT = Path.of(System.getProperty("mmpo.root", "../.."));
    private static final Path PAGE = ROOT.resolve("docs/distributed.md");
    private static final String CONFIG = "examples/plan/full.yaml";

    private static final Map<String, List<String>> KEYS =
            Map.of("full", List.of(), "lora", List.of("use_peft=true", "lora_r=64"));

    private static final Pattern PART =
            Pattern.compile("(<!-- begin (full|lora) -->\n).*?(<!-- end \\2 -->)", Pattern.DOTALL);

    @Test
    void theTablesAreWhatTheCommandsPrint() throws IOException {
        String page = Files.readString(PAGE);
        assertThat(PART.matcher(page).results()).hasSize(KEYS.size());
        String expected = PART.matcher(page)
                .replaceAll(part -> Matcher.quoteReplacement(part.group(1) + printed(part.group(2)) + part.group(3)));
        if ("1".equals(System.getenv("MMPO_WRITE_PAGES"))) {
            Files.writeString(PAGE, expected);
        }
        assertThat(Files.readString(PAGE))
                .as("run this test with MMPO_WRITE_PAGES=1 in the environment, and the tables are written")
                .isEqualTo(expected);
    }

    private static String printed(String name) {
        List<String> words =
                new ArrayList<>(List.of("plan", CONFIG, "--nodes", "64", "--gpus-per-node", "8", "--link", "50"));
        words.addAll(KEYS.get(name));
        String command = "$ mmpo " + String.join(" ", words);
        List<Object> here = new ArrayList<>(words);
        here.set(1, ROOT.resolve(CONFIG));
        here.add("model_name_or_path=" + ROOT.resolve("examples/plan/llama-8b"));
        String table = Cli.run(here.toArray())
                .succeeds()
                .out()
                .lines()
                .dropWhile(line -> !line.startsWith("devices"))
                .takeWhile(line -> !line.isBlank())
                .collect(Collectors.joining("\n"));
        return "```\n" + command + "\n...\n" + table + "\n```\n";
    }
}
