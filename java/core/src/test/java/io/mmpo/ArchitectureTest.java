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
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** The one road of docs/architecture.md: train → config → model, data → hub, nativelib → files → the root package. */
class ArchitectureTest {
    private static final JavaClasses CLASSES =
            new ClassFileImporter().withImportOption(new DoNotIncludeTests()).importPackages("io.mmpo");

    /** What each package, with those below it, may use of this project beside itself and the root package. */
    private static final Map<String, List<String>> ALLOWED = Map.of(
            "io.mmpo", List.of(),
            "io.mmpo.files", List.of(),
            "io.mmpo.nativelib", List.of("io.mmpo.files"),
            "io.mmpo.config", List.of("io.mmpo.files", "io.mmpo.model", "io.mmpo.nativelib"),
            "io.mmpo.hub", List.of("io.mmpo.files"),
            "io.mmpo.data", List.of("io.mmpo.files", "io.mmpo.hub", "io.mmpo.nativelib"),
            "io.mmpo.model", List.of("io.mmpo.files", "io.mmpo.nativelib"),
            "io.mmpo.plan", List.of("io.mmpo.config", "io.mmpo.files", "io.mmpo.nativelib"),
            "io.mmpo.eval", List.of("io.mmpo.data", "io.mmpo.files"),
            "io.mmpo.train",
                    List.of(
                            "io.mmpo.config",
                            "io.mmpo.data",
                            "io.mmpo.files",
                            "io.mmpo.hub",
                            "io.mmpo.model",
                            "io.mmpo.nativelib"));

    static final List<String> PACKAGES = ALLOWED.keySet().stream().sorted().toList();

    @ParameterizedTest
    @FieldSource("PACKAGES")
    void pointsForwardOnly(String name) {
        checkArrows(name, ALLOWED.get(name));
    }

    @Test
    void everyPackageHasItsPlace() {
        assertThat(CLASSES.stream().map(ArchitectureTest::topPackage).collect(Collectors.toSet()))
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

    /** io.mmpo.data of io.mmpo.data.template.JinjaCode. */
    private static String topPackage(JavaClass type) {
        return Stream.of(type.getPackageName().split("\\.")).limit(3).collect(Collectors.joining("."));
    }

    private static void checkArrows(String name, List<String> allowed) {
        Set<String> reachable = new HashSet<>(allowed);
        reachable.addAll(List.of("io.mmpo", name));
        noClasses()
                .that(describe("reside in " + name, type -> topPackage(type).equals(name)))
                .should()
                .dependOnClassesThat(describe(
                        "belong to this project and lie outside " + reachable,
                        type -> type.getPackageName().startsWith("io.mmpo") && !reachable.contains(topPackage(type))))
                .allowEmptyShould(true)
                .check(CLASSES);
    }
}
