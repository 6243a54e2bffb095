package io.mmpo.data.tokens;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.MmpoException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * The class that transformers 5 makes a tokenizer of. Most take tokenizer.json as it is; these take its vocabulary and merges
 * (and its post_processor) and bring their own normalizer, rule for words and decoder, whatever the file has.
 */
enum TokenizerClass {
    /** PreTrainedTokenizerFast by another name, and every class that transformers does not know. */
    TOKENIZERS_BACKEND("TokenizersBackend", Map.of()),
    LLAMA("LlamaTokenizer", Map.of("unk_token", "<unk>", "bos_token", "<s>", "eos_token", "</s>")),
    CODE_LLAMA("CodeLlamaTokenizer", Map.of("unk_token", "<unk>", "bos_token", "<s>", "eos_token", "</s>")),
    GPT2("GPT2Tokenizer", withPadding(endOfText("unk_token", "bos_token", "eos_token"), "")),
    GPT_NEOX("GPTNeoXTokenizer", withPadding(endOfText("unk_token", "bos_token", "eos_token"), "<|padding|>")),
    QWEN2("Qwen2Tokenizer", endOfText("unk_token", "eos_token", "pad_token")),
    QWEN3_5("Qwen3_5Tokenizer", endOfText("unk_token", "eos_token", "pad_token")),
    GEMMA(
            "GemmaTokenizer",
            Map.of(
                    "unk_token",
                    "<unk>",
                    "bos_token",
                    "<bos>",
                    "eos_token",
                    "<eos>",
                    "pad_token",
                    "<pad>",
                    "mask_token",
                    "<mask>")),
    COHERE(
            "CohereTokenizer",
            Map.of(
                    "unk_token",
                    "<UNK>",
                    "bos_token",
                    "<BOS_TOKEN>",
                    "eos_token",
                    "<|END_OF_TURN_TOKEN|>",
                    "pad_token",
                    "<PAD>",
                    "cls_token",
                    "<CLS>",
                    "sep_token",
                    "<SEP>",
                    "mask_token",
                    "<MASK_TOKEN>"));

    private static final Map<String, String> CODE_LLAMA_TOKENS = inOrder(
            "prefix_token",
            "▁<PRE>",
            "middle_token",
            "▁<MID>",
            "suffix_token",
            "▁<SUF>",
            "eot_token",
            "▁<EOT>",
            "fill_token",
            "<FILL_ME>");
    static final String QWEN3_5_WORDS =
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

    /** Models of the hub that transformers takes by their tokenizer.json, whatever class they name. */
    private static final Pattern AS_THE_FILE_IS = Pattern.compile(
            "(.*models--)?(deepseek-ai(/|--)(deepseek-r1-distill-llama-|deepseek-coder-)|allenai(/|--)dolma2-tokenizer).*");

    /** Classes of transformers that make a tokenizer of their own, and are not here. */
    private static final Set<String> NOT_HERE = Set.of(
            "Albert",
            "Bart",
            "Barthez",
            "Bartpho",
            "Bert",
            "BertGeneration",
            "BertJapanese",
            "Bertweet",
            "BigBird",
            "BioGpt",
            "Blenderbot",
            "BlenderbotSmall",
            "ByT5",
            "CLIP",
            "CTRL",
            "Camembert",
            "Canine",
            "Clvp",
            "Cpm",
            "CpmAnt",
            "DPRQuestionEncoder",
            "DPRReader",
            "DPRContextEncoder",
            "Deberta",
            "DebertaV2",
            "Dia",
            "DistilBert",
            "Electra",
            "Esm",
            "Esmc",
            "FNet",
            "FSMT",
            "Flaubert",
            "Funnel",
            "GPTNeoXJapanese",
            "GPTSw3",
            "Herbert",
            "LED",
            "Lasr",
            "LayoutLM",
            "LayoutLMv2",
            "LayoutLMv3",
            "LayoutXLM",
            "Longformer",
            "Luke",
            "Lxmert",
            "M2M100",
            "MBart",
            "MBart50",
            "MLuke",
            "MPNet",
            "Marian",
            "MarkupLM",
            "Mgpstr",
            "MobileBert",
            "Mvp",
            "MyT5",
            "Nllb",
            "Nougat",
            "OpenAIGPT",
            "PLBart",
            "Parakeet",
            "Pegasus",
            "Perceiver",
            "Phobert",
            "ProphetNet",
            "Rag",
            "Reformer",
            "RemBert",
            "RoCBert",
            "RoFormer",
            "Roberta",
            "SeamlessM4T",
            "Siglip",
            "Siglip2",
            "Speech2Text",
            "SpeechT5",
            "Splinter",
            "SqueezeBert",
            "T5",
            "Tapas",
            "Udop",
            "VideoPrism",
            "Vits",
            "Wav2Vec2CTC",
            "Wav2Vec2Phoneme",
            "Whisper",
            "XGLM",
            "XLM",
            "XLMRoberta",
            "XLNet");

