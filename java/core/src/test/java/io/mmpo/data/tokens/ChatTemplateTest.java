package io.mmpo.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.data.Goldens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ChatTemplateTest {
    private static ChatTemplate template(String source, String origin) {
        return new ChatTemplate(Map.of("default", new TemplateFiles.Source(source, origin)), Map.of());
    }

    private static final List<Map<String, Object>> HI = List.of(Map.of("role", "user", "content", "Hi"));

    private static void assertGolden(
            Tokenizer tokenizer, ChatTemplate template, JsonNode golden, Map<String, Object> variables) {
        boolean prompt = golden.path("generation_prompt").asBoolean()
                || golden.path("add_generation_prompt").asBoolean();
        String text = template.render(Goldens.messages(golden.get("messages")), prompt, variables);
        assertThat(text).isEqualTo(golden.get("text").textValue());
        if (golden.has("ids")) {
            assertThat(tokenizer.encode(text, false)).isEqualTo(Goldens.ints(golden.get("ids")));
        }
    }

    @Test
    void smolLm2RendersAsTransformers() {
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("models/smollm2-135m-instruct"), Optional.empty())) {
            JsonNode goldens =
                    Goldens.json("models/smollm2-135m-instruct/golden.json").get("chat");
            assertThat(goldens).isNotEmpty();
            goldens.forEach(
                    golden -> assertGolden(tokenizer, tokenizer.chatTemplate().orElseThrow(), golden, Map.of()));
        }
    }

    @Test
    void llamaRendersAsTransformers() {
        try (Tokenizer tokenizer = Tokenizer.open(Goldens.path("data/tokenizers/llama-3.1"), Optional.empty())) {
            JsonNode file = Goldens.json("data/tokenizers/llama-3.1/golden.json");
            Map<String, Object> variables = new HashMap<>();
            file.get("chat_kwargs")
                    .properties()
                    .forEach(entry ->
                            variables.put(entry.getKey(), entry.getValue().asText()));
            assertThat(file.get("chat")).isNotEmpty();
            file.get("chat")
                    .forEach(golden ->
                            assertGolden(tokenizer, tokenizer.chatTemplate().orElseThrow(), golden, variables));
        }
    }

    @Test
    void chatMlRendersAsTransformers() {
        JsonNode file = Goldens.json("data/tokenizers/chatml_golden.json");
        ChatTemplate template = template(file.get("template").textValue(), "golden");
        assertThat(file.get("chat")).isNotEmpty();
        file.get("chat").forEach(golden -> assertGolden(null, template, golden, Map.of()));
    }

    private static void writeTokenizer(Path directory, String config) throws IOException {
        Files.copy(Goldens.path("models/stories260k/tokenizer.json"), directory.resolve("tokenizer.json"));
        Files.writeString(directory.resolve("tokenizer_config.json"), config);
    }

    @Test
    void templateIsTextOrListOrFileBesideOrNamedFile(@TempDir Path directory) throws IOException {
        writeTokenizer(directory, "{}");
        assertThat(renderHi(directory, Optional.empty())).isEmpty();
        Files.writeString(directory.resolve("tokenizer_config.json"), "{\"chat_template\": \"text\"}");
        assertThat(renderHi(directory, Optional.empty())).hasValue("text");
        Files.writeString(directory.resolve("tokenizer_config.json"), """
        {"bos_token": "<s>", "chat_template": [{"name": "tool_use", "template": "no"}, {"name": "default", "template": "{{ bos_token }}list"}]}""");
        assertThat(renderHi(directory, Optional.empty())).hasValue("<s>list");
        Files.writeString(directory.resolve("chat_template.jinja"), "beside");
        assertThat(renderHi(directory, Optional.empty())).hasValue("beside");
        Path named = Files.writeString(directory.resolve("other.jinja"), "named");
        assertThat(renderHi(directory, Optional.of(named))).hasValue("named");
        assertThatThrownBy(() -> renderHi(directory, Optional.of(directory.resolve("missing.jinja"))))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("chat_template_path")
                .hasMessageContaining("missing.jinja");
    }

    @Test
    void templateListWithoutDefaultIsAnError(@TempDir Path directory) throws IOException {
        writeTokenizer(directory, "{\"chat_template\": [{\"name\": \"rag\", \"template\": \"x\"}]}");
        assertThatThrownBy(() -> renderHi(directory, Optional.empty()))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("none is named default");
    }

    private static Optional<String> renderHi(Path directory, Optional<Path> chatTemplatePath) {
        try (Tokenizer tokenizer = Tokenizer.open(directory, chatTemplatePath)) {
            return tokenizer.chatTemplate().map(template -> template.render(HI, true));
        }
    }

    @Test
    void refusalOfTheTemplateIsReported() {
        ChatTemplate template = template("{{ raise_exception('roles must alternate') }}", "/x/y.jinja");
        assertThatThrownBy(() -> template.render(HI, true))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                .hasMessageContaining("/x/y.jinja")
                .hasMessageContaining("roles must alternate");
    }

    @Test
    void severalThreadsShareOneTemplate() {
        String source = Goldens.json("data/tokenizers/chatml_golden.json")
                .get("template")
                .textValue();
        ChatTemplate template = template(source, "golden");
        assertThat(IntStream.range(0, 500)
                        .parallel()
                        .mapToObj(i -> template.render(List.of(Map.of("role", "user", "content", "q" + i)), true)))
                .hasSize(500)
                .allSatisfy(text -> assertThat(text).matches("(?s).*<\\|im_start\\|>user\nq\\d+<.*assistant\n"));
    }
}
