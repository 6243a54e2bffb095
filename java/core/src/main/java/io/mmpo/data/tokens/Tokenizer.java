package io.mmpo.data.tokens;

import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import io.mmpo.data.rows.TemplateVariables;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Function;

/**
 * A Hugging Face tokenizer: text to ids and back, as transformers' AutoTokenizer does it for the same directory. It never
 * truncates and never pads. Safe for use by several threads.
 */
public final class Tokenizer implements AutoCloseable {
    /** The library takes some 180 bytes a character while it tokenizes a text. */
    static final int MAX_CHARACTERS = 4_000_000;

    private static final int CHARACTERS_A_PERMIT = 1000;
    /** So many texts, in thousands of characters, are tokenized at once, by all threads together. */
    private static final Semaphore IN_LIBRARY = new Semaphore(2 * MAX_CHARACTERS / CHARACTERS_A_PERMIT);

    private final TokenizerLibrary library;
    private final Path directory;
    private final Map<String, String> specialTokens;
    private final boolean cleanUpSpaces;
    private final boolean cutsAtWords;
    private final Optional<ChatTemplate> chatTemplate;
    private final ChatTemplate ofRowsAlone;
    private final OptionalInt bosTokenId;
    private final OptionalInt eosTokenId;
    private final OptionalInt padTokenId;
    private final PostProcessor postProcessor;
    /** Held shared by every call, so that close waits for calls under way: the native object must outlive them. */
    private final ReadWriteLock useLock = new ReentrantReadWriteLock();

    private boolean closed;

    private Tokenizer(TokenizerLibrary library, TokenizerFiles files) {
        this.library = library;
        this.directory = files.directory();
        this.specialTokens = files.specialTokens();
        this.cleanUpSpaces = files.cleanUpSpaces();
        this.cutsAtWords = files.cutsAtWords();
        this.ofRowsAlone = new ChatTemplate(Map.of(), files.specialTokens());
        this.chatTemplate = files.chatTemplates().isEmpty()
                ? Optional.empty()
                : Optional.of(new ChatTemplate(files.chatTemplates(), files.specialTokens()));
        this.bosTokenId = idOf("bos_token");
        this.eosTokenId = idOf("eos_token");
        this.padTokenId = idOf("pad_token");
        this.postProcessor = files.ends().map(this::between).orElse(files.postProcessor());
    }

    /**
     * Reads tokenizer.json, tokenizer_config.json and special_tokens_map.json of a model directory.
     *
     * @param chatTemplatePath a Jinja file that takes the place of the model's own chat template
     */
    public static Tokenizer open(Path modelDirectory, Optional<Path> chatTemplatePath) {
        TokenizerFiles files = TokenizerFiles.read(modelDirectory, chatTemplatePath);
        TokenizerLibrary library = load(files);
        try {
            return new Tokenizer(library, files);
        } catch (RuntimeException e) {
            library.close();
            throw e;
        }
    }

