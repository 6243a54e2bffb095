package io.mmpo;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption.DoNotIncludeTests;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/**
 * The one road of docs/architecture.md: train, eval → infer → data, model → nativelib, with files, hub and spec below them; and the rooms
 * of data, which have a road of their own: data → store → tokens → rows.
 */
class ArchitectureTest {
    private static final JavaClasses CLASSES =
            new ClassFileImporter().withImportOption(new DoNotIncludeTests()).importPackages("io.mmpo");

    /** What a program calls; it is in the root package too. */
    private static final String DOOR = "the door";

    /** What each package may use of this project beside itself and the root package. */
    private static final Map<String, List<String>> ALLOWED = Map.ofEntries(
            entry("io.mmpo"),
            entry(
                    DOOR,
                    "io.mmpo.config",
                    "io.mmpo.data",
                    "io.mmpo.data.rows",
                    "io.mmpo.data.tokens",
                    "io.mmpo.eval.reward",
                    "io.mmpo.files",
                    "io.mmpo.infer",
                    "io.mmpo.model",
                    "io.mmpo.nativelib",
                    "io.mmpo.spec",
                    "io.mmpo.train"),
            entry("io.mmpo.files"),
            entry("io.mmpo.spec"),
            entry("io.mmpo.hub", "io.mmpo.files"),
            entry("io.mmpo.nativelib", "io.mmpo.files", "io.mmpo.spec"),
            entry("io.mmpo.data.template"),
            entry("io.mmpo.data.rows", "io.mmpo.files", "io.mmpo.hub"),
            entry("io.mmpo.data.tokens", "io.mmpo.data.rows", "io.mmpo.data.template", "io.mmpo.files"),
            entry("io.mmpo.data.store", "io.mmpo.data.rows", "io.mmpo.data.tokens", "io.mmpo.files"),
            entry("io.mmpo.data", "io.mmpo.data.rows", "io.mmpo.data.store", "io.mmpo.data.tokens", "io.mmpo.files"),
            entry("io.mmpo.model", "io.mmpo.files", "io.mmpo.nativelib", "io.mmpo.spec"),
            entry("io.mmpo.config", "io.mmpo.files", "io.mmpo.model", "io.mmpo.spec"),
            entry("io.mmpo.plan", "io.mmpo.config", "io.mmpo.files", "io.mmpo.spec"),
            entry(
                    "io.mmpo.eval.lm",
                    "io.mmpo.data.rows",
                    "io.mmpo.data.store",
                    "io.mmpo.data.template",
                    "io.mmpo.data.tokens",
                    "io.mmpo.eval",
                    "io.mmpo.files",
                    "io.mmpo.infer",
                    "io.mmpo.model",
                    "io.mmpo.nativelib",
                    "io.mmpo.spec"),
            entry(
                    "io.mmpo.infer",
                    "io.mmpo.data",
                    "io.mmpo.data.tokens",
                    "io.mmpo.hub",
                    "io.mmpo.model",
                    "io.mmpo.nativelib",
                    "io.mmpo.spec"),
            entry(
                    "io.mmpo.eval.reward",
                    "io.mmpo.data",
                    "io.mmpo.data.tokens",
                    "io.mmpo.infer",
                    "io.mmpo.nativelib",
                    "io.mmpo.spec"),
            entry(
                    "io.mmpo.eval",
                    "io.mmpo.data.store",
                    "io.mmpo.data.tokens",
                    "io.mmpo.files",
                    "io.mmpo.infer",
                    "io.mmpo.model"),
            entry(
                    "io.mmpo.eval.alpaca",
                    "io.mmpo.data.rows",
                    "io.mmpo.data.store",
                    "io.mmpo.data.tokens",
                    "io.mmpo.eval",
                    "io.mmpo.files",
                    "io.mmpo.infer",
                    "io.mmpo.model",
                    "io.mmpo.nativelib",
                    "io.mmpo.spec"),
            entry(
                    "io.mmpo.eval.judge",
                    "io.mmpo.data.rows",
                    "io.mmpo.data.store",
                    "io.mmpo.data.tokens",
                    "io.mmpo.eval",
                    "io.mmpo.files",
                    "io.mmpo.infer",
                    "io.mmpo.model"),
            entry("io.mmpo.run", "io.mmpo.config", "io.mmpo.files"),
            entry("io.mmpo.track", "io.mmpo.files", "io.mmpo.run", "io.mmpo.spec"),
            entry(
                    "io.mmpo.tune",
                    "io.mmpo.config",
                    "io.mmpo.data",
                    "io.mmpo.files",
                    "io.mmpo.report",
                    "io.mmpo.run",
                    "io.mmpo.train"),
            entry("io.mmpo.dist", "io.mmpo.files", "io.mmpo.nativelib", "io.mmpo.spec"),
            entry("io.mmpo.shard", "io.mmpo.model", "io.mmpo.nativelib"),
            entry("io.mmpo.report", "io.mmpo.config", "io.mmpo.files", "io.mmpo.run", "io.mmpo.spec"),
            entry(
                    "io.mmpo.train",
                    "io.mmpo.config",
                    "io.mmpo.data",
                    "io.mmpo.data.rows",
                    "io.mmpo.data.store",
                    "io.mmpo.data.tokens",
                    "io.mmpo.dist",
                    "io.mmpo.eval",
                    "io.mmpo.eval.lm",
                    "io.mmpo.files",
                    "io.mmpo.hub",
                    "io.mmpo.infer",
                    "io.mmpo.model",
                    "io.mmpo.nativelib",
                    "io.mmpo.run",
                    "io.mmpo.shard",
                    "io.mmpo.spec",
                    "io.mmpo.track"));

