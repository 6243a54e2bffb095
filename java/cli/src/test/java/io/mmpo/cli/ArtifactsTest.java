package io.mmpo.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.junit.jupiter.api.Test;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** What is handed out belongs together: the bill of versions, the page that names the artifacts, the licences. */
class ArtifactsTest {
    private static Element project(String module) throws Exception {
        Path pom = Markdown.ROOT.resolve(module).resolve("pom.xml");
        Document document =
                DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(pom.toFile());
        return document.getDocumentElement();
    }

    /** Of the element's own children, not of those below. */
    private static String child(Element element, String name) {
        NodeList children = element.getChildNodes();
        return IntStream.range(0, children.getLength())
                .mapToObj(children::item)
                .filter(node -> node.getNodeName().equals(name))
                .findFirst()
                .orElseThrow()
                .getTextContent()
                .strip();
    }

    private static List<String> artifactsOfTheBom() throws Exception {
        NodeList dependencies = project("bom").getElementsByTagName("dependency");
        List<String> artifacts = new ArrayList<>();
        for (int i = 0; i < dependencies.getLength(); i++) {
            Element dependency = (Element) dependencies.item(i);
            assertThat(child(dependency, "version")).isEqualTo("${project.version}");
            artifacts.add(child(dependency, "artifactId"));
        }
        return artifacts;
    }

    @Test
    void theBomHasTheVersionAndTheJarsOfTheProject() throws Exception {
        assertThat(child(project("bom"), "version")).isEqualTo(child(project("."), "version"));
        List<String> jars = new ArrayList<>();
        for (String module : List.of("java/core", "native", "native/cuda13", "java/cli")) {
            jars.add(child(project(module), "artifactId"));
        }
        assertThat(artifactsOfTheBom()).containsExactlyInAnyOrderElementsOf(jars);
    }

    @Test
    void thePageNamesEveryArtifactAndItsVersion() throws Exception {
        String page = Files.readString(Markdown.ROOT.resolve("docs/artifacts.md"));
        for (String artifact : artifactsOfTheBom()) {
            assertThat(page).contains("`io.mmpo:" + artifact + "`");
        }
        String version = child(project("."), "version");
        assertThat(page).contains("<version>" + version + "</version>", "mmpo-" + version + "-linux-x86-64.zip");
    }

    @Test
    void theLicenceIsThereAndTheNoticeLeadsToTheOthers() throws Exception {
        assertThat(Files.readString(Markdown.ROOT.resolve("LICENSE"))).contains("Apache License");
        assertThat(Files.readString(Markdown.ROOT.resolve("NOTICE")))
                .contains("META-INF/licenses/pytorch.txt", "third-party/README.md");
    }
}
