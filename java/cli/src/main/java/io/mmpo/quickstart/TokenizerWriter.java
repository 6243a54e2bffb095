package io.mmpo.quickstart;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.files.AtomicFile;
import java.nio.file.Path;
import java.util.List;

/** Writes a byte-level BPE tokenizer with a ChatML template, as transformers and the tokenizers library read it. */
final class TokenizerWriter {
    static final int PAD_TOKEN_ID = 0;
    static final int BOS_TOKEN_ID = 1;
    static final int EOS_TOKEN_ID = 2;

    private static final ObjectMapper JSON = new ObjectMapper();
    /** In the order of their ids. */
    private static final List<String> SPECIAL_TOKENS = List.of("<|endoftext|>", "<|im_start|>", "<|im_end|>");

    private static final String CHAT_TEMPLATE =
            "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}"
                    + "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

    private TokenizerWriter() {}

    /** Returns the number of tokens. */
    static int write(Path directory, List<BytePairTrainer.Merge> merges, int modelMaxLength) {
        ObjectNode tokenizer = JSON.createObjectNode();
        tokenizer.put("version", "1.0").putNull("truncation").putNull("padding");
        addSpecialTokens(tokenizer.putArray("added_tokens"));
        tokenizer.putNull("normalizer");
        tokenizer.set("pre_tokenizer", byteLevel());
        tokenizer.putNull("post_processor");
        tokenizer.set("decoder", byteLevel());
        ObjectNode model = tokenizer.putObject("model");
        model.put("type", "BPE").putNull("dropout").putNull("unk_token").putNull("continuing_subword_prefix");
        model.putNull("end_of_word_suffix")
                .put("fuse_unk", false)
                .put("byte_fallback", false)
                .put("ignore_merges", false);
        int numTokens = addVocabulary(model, merges);
        AtomicFile.write(directory.resolve("tokenizer.json"), tokenizer.toString());
        AtomicFile.write(
                directory.resolve("tokenizer_config.json"),
                config(modelMaxLength).toPrettyString());
        return numTokens;
    }

    private static void addSpecialTokens(ArrayNode tokens) {
        for (int id = 0; id < SPECIAL_TOKENS.size(); id++) {
            ObjectNode token = tokens.addObject();
            token.put("id", id).put("content", SPECIAL_TOKENS.get(id));
            token.put("single_word", false).put("lstrip", false).put("rstrip", false);
            token.put("normalized", false).put("special", true);
        }
    }

    private static ObjectNode byteLevel() {
        ObjectNode part = JSON.createObjectNode();
        return part.put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", true);
    }

    private static int addVocabulary(ObjectNode model, List<BytePairTrainer.Merge> merges) {
        ObjectNode vocabulary = model.putObject("vocab");
        SPECIAL_TOKENS.forEach(token -> vocabulary.put(token, vocabulary.size()));
        BytePairTrainer.alphabet().forEach(token -> vocabulary.put(token, vocabulary.size()));
        ArrayNode pairs = model.putArray("merges");
        for (BytePairTrainer.Merge merge : merges) {
            pairs.addArray().add(merge.left()).add(merge.right());
            // Two merges may spell the same token; it keeps its first id.
            if (!vocabulary.has(merge.token())) {
                vocabulary.put(merge.token(), vocabulary.size());
            }
        }
        return vocabulary.size();
    }

    private static ObjectNode config(int modelMaxLength) {
        ObjectNode config = JSON.createObjectNode();
        config.put("tokenizer_class", "PreTrainedTokenizerFast");
        config.put("bos_token", SPECIAL_TOKENS.get(BOS_TOKEN_ID));
        config.put("eos_token", SPECIAL_TOKENS.get(EOS_TOKEN_ID));
        config.put("pad_token", SPECIAL_TOKENS.get(PAD_TOKEN_ID));
        config.put("clean_up_tokenization_spaces", false).put("model_max_length", modelMaxLength);
        return config.put("chat_template", CHAT_TEMPLATE);
    }
}
