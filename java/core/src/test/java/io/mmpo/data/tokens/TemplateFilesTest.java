package io.mmpo.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.ObjectMapper;
import io.mmpo.MmpoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Which template renders a row: transformers' get_chat_template after from_pretrained, tried with transformers 5.18. */
class TemplateFilesTest {
    private static final List<Map<String, Object>> HI = List.of(Map.of("role", "user", "content", "Hi"));
    private static final Map<String, Object> NO_TOOLS = Map.of();
    private static final Map<String, Object> TOOLS = Map.of("tools", List.of(Map.of("name", "f")));

    private static final String LIST = """
            {"chat_template": [{"name": "default", "template": "list default"}, {"name": "tool_use", "template": "list {{ tools|length }}"},
            {"name": "rag", "template": "list {{ documents[0].title }}"}]}""";

    @TempDir
    private Path directory;

    @BeforeEach
    void writeTheTokenizer() throws IOException {
        config("{}");
    }

    private void config(String json) throws IOException {
        Files.writeString(directory.resolve("tokenizer_config.json"), json);
    }

    private void additional(String name, String template) throws IOException {
        Files.createDirectories(directory.resolve("additional_chat_templates"));
        Files.writeString(directory.resolve("additional_chat_templates").resolve(name), template);
    }

    private String render(Map<String, Object> variables) throws IOException {
        Path config = directory.resolve("tokenizer_config.json");
        Map<String, TemplateFiles.Source> sources =
                TemplateFiles.of(directory, new ObjectMapper().readTree(config.toFile()), config);
        return new ChatTemplate(sources, Map.of()).render(HI, true, variables);
    }

    @Test
    void aListHasOneForRowsWithTools() throws IOException {
        config(LIST);
        assertThat(render(NO_TOOLS)).isEqualTo("list default");
        assertThat(render(TOOLS)).isEqualTo("list 1");
        assertThat(render(Map.of("tools", List.of()))).isEqualTo("list 0");
    }

    @Test
    void aRowMayNameItsTemplateOrBeOne() throws IOException {
        config(LIST);
        Map<String, Object> rag = Map.of("chat_template", "rag", "documents", List.of(Map.of("title", "T")));
        assertThat(render(rag)).isEqualTo("list T");
        assertThat(render(Map.of("chat_template", "{{ chat_template is defined }}{{ messages|length }}")))
                .isEqualTo("False1");
    }

    @Test
    void oneTextIsForAllRows() throws IOException {
        config("{\"chat_template\": \"text {{ tools is none }}\"}");
        assertThat(render(NO_TOOLS)).isEqualTo("text True");
        assertThat(render(TOOLS)).isEqualTo("text False");
    }

    @Test
    void anyFileHidesTheKey() throws IOException {
        config(LIST);
        Files.writeString(directory.resolve("chat_template.jinja"), "file");
        assertThat(render(NO_TOOLS)).isEqualTo("file");
        assertThat(render(TOOLS)).isEqualTo("file");
        additional("tool_use.jinja", "tool file");
        assertThat(render(TOOLS)).isEqualTo("tool file");
        assertThat(render(NO_TOOLS)).isEqualTo("file");
    }

    @Test
    void additionalFilesAloneHaveNoDefault() throws IOException {
        config(LIST);
        additional("tool_use.jinja", "tool file");
        additional("rag.jinja", "rag file");
        assertThat(render(TOOLS)).isEqualTo("tool file");
        assertThatThrownBy(() -> render(NO_TOOLS))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                .hasMessageContaining("rag, tool_use")
                .hasMessageContaining("chat_template_path");
        additional("default.jinja", "default file");
        assertThat(render(NO_TOOLS)).isEqualTo("default file");
    }

    @Test
    void anAdditionalDefaultComesBeforeTheFileBeside() throws IOException {
        Files.writeString(directory.resolve("chat_template.jinja"), "file");
        additional("default.jinja", "additional");
        assertThat(render(NO_TOOLS)).isEqualTo("additional");
    }

    @Test
    void aProcessorsFileIsNoTemplateOfTheTokenizer() throws IOException {
        Files.writeString(directory.resolve("chat_template.json"), "{\"chat_template\": \"processor\"}");
        Path config = directory.resolve("tokenizer_config.json");
        assertThat(TemplateFiles.of(directory, new ObjectMapper().readTree("{}"), config))
                .isEmpty();
    }

    /** One that no row needs may be broken, as transformers compiles what it renders only. */
    @Test
    void aTemplateIsCompiledWhenItIsNeeded() throws IOException {
        Files.writeString(directory.resolve("chat_template.jinja"), "file");
        additional("tool_use.jinja", "{% if %}");
        assertThat(render(NO_TOOLS)).isEqualTo("file");
        assertThatThrownBy(() -> render(TOOLS))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("tool_use.jinja")
                .hasMessageContaining("line 1 of the template");
    }

    @Test
    void whatIsNoTemplateIsNamed() {
        for (String value : List.of("7", "[{\"name\": \"default\"}]", "[\"x\"]", "{\"default\": 1}")) {
            assertThatThrownBy(() -> {
                        config("{\"chat_template\": " + value + "}");
                        render(NO_TOOLS);
                    })
                    .isInstanceOf(MmpoException.class)
                    .hasMessageContaining("tokenizer_config.json")
                    .hasMessageContaining("{name, template}");
        }
    }

    @Test
    void bytesThatAreNoTextAreNamed() throws IOException {
        Files.write(directory.resolve("chat_template.jinja"), new byte[] {'a', (byte) 0xff});
        assertThatThrownBy(() -> render(NO_TOOLS))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("chat_template.jinja")
                .hasMessageContaining("UTF-8");
    }
}
