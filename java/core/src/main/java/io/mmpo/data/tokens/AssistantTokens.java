package io.mmpo.data.tokens;

import io.mmpo.MmpoException;
import io.mmpo.data.rows.Sample;
import io.mmpo.data.template.MarkedText;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.Map;

/**
 * Conversations of which the assistant's text alone is learnt, wherever it stands: what the chat template marks, as transformers'
 * {@code return_assistant_tokens_mask} finds the tokens of it. Of a row with a prompt, what stands in the completion.
 */
final class AssistantTokens {
    private final Tokenizer tokenizer;

    AssistantTokens(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    SampleTokenizer.Encoded encode(Sample sample) {
        if (!(sample instanceof Sample.Conversation conversation)) {
            throw MmpoException.data(
                    "assistant_only_loss wants rows of messages, and this row has none. Give messages, or write"
                            + " assistant_only_loss: false.");
        }
        Map<String, Object> variables = conversation.variables();
        ChatTemplate template = SampleTokenizer.templateFor(conversation, tokenizer);
        template.requireMarks(variables);
        List<Map<String, Object>> prompt = conversation.prompt().orElse(List.of());
        List<Map<String, Object>> messages = new ArrayList<>(prompt);
        messages.addAll(conversation.completions().getFirst());
        MarkedText rendered = template.renderMarked(messages, false, variables);
        int begin = prompt.isEmpty()
                ? 0
                : SampleTokenizer.commonPrefix(template.render(prompt, true, variables), rendered.text());
        return SampleTokenizer.whole(marked(rendered, begin));
    }

    /** The ids of the text; those that are not the assistant's, or stand before begin (in chars), are complements. */
    private int[] marked(MarkedText rendered, int begin) {
        String text = rendered.text();
        TokenSpans tokens = trimmed(tokenizer.encodeWithSpans(text), text);
        BitSet learnt = learnt(rendered, tokens);
        int from = text.codePointCount(0, begin);
        int[] ids = tokens.ids().clone();
        for (int i = 0; i < ids.length; i++) {
            if (!learnt.get(i) || tokens.begins()[i] < from) {
                ids[i] = Ids.complement(ids[i]);
            }
        }
        if (Arrays.stream(ids).noneMatch(Ids::isLearnt)) {
            throw MmpoException.data(
                    "assistant_only_loss has nothing to learn from this row: the chat template marks none of its text as the assistant's."
                            + " Remove the row, or correct the template or the roles of its messages.");
        }
        return ids;
    }

    /** From the token of a mark's first character to that of its last; to the end where no token has that. */
    private static BitSet learnt(MarkedText rendered, TokenSpans tokens) {
        BitSet learnt = new BitSet(tokens.size());
        for (MarkedText.Range mark : rendered.marks()) {
            int begin = rendered.text().codePointCount(0, mark.begin());
            int first = tokenAt(begin, tokens);
            if (first < 0) {
                break; // as transformers does, which takes such a mark for one of a text that was cut
            }
            int last = tokenAt(begin + rendered.text().codePointCount(mark.begin(), mark.end()) - 1, tokens);
            learnt.set(first, last > 0 ? last + 1 : tokens.size());
        }
        return learnt;
    }

    /** The first token that a character is part of, or -1. */
    private static int tokenAt(int character, TokenSpans tokens) {
        for (int i = 0; i < tokens.size(); i++) {
            if (tokens.begins()[i] <= character && character < tokens.ends()[i]) {
                return i;
            }
        }
        return -1;
    }

    private TokenSpans trimmed(TokenSpans tokens, String text) {
        if (!tokenizer.postProcessor().trimsSpans()) {
            return tokens;
        }
        int[] characters = text.codePoints().toArray();
        int[] begins = tokens.begins().clone();
        int[] ends = tokens.ends().clone();
        for (int i = 0; i < begins.length; i++) {
            while (begins[i] < ends[i] && characters[begins[i]] == ' ') {
                begins[i]++;
            }
            while (ends[i] > begins[i] && characters[ends[i] - 1] == ' ') {
                ends[i]--;
            }
        }
        return new TokenSpans(tokens.ids(), begins, ends);
    }
}
