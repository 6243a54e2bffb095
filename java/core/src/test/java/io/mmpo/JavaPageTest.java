package io.mmpo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The program of docs/java.md as an application of its own, in another process: without this build, and without DuckDB. */
@Timeout(180)
class JavaPageTest {
    private static final Pattern PROGRAM = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

    @TempDir
    static Path directory;

    private static Path model;
    private static String program;

    @BeforeAll
    static void prepare() throws IOException {
        model = ChattingModel.copyTo(Files.createDirectory(directory.resolve("model")));
        Matcher found = PROGRAM.matcher(Files.readString(BuiltLibrary.ROOT.resolve("docs/java.md")));
        assertThat(found.find()).isTrue();
        program = found.group(1);
    }

    @Test
    void runsOnTheClassPath() throws IOException, InterruptedException {
        String classPath = Application.classPath();
        Path classes = Files.createDirectory(directory.resolve("classes"));
        Path source = Files.writeString(directory.resolve("Tuned.java"), program);
        Application.compile("-d", classes.toString(), "-cp", classPath, source.toString());
        String both = classPath + File.pathSeparator + classes;
        run("--enable-native-access=ALL-UNNAMED", "-cp", both, "Tuned");
        assertThat(Application.run(directory, "-cp", both, "Tuned", model.toString())
                        .text())
                .as("started without the option")
                .contains(
                        "EnvironmentException: The models are computed with in native code, which this program may not call")
                .contains("Start java with --enable-native-access=ALL-UNNAMED");
    }

    /** As when a server deploys a program again: each time with a loader of its own, whose classes the thread's loader does not know. */
    @Test
    void runsUnderASecondClassLoader() throws IOException, InterruptedException {
        String classPath = Application.classPath();
        Path classes = Files.createDirectory(directory.resolve("deployed"));
        Path source = Files.writeString(
                Files.createDirectory(directory.resolve("deployment")).resolve("Tuned.java"), program);
        Application.compile("-d", classes.toString(), "-cp", classPath, source.toString());
        Path server = Files.writeString(directory.resolve("Server.java"), """
                import java.net.URL;
                import java.net.URLClassLoader;

                void main(String[] arguments) throws Exception {
                    URL[] urls = Arrays.stream(arguments[0].split(":")).map(entry -> url(entry)).toArray(URL[]::new);
                    for (int deployment = 0; deployment < 2; deployment++) {
                        try (URLClassLoader loader = new URLClassLoader(urls, ClassLoader.getPlatformClassLoader())) {
                            var constructor = loader.loadClass("Tuned").getDeclaredConstructor();
                            constructor.setAccessible(true);
                            var program = constructor.newInstance();
                            var main = program.getClass().getDeclaredMethod("main", String[].class);
                            main.setAccessible(true);
                            main.invoke(program, (Object) new String[] {arguments[1]});
                        }
                    }
                }

                static URL url(String entry) {
                    try {
                        return Path.of(entry).toUri().toURL();
                    } catch (MalformedURLException e) {
                        throw new IllegalArgumentException(e);
                    }
                }
                """);
        Path serverClasses = Files.createDirectory(directory.resolve("server"));
        Application.compile("-d", serverClasses.toString(), server.toString());
        run(
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                serverClasses.toString(),
                "Server",
                classPath + File.pathSeparator + classes);
    }

    private static void run(String... arguments) throws IOException, InterruptedException {
        List<String> all = new ArrayList<>(List.of("-Xmx512m"));
        all.addAll(List.of(arguments));
        all.add(model.toString());
        Application.Ended ended = Application.run(directory, all.toArray(String[]::new));
        assertThat(ended.status()).as(ended.text()).isZero();
        assertThat(ended.text()).containsPattern("(?m)^loss -?[0-9.E]+\n.+");
        try (Stream<Path> written = Files.list(ended.work())) {
            assertThat(written).isEmpty();
        }
    }
}