    private final String className;
    private final Map<String, String> specialTokens;

    TokenizerClass(String className, Map<String, String> specialTokens) {
        this.className = className;
        this.specialTokens = specialTokens;
    }

    /** config.json's model_type and tokenizer_config.json's tokenizer_class decide; a name may end in Fast. */
    static TokenizerClass of(Path directory, JsonNode config) {
        JsonNode model = TokenizerJson.readOptionalObject(directory.resolve(TokenizerFiles.MODEL));
        String hubName = directory.toString().toLowerCase(Locale.ROOT);
        if (config.path("auto_map").isMissingNode()
                && AS_THE_FILE_IS.matcher(hubName).matches()) {
            return TOKENIZERS_BACKEND;
        }
        switch (model.path("model_type").asText()) {
            case "mistral" -> {
                return TOKENIZERS_BACKEND;
            }
            case "qwen2" -> {
                return QWEN2;
            }
            default -> {}
        }
        String name = config.path("tokenizer_class").asText("");
        if (name.isEmpty() || name.equals("null")) {
            name = model.path("tokenizer_class").asText("");
        }
        String stem = name.endsWith("Fast") ? name.substring(0, name.length() - "Fast".length()) : name;
        if (stem.endsWith("Tokenizer") && NOT_HERE.contains(stem.substring(0, stem.length() - "Tokenizer".length()))) {
            throw MmpoException.data(
                    "%s: tokenizer_class is %s, of which transformers makes another tokenizer than %s describes, and which is not made "
                            + "here. Save what transformers makes, AutoTokenizer.from_pretrained(...).backend_tokenizer.save(\"%s\"), and set "
                            + "tokenizer_class to PreTrainedTokenizerFast.",
                    directory.resolve(TokenizerFiles.CONFIG), name, TokenizerFiles.TOKENIZER, TokenizerFiles.TOKENIZER);
        }
        return Arrays.stream(values())
                .filter(known -> known.className.equals(stem))
                .findFirst()
                .orElse(TOKENIZERS_BACKEND);
    }

    /** What a special token is where no file names it; empty: none, whatever tokenizer.json pads with. */
    Map<String, String> specialTokens() {
        return specialTokens;
    }

    Map<String, String> modelSpecificTokens() {
        return this == CODE_LLAMA ? CODE_LLAMA_TOKENS : Map.of();
    }

    boolean takesFileAsItIs() {
        return this == TOKENIZERS_BACKEND;
    }

    /** The tokenizer that this class makes: added tokens and post-processor aside, as a tokenizer.json. */
    TokenizerJson rebuild(TokenizerJson file, JsonNode config, TokenNames names) {
        String type = file.outline().path("model").path("type").asText("BPE");
        if (!type.equals("BPE") || !file.vocab().startsWith("{")) {
            throw MmpoException.data(
                    "%s: a BPE model is wanted by %s, the tokenizer_class, found %s. Set tokenizer_class to PreTrainedTokenizerFast to "
                            + "use the file as it is.",
                    file.file(), className, type);
        }
        ObjectNode outline = parts(config, names);
        outline.put("version", "1.0");
        String head = outline.path("model").toString();
        String merges = file.merges().isEmpty() ? "[]" : file.merges();
        String model =
                head.substring(0, head.length() - 1) + ",\"vocab\":" + file.vocab() + ",\"merges\":" + merges + "}";
        return new TokenizerJson(file.file(), outline, model, file.vocab(), merges);
    }

    private ObjectNode parts(JsonNode config, TokenNames names) {
        JsonNode prefix = config.path("add_prefix_space");
        boolean space = prefix.isBoolean() && prefix.booleanValue();
        boolean spaceUnlessNot = !prefix.isBoolean() || prefix.booleanValue();
        return switch (this) {
            case TOKENIZERS_BACKEND -> throw new IllegalStateException("is not rebuilt");
            case LLAMA -> {
                String scheme = config.path("legacy").asBoolean(false) ? "always" : "first";
                yield sentencePieces(spaceUnlessNot ? scheme : "never", spaceUnlessNot, "");
            }
            case CODE_LLAMA -> sentencePieces(spaceUnlessNot ? "first" : "never", true, unknown(names));
            case GPT2 -> bytes("", byteLevel(space, true));
            case GPT_NEOX -> bytes("NFC", byteLevel(space, true));
            case QWEN2 -> bytes("NFC", sequence("pretokenizers", words(WordBoundary.QWEN2), byteLevel(space, false)));
            case QWEN3_5 -> bytes("NFC", sequence("pretokenizers", words(QWEN3_5_WORDS), byteLevel(space, false)));
            case COHERE ->
                bytes(
                        "NFC",
                        sequence(
                                "pretokenizers",
                                json("{'type':'Digits','individual_digits':true}"),
                                byteLevel(space, true)));
            case GEMMA -> gemma(unknown(names));
        };
    }

