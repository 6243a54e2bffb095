package io.mmpo;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** What programs rely on changes only where somebody meant it: api.txt beside this test has every signature. */
class ApiSignaturesTest {
    private static final Pattern TYPE = Pattern.compile("`([A-Z]\\w+)`");

    @Test
    void signaturesAreThoseOfTheBaseline() throws IOException, ReflectiveOperationException {
        String now = ApiSignatures.text();
        if ("1".equals(System.getenv("MMPO_WRITE_PAGES"))) {
            Files.writeString(ApiSignatures.FILE, now);
        }
        assertThat(now)
                .as(
                        "programs may break where a line of %s is gone or changed. Where that is meant, run this test with"
                                + " MMPO_WRITE_PAGES=1 in the environment, which writes the file, and say it in the commit.",
                        BuiltLibrary.ROOT.relativize(ApiSignatures.FILE))
                .isEqualTo(Files.readString(ApiSignatures.FILE));
    }

    @Test
    void thePageHasAllTypesAndNoOthers() throws IOException, ReflectiveOperationException {
        String page = Files.readString(BuiltLibrary.ROOT.resolve("docs/java.md"));
        String table = page.substring(page.indexOf("## The types"), page.indexOf("## What to rely on"));
        Set<String> named = TYPE.matcher(table)
                .results()
                .map(found -> found.group(1))
                .collect(Collectors.toCollection(TreeSet::new));
        Set<String> types = ApiSignatures.types().stream()
                .filter(type -> type.getEnclosingClass() == null)
                .map(Class::getSimpleName)
                .collect(Collectors.toCollection(TreeSet::new));
        assertThat(named).isEqualTo(types).hasSizeGreaterThan(20);
    }
}