    /** Classes of the root package that every other may use, since they use none themselves; the others are the library's door, above all. */
    private static final Set<String> WORDS = Set.of(
            "MmpoException",
            "ConfigurationException",
            "DataException",
            "EnvironmentException",
            "TrainingException",
            "PrintableText",
            "RunMetrics",
            "StepMetrics",
            "Evaluation",
            "TaskEvaluation",
            "PairMetrics",
            "TrainingSummary");

    /** The package, but that the door is a room of its own. */
    private static String room(JavaClass type) {
        String outermost = type.getBaseComponentType().getName().replaceFirst("\\$.*", "");
        boolean isRoot = type.getPackageName().equals("io.mmpo");
        return isRoot && !WORDS.contains(outermost.substring("io.mmpo.".length())) ? DOOR : type.getPackageName();
    }

    private static Map.Entry<String, List<String>> entry(String name, String... allowed) {
        return Map.entry(name, List.of(allowed));
    }

    static final List<String> PACKAGES = ALLOWED.keySet().stream().sorted().toList();

    @ParameterizedTest
    @FieldSource("PACKAGES")
    void pointsForwardOnly(String name) {
        checkArrows(name, ALLOWED.get(name));
    }

    @Test
    void everyPackageHasItsPlace() {
        assertThat(CLASSES.stream().map(ArchitectureTest::room).collect(Collectors.toSet()))
                .as("a new package is entered in ALLOWED")
                .isSubsetOf(ALLOWED.keySet())
                .contains("io.mmpo", "io.mmpo.nativelib");
    }

    @Test
    void findsABackwardArrow() {
        // model uses nativelib, so a table without that arrow must not pass
        assertThatThrownBy(() -> checkArrows("io.mmpo.model", List.of()))
                .isInstanceOf(AssertionError.class)
                .hasMessageContaining("io.mmpo.nativelib");
    }

    private static void checkArrows(String name, List<String> allowed) {
        Set<String> reachable = new HashSet<>(allowed);
        reachable.addAll(List.of("io.mmpo", name));
        noClasses()
                .that(describe("reside in " + name, type -> room(type).equals(name)))
                .should()
                .dependOnClassesThat(describe(
                        "belong to this project and lie outside " + reachable,
                        type -> type.getPackageName().startsWith("io.mmpo") && !reachable.contains(room(type))))
                .allowEmptyShould(true)
                .check(CLASSES);
    }
}
