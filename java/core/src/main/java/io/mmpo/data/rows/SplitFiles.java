package io.mmpo.data.rows;

import java.nio.file.FileSystems;
import java.nio.file.Path;
import java.nio.file.PathMatcher;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Which files of a directory are a split's. The patterns of the data set's card decide; without a card
 * the names do, as in Hugging Face's datasets: files called {@code <split>} or {@code <split>-00000-of-00002} and files in a
 * directory of that name; else files with the split's name as a word in their path; else, for train, all files.
 */
final class SplitFiles {
    private SplitFiles() {}

    /** files: relative paths. Sorted; empty where no file is the split's. */
    static List<String> select(List<String> files, Optional<DatasetCard> card, Optional<String> config, String split) {
        List<String> data = files.stream()
                .filter(SplitFiles::isVisible)
                .filter(file -> DataFormat.isData(nameOf(file)))
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
        List<String> exact =
                ofConfig.stream().filter(file -> isNamed(file, split)).toList();
        if (!exact.isEmpty()) {
            return exact;
        }
        Pattern word = Pattern.compile("(?:^|[-._ /0-9])" + Pattern.quote(split) + "(?:[-._ /0-9]|$)");
        List<String> loose =
                ofConfig.stream().filter(file -> word.matcher(file).find()).toList();
        return loose.isEmpty() && split.equals("train") ? ofConfig : loose;
    }

    private static boolean isNamed(String file, String split) {
        String quoted = Pattern.quote(split);
        return nameOf(file).matches(quoted + "(-\\d{5}-of-\\d{5}.*)?\\.\\w+(\\.gz)?")
                || ("/" + file).contains("/" + split + "/");
    }

    /** As a glob, where ** is any path. */
    private static boolean matches(String pattern, String file) {
        PathMatcher matcher = FileSystems.getDefault().getPathMatcher("glob:" + pattern);
        return matcher.matches(Path.of(file));
    }

    private static boolean isVisible(String file) {
        for (Path part : Path.of(file)) {
            if (part.toString().startsWith(".")) {
                return false;
            }
        }
        return true;
    }

    private static String nameOf(String file) {
        return file.substring(file.lastIndexOf('/') + 1);
    }
}
