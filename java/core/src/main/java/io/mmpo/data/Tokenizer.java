package io.mmpo.data;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import io.mmpo.MmpoException;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

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

    private final HuggingFaceTokenizer library;
    private final Path directory;
    private final Map<String, String> specialTokens;
    private final boolean cleanUpSpaces;
    private final boolean cutsAtWords;
    /** Whether the post-processor, too, leaves the ids of a text's end at the end. */
    private final boolean cutsWithSpecialTokens;

    private final Optional<ChatTemplate> chatTemplate;
    private final ChatTemplate ofRowsAlone;
    private final OptionalInt bosTokenId;
    private final OptionalInt eosTokenId;
    private final OptionalInt padTokenId;
    /** Held shared by every call, so that close waits for calls under way: the native object must outlive them. */
    private final ReadWriteLock useLock = new ReentrantReadWriteLock();

    private Tokenizer(HuggingFaceTokenizer library, TokenizerFiles files) {
        this.library = library;
        this.directory = files.directory();
        this.specialTokens = files.specialTokens();
        this.cleanUpSpaces = files.cleanUpSpaces();
        this.cutsAtWords = files.cutsAtWords();
        this.cutsWithSpecialTokens = cutsAtWords && addsNothingBehind();
        this.ofRowsAlone = new ChatTemplate(Map.of(), files.specialTokens());
        this.chatTemplate = files.chatTemplates().isEmpty()
                ? Optional.empty()
                : Optional.of(new ChatTemplate(files.chatTemplates(), files.specialTokens()));
        this.bosTokenId = idOf("bos_token");
        this.eosTokenId = idOf("eos_token");
        this.padTokenId = idOf("pad_token");
    }

    /**
     * Reads tokenizer.json, tokenizer_config.json and special_tokens_map.json of a model directory.
     *
     * @param chatTemplatePath a Jinja file that takes the place of the model's own chat template
     */
    public static Tokenizer open(Path modelDirectory, Optional<Path> chatTemplatePath) {
        TokenizerFiles files = TokenizerFiles.read(modelDirectory, chatTemplatePath);
        HuggingFaceTokenizer library = load(files);
        try {
            return new Tokenizer(library, files);
        } catch (RuntimeException e) {
            library.close();
            throw e;
        }
    }

    private static HuggingFaceTokenizer load(TokenizerFiles files) {
        stayOffline();
        try {
            return HuggingFaceTokenizer.newInstance(
                    new ByteArrayInputStream(files.definition().getBytes(StandardCharsets.UTF_8)),
                    Map.of("truncation", "false", "padding", "false"));
        } catch (IOException | RuntimeException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "The tokenizer in %s cannot be loaded: %s. A tokenizer.json of a current tokenizers library is wanted; fetch the file "
                            + "again, or save it anew with transformers.",
                    files.directory().resolve(TokenizerFiles.TOKENIZER),
                    e.getMessage());
        } catch (LinkageError e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "The native tokenizers library could not be loaded: %s. It is unpacked from its jar into ~/.djl.ai (or DJL_CACHE_DIR); "
                            + "make that directory writable, on Linux x86-64 or arm64 with glibc.",
                    e.getMessage());
        }
    }

    /**
     * DJL would look for a CUDA build of the library over the network, and send telemetry. Its jar carries the CPU library, which
     * is all that tokenizing needs.
     */
    private static synchronized void stayOffline() {
        for (Map.Entry<String, String> setting : Map.of(
                        "RUST_FLAVOR", "cpu", "ai.djl.offline", "true", "OPT_OUT_TRACKING", "true")
                .entrySet()) {
            if (System.getProperty(setting.getKey()) == null) {
                System.setProperty(setting.getKey(), setting.getValue());
            }
        }
    }

    /**
     * The ids of a text.
     *
     * @param addSpecialTokens whether the tokenizer's post-processor adds what it adds (a BOS, as a rule); text that a chat
     *     template rendered has its special tokens already
     */
    public int[] encode(String text, boolean addSpecialTokens) {
        requireLength(text);
        requireWellFormed(text);
        int permits = 1 + text.length() / CHARACTERS_A_PERMIT;
        IN_LIBRARY.acquireUninterruptibly(permits);
        try {
            return encodeNow(text, addSpecialTokens);
        } finally {
            IN_LIBRARY.release(permits);
        }
    }

    private int[] encodeNow(String text, boolean addSpecialTokens) {
        useLock.readLock().lock();
        try {
            // The library's own encode() also copies tokens, offsets and masks across JNI, which costs more than
            // tokenizing.
            long encoding = TokenizersLibrary.LIB.encode(library.getHandle(), text, addSpecialTokens);
            try {
                return toInts(TokenizersLibrary.LIB.getTokenIds(encoding));
            } finally {
                TokenizersLibrary.LIB.deleteEncoding(encoding);
            }
        } finally {
            useLock.readLock().unlock();
        }
    }

    /** {@link #encode} of each; what all of them begin with is tokenized once where the tokenizer is known to allow it. */
    public List<int[]> encodeBatch(List<String> texts, boolean addSpecialTokens) {
        boolean mayCut = (addSpecialTokens ? cutsWithSpecialTokens : cutsAtWords) && texts.size() > 1;
        int cut = mayCut ? WordBoundary.lastShared(texts) : 0;
        if (cut == 0) {
            return texts.stream().map(text -> encode(text, addSpecialTokens)).toList();
        }
        texts.forEach(Tokenizer::requireLength);
        int[] shared = encode(texts.getFirst().substring(0, cut), addSpecialTokens);
        return texts.stream()
                .map(text -> concat(shared, encode(text.substring(cut), false)))
                .toList();
    }

    private static int[] concat(int[] a, int[] b) {
        int[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    private boolean addsNothingBehind() {
        int[] alone = encode("a", false);
        int[] surrounded = encode("a", true);
        int before = surrounded.length - alone.length;
        return before >= 0 && Arrays.equals(alone, Arrays.copyOfRange(surrounded, before, surrounded.length));
    }

    public String decode(int[] ids, boolean skipSpecialTokens) {
        useLock.readLock().lock();
        try {
            long[] wide = Arrays.stream(ids).asLongStream().toArray();
            String text = TokenizersLibrary.LIB.decode(library.getHandle(), wide, skipSpecialTokens);
            return cleanUpSpaces ? cleanUpSpaces(text) : text;
        } finally {
            useLock.readLock().unlock();
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
        return variables.get(ChatTemplate.TEMPLATE) instanceof String
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
                        (int) c, Excerpt.of(text.substring(Math.max(0, i - 20), i)));
            }
        }
    }

    private static int[] toInts(long[] ids) {
        int[] narrow = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            narrow[i] = Math.toIntExact(ids[i]);
        }
        return narrow;
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
