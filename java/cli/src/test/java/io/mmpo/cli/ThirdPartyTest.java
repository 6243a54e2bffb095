package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** dist/third-party over the jars that the command line runs with, as Maven has resolved them. */
class ThirdPartyTest {
    private static final String OF_THE_TESTS =
            ".*/(org/junit|org/assertj|org/opentest4j|org/apiguardian|net/bytebuddy|org/apache/maven)/.*";

    @TempDir
    Path directory;

    private record Ended(int status, String text) {}

    @Test
    void everyJarHasATextAndEveryNativeLibraryIsKnown() throws Exception {
        Ended ended = run(jars());
        assertThat(ended.status()).as(ended.text()).isZero();
        String page = Files.readString(directory.resolve("out/README.md"));
        for (Path jar : jars()) {
            assertThat(page).contains("| " + jar.getFileName() + " | Apache-2.0 | ");
        }
        assertThat(page)
                .contains(
                        "libtorch_cpu.so | PyTorch",
                        "libgfortran.so.5 | GCC",
                        "libmmpo.so | mmpo",
                        "libduckdb_java.so_linux_amd64 | DuckDB");
        assertThat(directory.resolve("out/GPL-3.0.txt")).isNotEmptyFile();
        assertThat(directory.resolve("out/jackson-databind-" + version("jackson-databind") + "/LICENSE"))
                .isNotEmptyFile();
    }

    @Test
    void aNativeLibraryThatNobodyHasNamedIsAnError() throws Exception {
        List<Path> jars = new ArrayList<>(jars());
        jars.add(jar("surprise-1.0.jar", "lib/libsurprise.so"));
        Ended ended = run(jars);
        assertThat(ended.status()).isEqualTo(1);
        assertThat(ended.text())
                .isEqualTo(
                        "surprise-1.0.jar has lib/libsurprise.so, a native library that dist/native-libraries.tsv does not know\n");
    }

    @Test
    void aNameForWhichThereIsNoLibraryAnyMoreIsAnError() throws Exception {
        List<Path> jars = jars().stream()
                .filter(jar -> !jar.getFileName().toString().startsWith("duckdb_jdbc"))
                .toList();
        Ended ended = run(jars);
        assertThat(ended.status()).isEqualTo(1);
        assertThat(ended.text()).isEqualTo("dist/native-libraries.tsv: no jar has duckdb_jdbc libduckdb_java.so_*\n");
    }

    @Test
    void aJarThatIsInNoBillOfMaterialsIsAnError() throws Exception {
        Path stranger = jar("stranger-1.0.jar", "a.txt");
        List<Path> jars = new ArrayList<>(jars());
        Path bom = bom(jars);
        jars.add(stranger);
        Ended ended = run(bom, jars);
        assertThat(ended.status()).isEqualTo(1);
        assertThat(ended.text()).startsWith("stranger-1.0.jar is in no bill of materials");
    }

    /** The project's own are made here, since a build that tests has directories in their place. */
    private List<Path> jars() throws IOException {
        List<Path> jars = new ArrayList<>();
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        for (String entry : classPath.split(File.pathSeparator)) {
            if (entry.endsWith(".jar") && !entry.matches(OF_THE_TESTS) && !entry.contains("/target/")) {
                jars.add(Path.of(entry));
            }
        }
        assertThat(jars).hasSizeGreaterThan(40);
        jars.add(jar("mmpo-native-linux-x86-64-0.1.0.jar", "io/mmpo/native/linux-x86_64/libmmpo.so"));
        return jars;
    }

    private static String version(String artifact) {
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        return Arrays.stream(classPath.split(File.pathSeparator))
                .map(entry -> Path.of(entry).getFileName().toString())
                .filter(name -> name.startsWith(artifact + "-"))
                .map(name -> name.substring(artifact.length() + 1, name.length() - ".jar".length()))
                .findFirst()
                .orElseThrow();
    }

    private Path jar(String name, String entry) throws IOException {
        Path jar = directory.resolve(name);
        try (ZipOutputStream out = new ZipOutputStream(Files.newOutputStream(jar))) {
            out.putNextEntry(new ZipEntry(entry));
        }
        return jar;
    }

    private Ended run(List<Path> jars) throws IOException, InterruptedException {
        return run(bom(jars), jars);
    }

    private Ended run(Path bom, List<Path> jars) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(
                List.of(Markdown.ROOT.resolve("dist/third-party").toString(), bom.toString()));
        jars.forEach(jar -> command.add(jar.toString()));
        command.add(directory.resolve("out").toString());
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        return new Ended(process.waitFor(), text);
    }

    /** As the release's, whose licences come from the jars' poms; here one that has a text. */
    private Path bom(List<Path> jars) throws IOException {
        List<Map<String, Object>> components = new ArrayList<>();
        for (Path jar : jars) {
            String name = jar.getFileName().toString();
            String stem = name.substring(0, name.length() - ".jar".length());
            String artifact = stem.replaceFirst("-\\d.*", "");
            String version = stem.substring(artifact.length() + 1);
            String base = version.replaceFirst("-linux-x86_64$", "");
            components.add(Map.of(
                    "name",
                    artifact,
                    "version",
                    base,
                    "purl",
                    base.equals(version) ? "" : "pkg:maven/x?classifier=linux-x86_64&type=jar",
                    "licenses",
                    List.of(Map.of("license", Map.of("id", "Apache-2.0")))));
        }
        return Files.write(
                directory.resolve("bom.json"), new ObjectMapper().writeValueAsBytes(Map.of("components", components)));
    }
}
