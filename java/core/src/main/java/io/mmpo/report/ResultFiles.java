package io.mmpo.report;

import io.mmpo.files.IoProblem;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;

/** Files of results below a run's directory. */
final class ResultFiles {
    private static final int MAX_DEPTH = 6;

    private ResultFiles() {}

    /** Those of a name, sorted. The directory may be a link; links in it and hidden directories are not followed. */
    static List<Path> named(String name, Path directory) {
        List<Path> found = new ArrayList<>();
        try {
            Path start = directory.toRealPath();
            Files.walkFileTree(
                    start, EnumSet.noneOf(java.nio.file.FileVisitOption.class), MAX_DEPTH, new SimpleFileVisitor<>() {
                        @Override
                        public FileVisitResult preVisitDirectory(Path path, BasicFileAttributes attributes) {
                            boolean isHidden = !path.equals(start)
                                    && path.getFileName().toString().startsWith(".");
                            return isHidden ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
                        }

                        @Override
                        public FileVisitResult visitFile(Path file, BasicFileAttributes attributes) {
                            if (attributes.isRegularFile()
                                    && file.getFileName().toString().equals(name)) {
                                found.add(directory.resolve(start.relativize(file)));
                            }
                            return FileVisitResult.CONTINUE;
                        }
                    });
        } catch (IOException e) {
            throw IoProblem.unreadable(directory, e);
        }
        found.sort(null);
        return found;
    }
}
