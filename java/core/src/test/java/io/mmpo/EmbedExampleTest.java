package io.mmpo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.CleanupMode;
import org.junit.jupiter.api.io.TempDir;

/** examples/embed, built by Maven as an application of its own against this build's jars, with the tests that it has. */
@Timeout(300)
class EmbedExampleTest {
    private static final Path EXAMPLE = BuiltLibrary.ROOT.resolve("examples/embed");
    private static final Pattern PROPERTY = Pattern.compile("<([a-z.-]+)>([^<$]+)</\\1>");

    private static final Pattern WEIGHT = Pattern.compile("(\\d+) jars, (\\d+) MB");

    @TempDir(cleanup = CleanupMode.NEVER) // it has links to Maven's own repository
    Path directory;

    @Test
    void itsPomHasTheVersionsOfTheBuild() throws IOException {
        Map<String, String> ours = properties(BuiltLibrary.ROOT.resolve("pom.xml"));
        Map<String, String> its = properties(EXAMPLE.resolve("pom.xml"));
        assertThat(its.remove("mmpo.version")).isEqualTo(ours.get("version"));
        its.keySet().removeIf(name -> !name.contains("."));
        assertThat(its).hasSizeGreaterThan(10);
        assertThat(ours).containsAllEntriesOf(its);
    }

    private static Map<String, String> properties(Path pom) throws IOException {
        Map<String, String> properties = new TreeMap<>();
        PROPERTY.matcher(Files.readString(pom))
                .results()
                .forEach(property -> properties.putIfAbsent(property.group(1), property.group(2)));
        return properties;
    }

    @Test
    void itsTestsPassAndItsJarStarts() throws IOException, InterruptedException {
        Path project = directory.resolve("project");
        copy(EXAMPLE, project);
        try {
            String log = run(
                    0,
                    project,
                    "mvn",
                    "-B",
                    "-Dmaven.repo.local=" + repository(),
                    "-Dmmpo.libtorch=" + System.getProperty("mmpo.libtorch", ""),
                    "package");
            assertThat(log).containsPattern("Tests run: [1-9]\\d*, Failures: 0, Errors: 0, Skipped: 0");
            String java = Path.of(System.getProperty("java.home"), "bin/java").toString();
            assertThat(run(2, project, java, "--illegal-native-access=deny", "-jar", "target/embed.jar"))
                    .startsWith("usage: java -jar embed.jar MODEL DIRECTORY");
            assertThat(project.resolve("target/lib/mmpo-0.1.0.jar")).exists();
            assertThePageSaysWhatItWeighs(project.resolve("target/lib"));
        } finally {
            remove(directory);
        }
    }

    /** libmmpo.so is here with or without what a release strips from it, so a few megabytes are let pass. */
    private static void assertThePageSaysWhatItWeighs(Path lib) throws IOException {
        List<MatchResult> said = WEIGHT.matcher(Files.readString(BuiltLibrary.ROOT.resolve("docs/java.md"))
                        .replace('\n', ' '))
                .results()
                .toList();
        List<Path> jars = list(lib);
        List<Path> withoutDuckDb = jars.stream()
                .filter(jar -> !jar.getFileName().toString().startsWith("duckdb_jdbc"))
                .toList();
        assertThat(withoutDuckDb).hasSize(jars.size() - 1);
        assertWeight(jars, said.get(0));
        assertWeight(withoutDuckDb, said.get(1));
    }

    private static void assertWeight(List<Path> jars, MatchResult said) throws IOException {
        long bytes = 0;
        for (Path jar : jars) {
            bytes += Files.size(jar);
        }
        assertThat(jars).as("%s", jars).hasSize(Integer.parseInt(said.group(1)));
        assertThat(bytes / 1e6).isCloseTo(Double.parseDouble(said.group(2)), within(4.0));
    }

    private static List<Path> list(Path directory) throws IOException {
        try (Stream<Path> entries = Files.list(directory)) {
            return entries.toList();
        }
    }

    /** Maven's own one by links, but for the artifacts of this project, which are this build's. */
    private Path repository() throws IOException {
        Path own = BuiltLibrary.localRepository();
        Path repository =
                Files.createDirectories(directory.resolve("repository/io")).getParent();
        link(own, repository, "io");
        link(own.resolve("io"), repository.resolve("io"), "mmpo");
        install(repository, "mmpo-parent", "pom.xml");
        install(repository, "mmpo-native-parent", "native/parent/pom.xml");
        Files.copy(
                BuiltLibrary.jar(true, directory),
                install(repository, "mmpo", "java/core/pom.xml").resolve("mmpo-0.1.0.jar"));
        Files.copy(
                BuiltLibrary.jar(false, directory),
                install(repository, "mmpo-native-linux-x86-64", "native/pom.xml")
                        .resolve("mmpo-native-linux-x86-64-0.1.0.jar"));
        return repository;
    }

    private static void link(Path from, Path to, String except) throws IOException {
        try (Stream<Path> entries = Files.list(from)) {
            for (Path entry : entries.toList()) {
                if (!entry.getFileName().toString().equals(except)) {
                    Files.createSymbolicLink(to.resolve(entry.getFileName()), entry);
                }
            }
        }
    }

    private static Path install(Path repository, String artifact, String pom) throws IOException {
        Path directory = Files.createDirectories(
                repository.resolve("io/mmpo").resolve(artifact).resolve("0.1.0"));
        Files.copy(BuiltLibrary.ROOT.resolve(pom), directory.resolve(artifact + "-0.1.0.pom"));
        return directory;
    }

    private String run(int status, Path project, String... command) throws IOException, InterruptedException {
        Path out = Files.createTempFile(directory, "out", ".txt");
        ProcessBuilder builder = new ProcessBuilder(command)
                .directory(project.toFile())
                .redirectErrorStream(true)
                .redirectOutput(out.toFile());
        builder.environment().put("MMPO_SHARED", SharedFiles.path("").toString());
        Process process = builder.start();
        try {
            assertThat(process.waitFor(280, TimeUnit.SECONDS)).isTrue();
        } finally {
            process.destroy();
        }
        String text = Files.readString(out);
        assertThat(process.exitValue()).as(text).isEqualTo(status);
        return text;
    }

    private static void copy(Path from, Path to) throws IOException {
        try (Stream<Path> files = Files.walk(from)) {
            for (Path file : files.filter(path -> !from.relativize(path).startsWith("target"))
                    .toList()) {
                Files.copy(file, to.resolve(from.relativize(file).toString()));
            }
        }
    }

    /** Links themselves, not what they lead to. */
    private static void remove(Path directory) throws IOException {
        List<Path> entries = new ArrayList<>();
        try (Stream<Path> found = Files.walk(directory)) {
            found.forEach(entries::add);
        }
        for (Path entry : entries.reversed()) {
            Files.delete(entry);
        }
    }
}