    /** In this process where nothing speaks against it, else in others. */
    private static TokenizerLibrary load(TokenizerFiles files) {
        try {
            return files.doubt().isPresent() || !LocalLibrary.isOurs()
                    ? IsolatedLibrary.load(files.definition())
                    : LocalLibrary.load(files.definition());
        } catch (TokenizerFault e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "The tokenizer in %s cannot be loaded: %s. A tokenizer.json of a current tokenizers library is wanted; fetch the file "
                            + "again, or save it anew with transformers.",
                    files.directory().resolve(TokenizerFiles.TOKENIZER),
                    e.getMessage());
        }
    }

    private PostProcessor between(TokenizerFiles.Ends ends) {
        return new PostProcessor(
                ends.bos() ? bosTokenId.stream().boxed().toList() : List.of(),
                ends.eos() ? eosTokenId.stream().boxed().toList() : List.of(),
                false);
    }

    /**
     * The ids of a text.
     *
     * @param addSpecialTokens whether the tokenizer's post-processor adds what it adds (a BOS, as a rule); text that a chat
     *     template rendered has its special tokens already
     */
    public int[] encode(String text, boolean addSpecialTokens) {
        int[] ids = encode(text);
        return addSpecialTokens ? postProcessor.surround(ids) : ids;
    }

    /** The ids of a text that something follows: with what the post-processor puts before a text, without what it puts behind. */
    public int[] encodePrompt(String text) {
        return postProcessor.open(encode(text));
    }

    PostProcessor postProcessor() {
        return postProcessor;
    }

    /** The ids of a text, nothing added, with their places. */
    TokenSpans encodeWithSpans(String text) {
        return inLibrary(text, library::encodeWithSpans);
    }

    private int[] encode(String text) {
        return inLibrary(text, library::encode);
    }

    private <T> T inLibrary(String text, Function<String, T> encode) {
        requireLength(text);
        requireWellFormed(text);
        int permits = 1 + text.length() / CHARACTERS_A_PERMIT;
        IN_LIBRARY.acquireUninterruptibly(permits);
        useLock.readLock().lock();
        try {
            requireOpen();
            return encode.apply(text);
        } catch (TokenizerFault e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "The tokenizer in %s cannot tokenize a text of %d characters that begins with '%s': %s. Correct its unk_token, vocabulary "
                            + "or rules for words, save it anew with transformers, or remove the text.",
                    directory.resolve(TokenizerFiles.TOKENIZER),
                    text.length(),
                    PrintableText.excerpt(text),
                    PrintableText.excerpt(e.reason()));
        } finally {
            useLock.readLock().unlock();
            IN_LIBRARY.release(permits);
        }
    }

    /** {@link #encode} of each; what all of them begin with is tokenized once where the tokenizer is known to allow it. */
    public List<int[]> encodeBatch(List<String> texts, boolean addSpecialTokens) {
        List<int[]> ids = encodeAll(texts);
        return addSpecialTokens ? ids.stream().map(postProcessor::surround).toList() : ids;
    }

    private List<int[]> encodeAll(List<String> texts) {
        int cut = cutsAtWords && texts.size() > 1 ? WordBoundary.lastShared(texts) : 0;
        if (cut == 0) {
            return texts.stream().map(this::encode).toList();
        }
        texts.forEach(Tokenizer::requireLength);
        int[] shared = encode(texts.getFirst().substring(0, cut));
        return texts.stream()
                .map(text -> Ids.concat(shared, encode(text.substring(cut))))
                .toList();
    }

    public String decode(int[] ids, boolean skipSpecialTokens) {
        useLock.readLock().lock();
        try {
            requireOpen();
            String text = library.decode(ids, skipSpecialTokens);
            return cleanUpSpaces ? cleanUpSpaces(text) : text;
        } catch (TokenizerFault e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "The tokenizer in %s cannot turn %d ids back into text: %s. Correct its decoder, or save it anew with transformers.",
                    directory.resolve(TokenizerFiles.TOKENIZER),
                    ids.length,
                    PrintableText.excerpt(e.reason()));
        } finally {
            useLock.readLock().unlock();
        }
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the tokenizer is closed");
        }
    }

    public OptionalInt bosTokenId() {
        return bosTokenId;
    }

    public OptionalInt eosTokenId() {
        return eosTokenId;
    }

    public OptionalInt padTokenId() {
        return padTokenId;
    }

    /** The text of the end token, e.g. {@code </s>}. */
    public Optional<String> eosToken() {
        return Optional.ofNullable(specialTokens.get("eos_token"));
    }

    public Optional<ChatTemplate> chatTemplate() {
        return chatTemplate;
    }

    /** The one for a row with these variables, which may bring a template of its own where the tokenizer has none. */
    public Optional<ChatTemplate> chatTemplateFor(Map<String, Object> variables) {
        return variables.get(TemplateVariables.TEMPLATE) instanceof String
                ? Optional.of(chatTemplate.orElse(ofRowsAlone))
                : chatTemplate;
    }

    public Path directory() {
        return directory;
    }

    /** Idempotent; waits for calls on other threads. */
    @Override
    public void close() {
        useLock.writeLock().lock();
        try {
            closed = true;
            library.close();
        } finally {
            useLock.writeLock().unlock();
        }
    }

    /** A special token is declared in the definition, so that it is one id; anything else is not a special token. */
    private OptionalInt idOf(String name) {
        String token = specialTokens.get(name);
        if (token == null) {
            return OptionalInt.empty();
        }
        int[] ids = encode(token, false);
        if (ids.length != 1) {
            throw MmpoException.data(
                    "%s: %s '%s' is wanted as one token, but the tokenizer splits it into %d. Declare it in added_tokens of %s.",
                    directory.resolve(TokenizerFiles.CONFIG), name, token, ids.length, TokenizerFiles.TOKENIZER);
        }
        return OptionalInt.of(ids[0]);
    }

    private static void requireLength(String text) {
        if (text.length() > MAX_CHARACTERS) {
            throw MmpoException.data(
                    "A text to tokenize may have %d characters, this one has %d. Cut it to pieces, or remove it.",
                    MAX_CHARACTERS, text.length());
        }
    }

    /** A lone surrogate (JSON can spell one as an escape) is no character and has no UTF-8 form. */
    private static void requireWellFormed(String text) {
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            if (!Character.isSurrogate(c)) {
                continue;
            }
            if (Character.isHighSurrogate(c) && i + 1 < text.length() && Character.isLowSurrogate(text.charAt(i + 1))) {
                i++;
            } else {
                throw MmpoException.data(
                        "Text to tokenize must be Unicode, but holds half of a surrogate pair (\\u%04x) after '%s'. Correct or remove it.",
                        (int) c, PrintableText.excerpt(text.substring(Math.max(0, i - 20), i)));
            }
        }
    }

    /** As transformers' clean_up_tokenization, in its order. */
    private static String cleanUpSpaces(String text) {
        return text.replace(" .", ".")
                .replace(" ?", "?")
                .replace(" !", "!")
                .replace(" ,", ",")
                .replace(" ' ", "'")
                .replace(" n't", "n't")
                .replace(" 'm", "'m")
                .replace(" 's", "'s")
                .replace(" 've", "'ve")
                .replace(" 're", "'re");
    }
}
