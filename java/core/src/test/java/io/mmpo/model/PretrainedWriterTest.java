package io.mmpo.model;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.SharedFiles;
import io.mmpo.files.JsonFile;
import io.mmpo.nativelib.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PretrainedWriterTest {
    @TempDir
    Path directory;

    private Path source;
    private Path target;

    @BeforeEach
    void makeDirectories() throws IOException {
        source = Files.createDirectory(directory.resolve("source"));
        target = Files.createDirectory(directory.resolve("target"));
    }

    @Test
    void takesTheTokenizerAlongAndLeavesTheRest() throws IOException {
        Path stories = SharedFiles.path("models/stories260k");
        try (ModelFiles files = ModelFiles.open(stories)) {
            PretrainedWriter.write(target, stories, files.weights());
        }
        try (Stream<Path> written = Files.list(target)) {
            assertThat(written.map(path -> path.getFileName().toString()))
                    .containsExactlyInAnyOrder(
                            "config.json",
                            "generation_config.json",
                            "model.safetensors",
                            "special_tokens_map.json",
                            "tokenizer.json",
                            "tokenizer_config.json");
        }
        for (String copied : List.of("generation_config.json", "tokenizer.json", "tokenizer_config.json")) {
            assertThat(target.resolve(copied)).hasSameBinaryContentAs(stories.resolve(copied));
            assertThat(Files.isWritable(target.resolve(copied))).isTrue();
        }
        assertThat(JsonFile.read(target.resolve("config.json")))
                .isEqualTo(JsonFile.read(stories.resolve("config.json")));
    }

    @Test
    void dtypeIsThatOfTheWeightsInTheSpellingOfTheSource() throws IOException {
        assertThat(writtenConfig("{\"b\": 1, \"dtype\": \"bfloat16\", \"a\": null}", "F32"))
                .isEqualToIgnoringWhitespace("{\"b\": 1, \"dtype\": \"float32\", \"a\": null}");
        assertThat(writtenConfig("{\"torch_dtype\": \"float32\"}", "BF16"))
                .isEqualToIgnoringWhitespace("{\"torch_dtype\": \"bfloat16\"}");
        assertThat(writtenConfig("{}", "F16")).isEqualToIgnoringWhitespace("{\"torch_dtype\": \"float16\"}");
    }

    @Test
    void copiesDirectoriesOfTemplates() throws IOException {
        Path templates = Files.createDirectory(source.resolve("additional_chat_templates"));
        Files.writeString(templates.resolve("tool_use.jinja"), "{{ x }}");
        writtenConfig("{}", "F32");
        assertThat(target.resolve("additional_chat_templates/tool_use.jinja")).hasContent("{{ x }}");
    }

    @Test
    void anotherChatTemplateTakesThePlaceOfTheModels() throws IOException {
        Path template = Files.writeString(directory.resolve("mine.jinja"), "{{ mine }}");
        Files.writeString(source.resolve("config.json"), "{}");
        Files.writeString(source.resolve("chat_template.jinja"), "{{ old }}");
        MemorySegment data = Arena.ofAuto().allocate(4);
        PretrainedWriter.write(
                target,
                source,
                Optional.of(template),
                List.of(new Tensor("a", new long[] {1}, "F32", data)),
                TensorForm.UNCHANGED);
        assertThat(target.resolve("chat_template.jinja")).hasContent("{{ mine }}");
    }

    private String writtenConfig(String config, String dtype) throws IOException {
        Files.deleteIfExists(target.resolve("config.json"));
        Files.deleteIfExists(target.resolve("model.safetensors"));
        Files.writeString(source.resolve("config.json"), config);
        MemorySegment data = Arena.ofAuto().allocate(dtype.equals("F32") ? 4 : 2);
        PretrainedWriter.write(target, source, List.of(new Tensor("a", new long[] {1}, dtype, data)));
        return Files.readString(target.resolve("config.json"));
    }
}
