package io.mmpo.data.tokens;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import io.mmpo.files.IoProblem;
import io.mmpo.files.OptionalFile;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Where a tokenizer's chat templates stand, as transformers 5 looks for them: chat_template.jinja is the default one, each
 * additional_chat_templates/NAME.jinja is another; only where there is none of these files, {@code chat_template} of
 * tokenizer_config.json counts. chat_template.json belongs to processors of images; a tokenizer does not read it.
 */
final class TemplateFiles {
    static final String FILE = "chat_template.jinja";
    static final String DIRECTORY = "additional_chat_templates";
    static final String DEFAULT = "default";

    private static final String SUFFIX = ".jinja";

    /** A template's text and where it stands, for messages. */
    record Source(String text, String origin) {}

    private TemplateFiles() {}

    /** The one that chat_template_path names; it takes the place of all of the model's. */
    static Map<String, Source> named(Path file) {
        if (Files.isDirectory(file)) {
            throw MmpoException.configuration(
                    "chat_template_path names a Jinja file, but %s is a directory. Name the file itself, %s say; taking the tokens of another "
                            + "tokenizer along with its template is not supported.",
                    file, file.resolve(FILE));
        }
        if (!Files.isRegularFile(file)) {
            throw MmpoException.configuration(
                    "chat_template_path names a Jinja file, but there is none at %s. Correct the path, or leave the key out to use the "
                            + "model's own template.",
                    file);
        }
        return Map.of(DEFAULT, new Source(read(file), file.toString()));
    }

    /**
     * A tokenizer's templates by name; empty where it has none.
     *
     * @param config tokenizer_config.json, which stands in {@code configFile}
     */
    static Map<String, Source> of(Path directory, JsonNode config, Path configFile) {
        Map<String, Source> templates = new TreeMap<>();
        for (Path file : list(directory)) {
            String name = file.getFileName().toString();
            boolean additional = !file.equals(directory.resolve(FILE));
            templates.put(
                    additional ? name.substring(0, name.length() - SUFFIX.length()) : DEFAULT,
                    new Source(read(file), file.toString()));
        }
        if (templates.isEmpty()) {
            addConfigured(templates, config.path("chat_template"), configFile);
        }
        return Collections.unmodifiableMap(templates);
    }

    /** The files that hold templates: chat_template.jinja, then those of the directory by name. */
    static List<Path> list(Path directory) {
        Path additional = directory.resolve(DIRECTORY);
        try (Stream<Path> children = Files.isDirectory(additional) ? Files.list(additional) : Stream.empty()) {
            return Stream.concat(
                            Stream.of(directory.resolve(FILE)),
                            children.filter(file ->
                                            file.getFileName().toString().endsWith(SUFFIX))
                                    .sorted())
                    .filter(OptionalFile::isThere)
                    .toList();
        } catch (IOException e) {
            throw IoProblem.unreadable(additional, e);
        }
    }

    /** The key is a template's text, a list of {name, template}, or an object with texts by name. */
    private static void addConfigured(Map<String, Source> templates, JsonNode value, Path file) {
        if (value.isMissingNode() || value.isNull()) {
            return;
        }
        if (value.isTextual()) {
            templates.put(DEFAULT, new Source(value.textValue(), file.toString()));
            return;
        }
        if (value.isObject()) {
            value.properties().forEach(entry -> addNamed(templates, entry.getKey(), entry.getValue(), value, file));
            return;
        }
        if (!value.isArray()) {
            throw wrongKey(value, file);
        }
        for (JsonNode named : value) {
            if (!named.path("name").isTextual()) {
                throw wrongKey(value, file);
            }
            addNamed(templates, named.get("name").textValue(), named.path("template"), value, file);
        }
    }

    private static void addNamed(Map<String, Source> templates, String name, JsonNode text, JsonNode whole, Path file) {
        if (!text.isTextual()) {
            throw wrongKey(whole, file);
        }
        templates.put(name, new Source(text.textValue(), file + " (the chat template '" + name + "')"));
    }

    private static MmpoException wrongKey(JsonNode value, Path file) {
        return MmpoException.data(
                "%s: chat_template is wanted as text or as a list of {name, template}, both text; found %s. Correct it, or name a template "
                        + "with chat_template_path.",
                file, PrintableText.excerpt(value.toString()));
    }

    private static String read(Path file) {
        try {
            return Files.readString(file);
        } catch (CharacterCodingException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "%s holds a chat template, which is wanted in UTF-8, but its bytes are not. Convert it, or remove it.",
                    file);
        } catch (IOException e) {
            throw IoProblem.unreadable(file, e);
        }
    }
}
