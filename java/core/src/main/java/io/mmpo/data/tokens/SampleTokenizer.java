package io.mmpo.data.tokens;

import io.mmpo.MmpoException;
import io.mmpo.data.rows.Sample;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Turns samples into token ids as TRL 1.13 does. A conversation is what the chat template renders, nothing added; plain text is
 * prompt + completion tokenized together, with the end token's text after a completion that does not end in it. A completion's
 * ids are those that follow the prompt's.
 */
final class SampleTokenizer {
    /**
     * @param whole no part of the sample is a prompt
     * @param parting why prompt and completions were tokenized apart, if they were
     */
    record Encoded(int[] prompt, int[][] completions, boolean whole, Parting parting) {}

    /** Why the ids of prompt and completion together do not begin with those of the prompt. */
    enum Parting {
        NONE,
        /** A token spans the place between them. */
        TOKEN_SPANS,
        /** Nor does the text: the template opens an answer with what an answer does not have. */
        TEXT_DIFFERS
    }

    /** Prompt, and prompt + completion, as text. */
    private record Texts(String prompt, List<String> joint) {}

    private final Tokenizer tokenizer;

    SampleTokenizer(Tokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /** Whether a completion says nothing: such a row teaches only to end at once. */
    static boolean hasEmptyCompletion(Sample sample) {
        return switch (sample) {
            case Sample.Tokens tokens -> Arrays.stream(tokens.completions()).anyMatch(ids -> ids.length == 0);
            case Sample.Text text -> text.completions().stream().anyMatch(String::isBlank);
            case Sample.Conversation conversation ->
                conversation.completions().stream()
                        .anyMatch(messages -> messages.stream().allMatch(SampleTokenizer::isEmpty));
        };
    }

    private static boolean isEmpty(Map<String, Object> message) {
        Object content = message.get("content");
        boolean noText = content == null
                || (content instanceof String text && text.isBlank())
                || List.of().equals(content);
        return noText && message.get("tool_calls") == null;
    }

    static Encoded asTheyAre(Sample.Tokens tokens) {
        return new Encoded(tokens.prompt(), tokens.completions(), false, Parting.NONE);
    }

    Encoded encode(Sample sample) {
        return switch (sample) {
            case Sample.Tokens tokens -> asTheyAre(tokens);
            case Sample.Text text -> encodeText(text);
            case Sample.Conversation conversation -> encodeConversation(conversation);
        };
    }

    private Encoded encodeText(Sample.Text text) {
        List<String> completions =
                text.completions().stream().map(this::withEndToken).toList();
        if (text.prompt().isEmpty()) {
            return whole(tokenizer.encode(completions.getFirst(), true));
        }
        String prompt = text.prompt().get();
        return split(new Texts(prompt, completions.stream().map(prompt::concat).toList()), true);
    }

    private String withEndToken(String completion) {
        String end = tokenizer
                .eosToken()
                .orElseThrow(() -> MmpoException.data(
                        "plain text is ended with the tokenizer's end token, but %s names no eos_token; add it there, or use rows of messages.",
                        tokenizer.directory().resolve(TokenizerFiles.CONFIG)));
        return completion.endsWith(end) ? completion : completion + end;
    }

    private Encoded encodeConversation(Sample.Conversation conversation) {
        Map<String, Object> variables = conversation.variables();
        ChatTemplate template = templateFor(conversation, tokenizer);
        if (conversation.prompt().isEmpty()) {
            String text = template.render(conversation.completions().getFirst(), false, variables);
            return whole(tokenizer.encode(text, false));
        }
        List<Map<String, Object>> prompt = conversation.prompt().get();
        List<String> joint = new ArrayList<>();
        for (List<Map<String, Object>> completion : conversation.completions()) {
            List<Map<String, Object>> messages = new ArrayList<>(prompt);
            messages.addAll(completion);
            joint.add(template.render(messages, false, variables));
        }
        return split(new Texts(prompt.isEmpty() ? "" : template.render(prompt, true, variables), joint), false);
    }

    static ChatTemplate templateFor(Sample.Conversation conversation, Tokenizer tokenizer) {
        return tokenizer
                .chatTemplateFor(conversation.variables())
                .orElseThrow(() -> MmpoException.data(
                        "the row has messages, but the tokenizer in %s has no chat template (%s beside it, or chat_template in %s). Name one with "
                                + "chat_template_path, or use rows of plain text.",
                        tokenizer.directory(), TemplateFiles.FILE, TokenizerFiles.CONFIG));
    }

    static Encoded whole(int[] ids) {
        return new Encoded(new int[0], new int[][] {ids}, true, Parting.NONE);
    }

    /**
     * The joint ids, cut where the prompt's end; apart where a token spans that place. What a post-processor puts behind a text
     * stands behind the completion alone.
     */
    private Encoded split(Texts texts, boolean addSpecialTokens) {
        List<String> all = new ArrayList<>(List.of(texts.prompt()));
        all.addAll(texts.joint());
        List<int[]> ids = tokenizer.encodeBatch(all, false);
        PostProcessor ends = addSpecialTokens ? tokenizer.postProcessor() : PostProcessor.NOTHING;
        int[] prompt = ids.getFirst();
        int[][] completions = new int[texts.joint().size()][];
        for (int i = 0; i < completions.length; i++) {
            Optional<int[]> rest = after(prompt, ids.get(i + 1));
            if (rest.isEmpty()) {
                return apart(texts, ends);
            }
            completions[i] = ends.close(rest.get());
        }
        return new Encoded(ends.open(prompt), completions, false, Parting.NONE);
    }

    private static Optional<int[]> after(int[] prefix, int[] ids) {
        boolean begins =
                ids.length >= prefix.length && Arrays.mismatch(prefix, 0, prefix.length, ids, 0, prefix.length) < 0;
        return begins ? Optional.of(Arrays.copyOfRange(ids, prefix.length, ids.length)) : Optional.empty();
    }

    /**
     * Some templates open the assistant's turn with text that a finished turn does not have (an empty thought, say): the prompt is
     * then cut to what all texts begin with.
     */
    private Encoded apart(Texts texts, PostProcessor ends) {
        int shared = texts.prompt().length();
        for (String joint : texts.joint()) {
            shared = Math.min(shared, commonPrefix(texts.prompt(), joint));
        }
        int end = shared;
        int[] prompt = ends.open(tokenizer.encode(texts.prompt().substring(0, end), false));
        int[][] completions = texts.joint().stream()
                .map(joint -> ends.close(tokenizer.encode(joint.substring(end), false)))
                .toArray(int[][]::new);
        Parting parting = end < texts.prompt().length() ? Parting.TEXT_DIFFERS : Parting.TOKEN_SPANS;
        return new Encoded(prompt, completions, false, parting);
    }

    /** In chars, never inside a surrogate pair. */
    static int commonPrefix(String a, String b) {
        int i = 0;
        while (i < a.length() && i < b.length() && a.charAt(i) == b.charAt(i)) {
            i++;
        }
        return i > 0 && Character.isHighSurrogate(a.charAt(i - 1)) ? i - 1 : i;
    }
}
