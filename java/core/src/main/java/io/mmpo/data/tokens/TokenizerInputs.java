package io.mmpo.data.tokens;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/** The files of a model's directory that decide which ids a row becomes; of those with a fixed name not all need be there. */
public final class TokenizerInputs {
    private TokenizerInputs() {}

    public static List<Path> of(Path directory) {
        List<Path> files = new ArrayList<>();
        Stream.of(
                        TokenizerFiles.TOKENIZER,
                        TokenizerFiles.CONFIG,
                        TokenizerFiles.SPECIAL_TOKENS,
                        TokenizerFiles.ADDED_TOKENS,
                        TokenizerFiles.MODEL)
                .map(directory::resolve)
                .forEach(files::add);
        files.addAll(TemplateFiles.list(directory));
        return files;
    }

    /** Of them those that hold chat templates. */
    public static List<Path> withTemplates(Path directory) {
        List<Path> files = new ArrayList<>(TemplateFiles.list(directory));
        files.add(directory.resolve(TokenizerFiles.CONFIG));
        return files;
    }
}
