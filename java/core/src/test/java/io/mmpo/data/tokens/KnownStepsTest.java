package io.mmpo.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.TextNode;
import io.mmpo.MmpoException;
import io.mmpo.data.Goldens;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class KnownStepsTest {
    private static final Path FILE = Path.of("tokenizer.json");

    private static JsonNode json(String text) throws IOException {
        return TokenizerJson.MAPPER.readTree(text.replace('\'', '"'));
    }

    @ParameterizedTest
    @ValueSource(strings = {"models/smollm2-135m-instruct", "models/stories260k", "data/tokenizers/llama-3.1"})
    void tokenizersOfRealModelsStayInThisProcess(String directory) {
        JsonNode outline = TokenizerJson.read(Goldens.path(directory).resolve("tokenizer.json"))
                .outline();
        assertThat(KnownSteps.doubt(outline, FILE)).isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'pre_tokenizer':{'type':'Split','pattern':{'Regex':'(a|a)*b'}}}",
                "{'pre_tokenizer':{'type':'Sequence','pretokenizers':[{'type':'Digits'},{'type':'Split','pattern':{'Regex':'(a+)+c'}}]}}",
                "{'normalizer':{'type':'Replace','pattern':{'Regex':'(x+)+y'},'content':''}}",
                "{'normalizer':{'type':'SomethingNew'}}",
                "{'pre_tokenizer':{'type':'FixedLength','length':0}}",
                "{'decoder':{'type':'Strip','content':' ','start':1,'stop':1}}",
                "{'model':{'type':'BPE','continuing_subword_prefix':'##'}}"
            })
    void whatIsNotKnownIsDoubted(String tokenizer) throws IOException {
        assertThat(KnownSteps.doubt(json(tokenizer), FILE)).isPresent();
    }

    /** A trie with one block: "a" leads to unit 97 ^ 128, whose value is the place of a replacement. */
    private static byte[] charsmap(int value) {
        ByteBuffer bytes = ByteBuffer.allocate(4 + 256 * 4 + 3).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putInt(256 * 4);
        bytes.putInt(4 + 4 * 'a', 'a' | 0x100 | 128 << 10);
        bytes.putInt(4 + 4 * ('a' ^ 128), value);
        bytes.position(4 + 256 * 4).put(new byte[] {'b', 'c', 0});
        return bytes.array();
    }

    private static void check(byte[] charsmap) {
        Charsmap.check(TextNode.valueOf(Base64.getEncoder().encodeToString(charsmap)), FILE);
    }

    @Test
    void everyWayThroughACharsmapIsWalked() {
        check(charsmap(0));
        check(charsmap(2));
        byte[] outside = charsmap(0);
        outside[4 + 2] = 4; // the first step leads to unit 256
        for (byte[] damaged : new byte[][] {charsmap(9), outside, new byte[3], {-1, -1, -1, -1, 0}}) {
            assertThatThrownBy(() -> check(damaged))
                    .isInstanceOfSatisfying(
                            MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                    .hasMessageContaining("precompiled_charsmap");
        }
    }
}
