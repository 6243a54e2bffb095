package io.mmpo.data.rows;

import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Which files of a directory are a split's. The patterns of the data set's card decide; without a card the names do, as in Hugging
 * Face's datasets (data_files.py). Splits of names that it has no words for are looked for by their own.
 */
final class SplitFiles {
    /** Of which split a word in a name speaks. */
    private static final Map<String, List<String>> WORDS = new LinkedHashMap<>();

    static {
        WORDS.put("train", List.of("train", "training"));
        WORDS.put("validation", List.of("validation", "valid", "dev", "val"));
        WORDS.put("test", List.of("test", "testing", "eval", "evaluation"));
    }

    /** What datasets leaves beside rows. */
    private static final Set<String> ABOUT_ROWS =
            Set.of("config.json", "dataset_info.json", "dataset_infos.json", "dataset_dict.json");

    private static final Pattern SHARD = Pattern.compile("data/([^/]*)-\\d{5}-of-\\d{5}[^/]*\\.[^/]*");
    private static final String BETWEEN_WORDS = "[-._ 0-9]";

    private SplitFiles() {}

    /** files: relative paths. Sorted; empty where no file is the split's. */
    static List<String> select(List<String> files, Optional<DatasetCard> card, Optional<String> config, String split) {
        List<String> data = files.stream()
                .filter(SplitFiles::isVisible)
                .filter(file -> DataFormat.isData(nameOf(file)) && !ABOUT_ROWS.contains(nameOf(file)))
                .sorted()
                .toList();
        Optional<List<String>> patterns = card.flatMap(description -> description.patterns(config, split));
        if (patterns.isPresent()) {
            return patterns.get().stream()
                    .flatMap(pattern -> data.stream().filter(file -> matches(pattern, file)))
                    .distinct()
                    .toList();
        }
        List<String> ofConfig = config.map(name -> data.stream()
                        .filter(file -> file.startsWith(name + "/"))
                        .toList())
                .filter(found -> !found.isEmpty())
                .orElse(data);
        return WORDS.containsKey(split) ? ofWords(ofConfig, split) : ofOwnName(ofConfig, split);
    }

    /** By the first rule that finds files of any split. */
    private static List<String> ofWords(List<String> files, String split) {
        if (files.stream().anyMatch(file -> SHARD.matcher(file).matches())) {
            return files.stream().filter(file -> isShard(file, split)).toList();
        }
        for (Rule rule : List.<Rule>of(SplitFiles::isInDirectory, SplitFiles::isNamed)) {
            if (WORDS.keySet().stream().anyMatch(any -> files.stream().anyMatch(file -> rule.holds(file, any)))) {
                return files.stream().filter(file -> rule.holds(file, split)).toList();
            }
        }
        return split.equals("train") ? files : List.of();
    }

    private interface Rule {
        boolean holds(String file, String split);
    }

    private static boolean isShard(String file, String split) {
        Matcher shard = SHARD.matcher(file);
        return shard.matches() && shard.group(1).equals(split);
    }

    private static boolean isInDirectory(String file, String split) {
        Path directory = Path.of(file).getParent();
        return directory != null
                && Pattern.compile("(^|.*[/\\-._ 0-9])" + words(split) + "([/\\-._ 0-9].*|$)")
                        .matcher(directory.toString())
                        .matches();
    }

    private static boolean isNamed(String file, String split) {
        return nameOf(file).matches("(.*" + BETWEEN_WORDS + ")?" + words(split) + BETWEEN_WORDS + ".*");
    }

    private static String words(String split) {
        return "(" + String.join("|", WORDS.get(split)) + ")";
    }

    /** Files called {@code <split>} or {@code <split>-00000-of-00002} and files in a directory of that name, or else with it as a word. */
    private static List<String> ofOwnName(List<String> files, String split) {
        String quoted = Pattern.quote(split);
        Predicate<String> exact = file -> nameOf(file).matches(quoted + "(-\\d{5}-of-\\d{5}.*)?\\.\\w+(\\.gz)?")
                || ("/" + file).contains("/" + split + "/");
        Pattern word = Pattern.compile("(?:^|[-._ /0-9])" + quoted + "(?:[-._ /0-9]|$)");
        List<String> found = files.stream().filter(exact).toList();
        return found.isEmpty()
                ? files.stream().filter(file -> word.matcher(file).find()).toList()
                : found;
    }

    /** Of files in several formats those in that of most, so that rows which are there in two of them are not read twice. */
    static List<String> inOneFormat(List<String> files) {
        Map<String, Long> counts =
                files.stream().collect(Collectors.groupingBy(DataFormat::extension, Collectors.counting()));
        return counts.keySet().stream()
                .max(Comparator.<String>comparingLong(counts::get)
                        .thenComparingInt(extension -> -DataFormat.EXTENSIONS.indexOf(extension)))
                .map(most -> files.stream()
                        .filter(file -> DataFormat.of(file).isReadAs(DataFormat.of("." + most)))
                        .toList())
                .orElse(files);
    }

    /** As a glob, where ** is any path. */
    private static boolean matches(String pattern, String file) {
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + pattern);
        return matcher.matches(Path.of(file));
    }

    private static boolean isVisible(String file) {
        Path path = Path.of(file);
        for (Path part : path) {
            String name = part.toString();
            if (name.startsWith(".") || name.startsWith("__") && !part.equals(path.getFileName())) {
                return false;
            }
        }
        return true;
    }

    private static String nameOf(String file) {
        return file.substring(file.lastIndexOf('/') + 1);
    }
}
