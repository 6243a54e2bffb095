package io.mmpo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The program of docs/java.md as an application of its own, in another process: without this build, and without DuckDB. */
@Timeout(180)
class JavaPageTest {
    private static final Path ROOT = Path.of(System.getProperty("mmpo.root", "../.."));
    private static final Pattern PROGRAM = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final Pattern MODULE_NAME = Pattern.compile("<Automatic-Module-Name>(.*?)<");

    /** What the library needs at run time, and nothing of the tests. */
    private static final Pattern NEEDED = Pattern.compile(
            "(jackson-(annotations|core|databind|dataformat)|snakeyaml|javacpp|openblas|pytorch|tokenizers|api-0|gson|jna|slf4j-api|jspecify|error_prone_annotations|mmpo-).*\\.jar");

    @TempDir
    static Path directory;

    private static Path model;
    private static String program;

    @BeforeAll
    static void prepare() throws IOException {
        model = ChattingModel.copyTo(Files.createDirectory(directory.resolve("model")));
        Matcher found = PROGRAM.matcher(Files.readString(ROOT.resolve("docs/java.md")));
        assertThat(found.find()).isTrue();
        program = found.group(1);
    }

    @Test
    void runsOnTheClassPath() throws IOException, InterruptedException {
        String classPath = String.join(File.pathSeparator, library());
        Path classes = Files.createDirectory(directory.resolve("classes"));
        Path source = Files.writeString(directory.resolve("Tuned.java"), program);
        compile("-d", classes.toString(), "-cp", classPath, source.toString());
        run("--enable-native-access=ALL-UNNAMED", "-cp", classPath + File.pathSeparator + classes, "Tuned");
    }

    /** As when a server deploys a program again: each time with a loader of its own, whose classes the thread's loader does not know. */
    @Test
    void runsUnderASecondClassLoader() throws IOException, InterruptedException {
        String classPath = String.join(File.pathSeparator, library());
        Path classes = Files.createDirectory(directory.resolve("deployed"));
        Path source = Files.writeString(
                Files.createDirectory(directory.resolve("deployment")).resolve("Tuned.java"), program);
        compile("-d", classes.toString(), "-cp", classPath, source.toString());
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
        compile("-d", serverClasses.toString(), server.toString());
        run(
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                serverClasses.toString(),
                "Server",
                classPath + File.pathSeparator + classes);
    }

    /** A program that is a module has its classes in a package. */
    @Test
    void runsOnTheModulePath() throws IOException, InterruptedException {
        Path modules = Files.createDirectory(directory.resolve("modules"));
        String modulePath = library().stream()
                .map(entry -> asJar(Path.of(entry), modules))
                .collect(Collectors.joining(File.pathSeparator));
        Path sources = Files.createDirectories(directory.resolve("source/app")).getParent();
        int body = program.indexOf("void main");
        Files.writeString(
                sources.resolve("app/Tuned.java"),
                "package app;\n" + program.substring(0, body) + "public class Tuned {\n    public static "
                        + program.substring(body) + "}\n");
        Files.writeString(sources.resolve("module-info.java"), "module app { requires io.mmpo; }");
        Path classes = Files.createDirectory(directory.resolve("module-classes"));
        compile(
                "-d",
                classes.toString(),
                "-p",
                modulePath,
                sources.resolve("module-info.java").toString(),
                sources.resolve("app/Tuned.java").toString());
        run(
                "--add-modules",
                "ALL-MODULE-PATH,java.sql,java.net.http",
                "--enable-native-access=io.mmpo,ai.djl.tokenizers,org.bytedeco.javacpp",
                "-p",
                modulePath + File.pathSeparator + classes,
                "-m",
                "app/app.Tuned");
    }

    @Test
    void namesEveryPublicType() throws IOException {
        String page = Files.readString(ROOT.resolve("docs/java.md"));
        try (Stream<Path> sources = Files.list(ROOT.resolve("java/core/src/main/java/io/mmpo"))) {
            for (Path source : sources.filter(Files::isRegularFile).toList()) {
                String name = source.getFileName().toString().replace(".java", "");
                boolean isPublic = Files.readString(source)
                        .matches("(?s).*\npublic [a-z -]*(class|record|interface) " + name + "\\b.*");
                if (isPublic && !name.equals("PrintableText")) {
                    assertThat(page).contains("`" + name + "`");
                }
            }
        }
    }

    private static List<String> library() {
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        return Arrays.stream(classPath.split(File.pathSeparator))
                .map(Path::of)
                .filter(entry -> NEEDED.matcher(entry.getFileName().toString()).matches()
                        || Files.exists(entry.resolve("io/mmpo/LanguageModel.class"))
                        || Files.exists(entry.resolve("io/mmpo/native")))
                .map(Path::toString)
                .toList();
    }

    private static void compile(String... arguments) {
        List<String> all = new ArrayList<>(List.of("-proc:none", "-nowarn"));
        all.addAll(List.of(arguments));
        int status = ToolProvider.getSystemJavaCompiler().run(null, System.err, System.err, all.toArray(String[]::new));
        assertThat(status).isZero();
    }

    private static void run(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin/java").toString(),
                "--illegal-native-access=deny",
                "-Xmx512m",
                "-Dmmpo.libtorch=" + System.getProperty("mmpo.libtorch", "")));
        command.addAll(List.of(arguments));
        command.add(model.toString());
        Path out = Files.createTempFile(directory, "out", ".txt");
        Path work = Files.createTempDirectory(directory, "work");
        Process process = new ProcessBuilder(command)
                .directory(work.toFile())
                .redirectErrorStream(true)
                .redirectOutput(out.toFile())
                .start();
        assertThat(process.waitFor(150, TimeUnit.SECONDS)).isTrue();
        String text = Files.readString(out);
        assertThat(process.exitValue()).as(text).isZero();
        assertThat(text).containsPattern("(?m)^loss -?[0-9.E]+\n.+");
        try (Stream<Path> written = Files.list(work)) {
            assertThat(written).isEmpty();
        }
    }

    /** A jar as it is; a directory of classes as a build makes a jar of it, under the name that its pom says. */
    private static String asJar(Path entry, Path modules) {
        if (!Files.isDirectory(entry)) {
            return entry.toString();
        }
        boolean isNative = Files.exists(entry.resolve("io/mmpo/native"));
        Path jar = modules.resolve(isNative ? "mmpo-native.jar" : "mmpo-core.jar");
        try {
            Matcher name = MODULE_NAME.matcher(
                    Files.readString(ROOT.resolve(isNative ? "native/pom.xml" : "java/core/pom.xml")));
            assertThat(name.find()).isTrue();
            Manifest manifest = new Manifest();
            manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
            manifest.getMainAttributes().putValue("Automatic-Module-Name", name.group(1));
            try (OutputStream file = Files.newOutputStream(jar);
                    JarOutputStream out = new JarOutputStream(file, manifest);
                    Stream<Path> files = Files.walk(entry)) {
                for (Path path : files.filter(Files::isRegularFile).toList()) {
                    out.putNextEntry(new JarEntry(entry.relativize(path).toString()));
                    Files.copy(path, out);
                }
            }
            return jar.toString();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
