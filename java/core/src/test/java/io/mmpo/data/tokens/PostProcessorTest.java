package io.mmpo.data.tokens;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import io.mmpo.data.Goldens;
import io.mmpo.data.RowKind;
import io.mmpo.data.TokenizedDataset;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PostProcessorTest {
    private static final String TEMPLATE =
            "{'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'<s>','type_id':0}},{'Sequence':{'id':'A','type_id':0}},"
                    + "{'SpecialToken':{'id':'</s>','type_id':0}}],'special_tokens':{'<s>':{'ids':[1]},'</s>':{'ids':[2, 3]}}}";
    private static final String ROBERTA = "{'type':'RobertaProcessing','sep':['</s>',2],'cls':['<s>',1]}";

    private static PostProcessor read(String json) throws IOException {
        return PostProcessor.of(TokenizerJson.MAPPER.readTree(json.replace('\'', '"')), Path.of("tokenizer.json"));
    }

    @Test
    void surroundsAText() throws IOException {
        assertThat(read(TEMPLATE).surround(new int[] {7})).containsExactly(1, 7, 2, 3);
        assertThat(read(ROBERTA).surround(new int[] {7})).containsExactly(1, 7, 2);
        assertThat(read("null").surround(new int[] {7})).containsExactly(7);
        assertThat(read("{'type':'ByteLevel'}").surround(new int[] {7})).containsExactly(7);
    }

    /** As tokenizers 0.23 does it. */
    @Test
    void laterProcessorsSurroundEarlierOnes() throws IOException {
        assertThat(read("{'type':'Sequence','processors':[" + ROBERTA + "," + TEMPLATE + "]}")
                        .surround(new int[] {7}))
                .containsExactly(1, 1, 7, 2, 2, 3);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{'type':'Nonsense'}",
                "{'type':'TemplateProcessing','single':[]}",
                "{'type':'TemplateProcessing','single':[{'Sequence':{'id':'A'}},{'Sequence':{'id':'A'}}]}",
                "{'type':'TemplateProcessing','single':[{'Sequence':{'id':'B'}}]}",
                "{'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'x'}},{'Sequence':{'id':'A'}}],'special_tokens':{}}",
                "{'type':'BertProcessing','sep':['</s>',4294967296],'cls':['<s>',1]}",
                "{'type':'Sequence','processors':[" + TEMPLATE + "," + TEMPLATE + "]}"
            })
    void whatTheLibraryBreaksDownOverIsRefused(String json) {
        assertThatThrownBy(() -> read(json))
                .isInstanceOfSatisfying(
                        MmpoException.class, e -> assertThat(e.kind()).isEqualTo(MmpoException.Kind.DATA))
                .hasMessageContaining("post_processor");
    }

    @Test
    void noEndTokenStandsBeforeAnAnswer() {
        Path report = Goldens.path("reports/20-post-processor-eos");
        try (Tokenizer tokenizer = Tokenizer.open(report.resolve("model_pp"), Optional.empty());
                TokenizedDataset pairs = RowKind.PREFERENCE.open(
                        report.resolve("rows.jsonl"), () -> tokenizer, TokenizationOptions.UNLIMITED)) {
            TokenizedGroup pair = pairs.get(0);
            assertThat(pair.prompt()).containsExactly(1, 403, 407, 261, 378);
            int[] joint = tokenizer.encode("Once upon a time there was a dog.</s>", true);
            assertThat(Ids.concat(pair.prompt(), pair.completions()[0])).isEqualTo(joint);
            assertThat(pairs.summary().boundaryMerges()).isZero();
            assertThat(tokenizer.encodePrompt("Once upon a time")).isEqualTo(pair.prompt());
        }
    }
}
