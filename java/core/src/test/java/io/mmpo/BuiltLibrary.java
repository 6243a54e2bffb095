package io.mmpo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.jar.Attributes;
import java.util.jar.JarEntry;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What this build has made, as an application gets it: without the tests, and with what the library needs. */
final class BuiltLibrary {
    static final Path ROOT =
            Path.of(System.getProperty("mmpo.root", "../..")).toAbsolutePath().normalize();

    private static final String MODULE_INFO = "module-info.class";
    private static final Pattern MODULE_NAME = Pattern.compile("<Automatic-Module-Name>(.*?)<");

    /** What the library needs at run time, and nothing of the tests; DuckDB only where Parquet is read. */
    private static final Pattern NEEDED = Pattern.compile(
            "(jackson-(annotations|core|databind|dataformat)|snakeyaml|javacpp|openblas|pytorch|tokenizers|api-0|gson|jna|slf4j-api|jspecify|error_prone_annotations|mmpo-native|mmpo-\\d).*\\.jar");

    private BuiltLibrary() {}

    /** Jars, and directories of classes. */
    static List<Path> classPath() {
        return tests().filter(entry ->
                        NEEDED.matcher(entry.getFileName().toString()).matches() || isCore(entry) || isNative(entry))
                .toList();
    }

    /** Where this class and its neighbours are. */
    static Path testClasses() {
        return tests().filter(entry -> Files.exists(entry.resolve("io/mmpo/BuiltLibrary.class")))
                .findFirst()
                .orElseThrow();
    }

    /** Of the tests that run now. */
    private static Stream<Path> tests() {
        String classPath = System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
        return Arrays.stream(classPath.split(File.pathSeparator)).map(Path::of);
    }

    private static boolean isCore(Path entry) {
        return Files.exists(entry.resolve("io/mmpo/LanguageModel.class"));
    }

    private static boolean isNative(Path entry) {
        return Files.exists(entry.resolve("io/mmpo/native"));
    }

    /** Where Maven keeps the jars that these tests run with. */
    static Path localRepository() {
        Path jar = tests().filter(entry -> entry.getFileName().toString().startsWith("jackson-databind"))
                .findFirst()
                .orElseThrow();
        Path layout = Path.of("com/fasterxml/jackson/core/jackson-databind");
        Path artifact = jar.getParent().getParent();
        assertThat(artifact).endsWith(layout);
        return artifact.getRoot().resolve(artifact.subpath(0, artifact.getNameCount() - layout.getNameCount()));
    }

    /** A jar as it is; a directory of classes as a build makes a jar of it, in the given directory. */
    static Path asJar(Path entry, Path directory) throws IOException {
        if (!Files.isDirectory(entry)) {
            return entry;
        }
        Path jar = directory.resolve(isNative(entry) ? "mmpo-native-linux-x86-64.jar" : "mmpo.jar");
        Manifest manifest = new Manifest();
        manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
        if (isNative(entry)) {
            Matcher name = MODULE_NAME.matcher(Files.readString(ROOT.resolve("native/parent/pom.xml")));
            assertThat(name.find()).isTrue();
            manifest.getMainAttributes().putValue("Automatic-Module-Name", name.group(1));
        }
        try (OutputStream file = Files.newOutputStream(jar);
                JarOutputStream out = new JarOutputStream(file, manifest);
                Stream<Path> files = Files.walk(entry)) {
            for (Path path : files.filter(Files::isRegularFile).toList()) {
                out.putNextEntry(new JarEntry(entry.relativize(path).toString()));
                Files.copy(path, out);
            }
            if (isCore(entry) && !Files.exists(entry.resolve(MODULE_INFO))) {
                out.putNextEntry(new JarEntry(MODULE_INFO));
                Files.copy(moduleInfo(entry, directory), out);
            }
        }
        return jar;
    }

    /** Where something else than Maven has compiled the classes, which compiles it after them. */
    private static Path moduleInfo(Path classes, Path directory) throws IOException {
        Path compiled = Files.createTempDirectory(directory, "module");
        String modules = tests().filter(entry -> entry.toString().endsWith(".jar"))
                .map(Path::toString)
                .filter(name ->
                        NEEDED.matcher(Path.of(name).getFileName().toString()).matches() || name.contains("duckdb"))
                .collect(Collectors.joining(File.pathSeparator));
        Application.compile(
                "-d",
                compiled.toString(),
                "-p",
                modules,
                "--patch-module",
                "io.mmpo=" + classes,
                ROOT.resolve("java/core/src/main/module/module-info.java").toString());
        return compiled.resolve(MODULE_INFO);
    }

    /** core: whether of mmpo or of mmpo-native-linux-x86-64. */
    static Path jar(boolean core, Path directory) throws IOException {
        for (Path entry : classPath()) {
            String name = entry.getFileName().toString();
            if (core
                    ? isCore(entry) || name.matches("mmpo-\\d.*")
                    : isNative(entry) || name.startsWith("mmpo-native")) {
                return asJar(entry, directory);
            }
        }
        throw new IllegalStateException("the class path of the tests has no such entry");
    }
}
