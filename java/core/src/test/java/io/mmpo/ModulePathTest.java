package io.mmpo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.lang.module.ModuleDescriptor;
import java.lang.module.ModuleDescriptor.Exports;
import java.lang.module.ModuleFinder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The library as a module, of whose packages a program can see one. */
@Timeout(180)
class ModulePathTest {
    private static final String PAGE = "docs/java.md";
    private static final Pattern PROGRAM = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);
    private static final Pattern OPTIONS = Pattern.compile("`(--add-modules \\S+ --enable-native-access=\\S+)`");

    @TempDir
    static Path directory;

    private static Path model;
    private static Path core;
    private static String modulePath;

    @BeforeAll
    static void prepare() throws IOException {
        model = ChattingModel.copyTo(Files.createDirectory(directory.resolve("model")));
        Path modules = Files.createDirectory(directory.resolve("modules"));
        core = BuiltLibrary.jar(true, modules);
        List<String> jars = new ArrayList<>();
        for (Path entry : BuiltLibrary.classPath()) {
            jars.add(BuiltLibrary.asJar(entry, modules).toString());
        }
        modulePath = String.join(File.pathSeparator, jars);
    }

    @Test
    void oneOfItsPackagesIsForPrograms() {
        ModuleDescriptor module =
                ModuleFinder.of(core).find("io.mmpo").orElseThrow().descriptor();
        assertThat(module.isAutomatic()).isFalse();
        assertThat(module.exports()).extracting(Exports::toString).containsExactly("io.mmpo");
        assertThat(module.opens())
                .allSatisfy(opened -> assertThat(opened.targets()).containsExactly("com.fasterxml.jackson.databind"));
    }

    /** A program that is a module has its classes in a package. */
    @Test
    void theProgramOfThePageRuns() throws IOException, InterruptedException {
        Matcher program = PROGRAM.matcher(page());
        assertThat(program.find()).isTrue();
        int body = program.group(1).indexOf("void main");
        String text = program.group(1).substring(0, body) + "public class Program {\n    public static "
                + program.group(1).substring(body) + "}\n";
        assertThat(run("page", text, "")).containsPattern("(?m)^loss -?[0-9.E]+\n.+");
    }

    /** What a run writes and reads again goes through records that a library looks into. */
    @Test
    void aRunWritesFilesAndGoesOnFromThem() throws IOException, InterruptedException {
        Path lines = Files.writeString(directory.resolve("pairs.jsonl"), """
                {"prompt": "Is the cat big?", "chosen": " The cat was very big.", "rejected": " No no no."}
                {"prompt": "What did Tom see?", "chosen": " Tom saw a red ball.", "rejected": " Tom."}
                """);
        String text = run("files", """
                import io.mmpo.*;
                import java.nio.file.Path;

                public class Program implements TrainingListener {
                    private volatile TrainingRun run;

                    public static void main(String[] arguments) {
                        Program first = new Program();
                        first.run = tuning(arguments).listener(first).start();
                        try (TrainingReport report = first.run.join()) {
                            System.out.println("cancelled " + report.isCancelled());
                        }
                        try (TrainingReport report = tuning(arguments).set("resume_from_checkpoint", true).run()) {
                            System.out.println("steps " + report.steps());
                            report.model().merge(Path.of("merged"));
                        }
                        try (LanguageModel merged = LanguageModel.load(Path.of("merged"))) {
                            System.out.println("pairs " + merged.evaluate(Rows.file(Path.of(arguments[1])), Method.simPo(), null).pairs());
                        }
                    }

                    static FineTuning.Builder tuning(String[] arguments) {
                        return FineTuning.of(Path.of(arguments[0]))
                                .method(Method.simPo())
                                .rows(Rows.file(Path.of(arguments[1])))
                                .epochs(20)
                                .lora(4)
                                .set("logging_steps", 1)
                                .set("cache_dir", Path.of("cache"))
                                .output(Path.of("run"));
                    }

                    @Override
                    public void step(StepMetrics metrics) {
                        while (run == null) {
                            Thread.onSpinWait();
                        }
                        run.cancel();
                    }
                }
                """, lines.toString());
        assertThat(text).contains("cancelled true\n", "steps 20\n", "pairs 2\n");
    }

    @Test
    void saysWhichOptionsAreMissing() throws IOException, InterruptedException {
        String loads = """
                public class Program {
                    public static void main(String[] arguments) {
                        io.mmpo.LanguageModel.load(java.nio.file.Path.of(arguments[0])).close();
                    }
                }
                """;
        String access = "--enable-native-access=io.mmpo,ai.djl.tokenizers,org.bytedeco.javacpp";
        assertThat(start("modules", loads, List.of(access), "").text())
                .contains("EnvironmentException: LibTorch is not on the class path or among the modules")
                .contains("start java with --add-modules ALL-MODULE-PATH");
        List<String> denied = List.of("--add-modules", "ALL-MODULE-PATH", "--illegal-native-access=deny");
        assertThat(start("access", loads, denied, "").text())
                .contains("EnvironmentException: The models are computed with in native code")
                .contains("Start java with " + access);
    }

    private static String page() throws IOException {
        return Files.readString(BuiltLibrary.ROOT.resolve(PAGE));
    }

    private static String run(String name, String program, String argument) throws IOException, InterruptedException {
        Matcher options = OPTIONS.matcher(page().replace('\n', ' '));
        assertThat(options.find()).isTrue();
        Application.Ended ended = start(name, program, List.of(options.group(1).split(" ")), argument);
        assertThat(ended.status()).as(ended.text()).isZero();
        return ended.text();
    }

    private static Application.Ended start(String name, String program, List<String> options, String argument)
            throws IOException, InterruptedException {
        Path sources = Files.createDirectories(directory.resolve(name).resolve("source/app"));
        Files.writeString(sources.resolve("Program.java"), "package app;\n" + program);
        Path info = Files.writeString(sources.resolveSibling("module-info.java"), "module app { requires io.mmpo; }");
        Path classes = Files.createDirectory(directory.resolve(name).resolve("classes"));
        Application.compile(
                "-d",
                classes.toString(),
                "-p",
                modulePath,
                info.toString(),
                sources.resolve("Program.java").toString());
        List<String> command = new ArrayList<>(options);
        command.addAll(List.of("-Xmx512m", "-p", modulePath + File.pathSeparator + classes, "-m", "app/app.Program"));
        command.addAll(List.of(model.toString(), argument));
        return Application.run(directory, command.toArray(String[]::new));
    }
}