    private static String unknown(TokenNames names) {
        AddedToken unknown = names.named().get("unk_token");
        return unknown == null ? "" : unknown.content();
    }

    /** Byte-pair merges as SentencePiece makes them: spaces are ▁, what the vocabulary lacks is bytes. */
    private static ObjectNode sentencePieces(String prependScheme, boolean strip, String unknown) {
        ObjectNode metaspace = json("{'type':'Metaspace','replacement':'▁','split':false}");
        ObjectNode parts = TokenizerJson.MAPPER.createObjectNode();
        parts.set("pre_tokenizer", metaspace.put("prepend_scheme", prependScheme));
        parts.set("decoder", pieceDecoder(strip));
        parts.set("model", pieceModel(unknown));
        return parts;
    }

    private static ObjectNode gemma(String unknown) {
        ObjectNode parts = TokenizerJson.MAPPER.createObjectNode();
        parts.set("normalizer", json("{'type':'Replace','pattern':{'String':' '},'content':'▁'}"));
        parts.set(
                "pre_tokenizer",
                json("{'type':'Split','pattern':{'String':' '},'behavior':'MergedWithPrevious','invert':false}"));
        parts.set("decoder", pieceDecoder(false));
        parts.set("model", pieceModel(unknown));
        return parts;
    }

    private static ObjectNode pieceModel(String unknown) {
        ObjectNode model =
                json("{'type':'BPE','dropout':null,'fuse_unk':true,'byte_fallback':true,'ignore_merges':false}");
        return unknown.isEmpty() ? model : model.put("unk_token", unknown);
    }

    private static ObjectNode pieceDecoder(boolean strip) {
        ObjectNode replace = json("{'type':'Replace','pattern':{'String':'▁'},'content':' '}");
        ObjectNode bytes = json("{'type':'ByteFallback'}");
        ObjectNode fuse = json("{'type':'Fuse'}");
        return strip
                ? sequence("decoders", replace, bytes, fuse, json("{'type':'Strip','content':' ','start':1,'stop':0}"))
                : sequence("decoders", replace, bytes, fuse);
    }

    private static ObjectNode bytes(String normalizer, ObjectNode preTokenizer) {
        ObjectNode parts = TokenizerJson.MAPPER.createObjectNode();
        if (!normalizer.isEmpty()) {
            parts.putObject("normalizer").put("type", normalizer);
        }
        parts.set("pre_tokenizer", preTokenizer);
        parts.set("decoder", json("{'type':'ByteLevel','add_prefix_space':true,'trim_offsets':true,'use_regex':true}"));
        parts.set(
                "model",
                json(
                        "{'type':'BPE','dropout':null,'continuing_subword_prefix':'','end_of_word_suffix':'','fuse_unk':false,"
                                + "'byte_fallback':false,'ignore_merges':false}"));
        return parts;
    }

    private static ObjectNode byteLevel(boolean addPrefixSpace, boolean useRegex) {
        return json("{'type':'ByteLevel','trim_offsets':true}")
                .put("add_prefix_space", addPrefixSpace)
                .put("use_regex", useRegex);
    }

    private static ObjectNode words(String rule) {
        ObjectNode split = json("{'type':'Split','behavior':'Isolated','invert':false}");
        split.putObject("pattern").put("Regex", rule);
        return split;
    }

    private static ObjectNode sequence(String name, ObjectNode... steps) {
        ObjectNode sequence = json("{'type':'Sequence'}");
        ArrayNode members = sequence.putArray(name);
        List.of(steps).forEach(members::add);
        return sequence;
    }

    private static ObjectNode json(String text) {
        try {
            return (ObjectNode) TokenizerJson.MAPPER.readTree(text.replace('\'', '"'));
        } catch (JsonProcessingException e) {
            throw new AssertionError(text, e);
        }
    }

    private static Map<String, String> endOfText(String... names) {
        Map<String, String> tokens = new LinkedHashMap<>();
        for (String name : names) {
            tokens.put(name, "<|endoftext|>");
        }
        return tokens;
    }

    private static Map<String, String> withPadding(Map<String, String> tokens, String padding) {
        tokens.put("pad_token", padding);
        return tokens;
    }

    private static Map<String, String> inOrder(String... namesAndTokens) {
        Map<String, String> tokens = new LinkedHashMap<>();
        for (int i = 0; i < namesAndTokens.length; i += 2) {
            tokens.put(namesAndTokens[i], namesAndTokens[i + 1]);
        }
        return tokens;
    }
}
