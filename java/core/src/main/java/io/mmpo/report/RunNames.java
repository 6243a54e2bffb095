package io.mmpo.report;

import io.mmpo.MmpoException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** Short names of runs: as many parts of their paths, from the end, as tell them apart. */
final class RunNames {
    private RunNames() {}

    static List<String> of(List<Path> directories) {
        List<Path> paths = directories.stream()
                .map(path -> path.toAbsolutePath().normalize())
                .toList();
        Set<Path> seen = new HashSet<>();
        for (Path path : paths) {
            if (!seen.add(path)) {
                throw MmpoException.configuration("%s is given twice; give each run once.", path);
            }
        }
        List<String> names = new ArrayList<>();
        for (Path path : paths) {
            int parts = 1;
            while (parts < path.getNameCount() && isShared(end(path, parts), parts, paths)) {
                parts++;
            }
            names.add(end(path, parts));
        }
        return withoutCommonStart(names);
    }

    private static boolean isShared(String end, int parts, List<Path> paths) {
        return paths.stream().filter(path -> end(path, parts).equals(end)).count() > 1;
    }

    private static String end(Path path, int parts) {
        int count = path.getNameCount();
        return count == 0
                ? path.toString()
                : path.subpath(Math.max(0, count - parts), count).toString();
    }

    /** Of runs that are shown as one: what their names begin with, as far as a whole word goes; else the first's name. */
    static String common(List<String> names) {
        String common = names.getFirst();
        for (String name : names) {
            while (!name.startsWith(common)) {
                common = common.substring(0, common.length() - 1);
            }
        }
        String words = common.replaceFirst("[-_./ ]?[^-_./ ]*$", "");
        return words.isEmpty() ? names.getFirst() : words;
    }

    /** smollm2-mmpo and smollm2-dpo are mmpo and dpo, where that leaves a word of each. */
    private static List<String> withoutCommonStart(List<String> names) {
        String first = names.getFirst();
        int cut = 0;
        for (int i = 0; i < first.length() && names.size() > 1; i++) {
            String start = first.substring(0, i + 1);
            if (!names.stream().allMatch(name -> name.startsWith(start) && name.length() > start.length())) {
                break;
            }
            cut = "-_./".indexOf(first.charAt(i)) >= 0 ? i + 1 : cut;
        }
        int length = cut;
        List<String> shortened =
                names.stream().map(name -> name.substring(length)).toList();
        return shortened.stream().allMatch(name -> Character.isLetter(name.codePointAt(0))) ? shortened : names;
    }
}
