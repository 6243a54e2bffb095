package io.mmpo;

import io.mmpo.data.tokens.ChatTemplate;
import io.mmpo.data.tokens.Tokenizer;
import io.mmpo.infer.OpenModel;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Turns what a model is asked into token ids. */
record Prompter(OpenModel model) {
    int[] ofText(String text) {
        return required(tokenizer().encodePrompt(text));
    }

    int[] ofMessages(List<Message> conversation) {
        ChatTemplate template = tokenizer()
                .chatTemplate()
                .orElseThrow(() -> MmpoException.data(
                        "The model %s has no chat template, so it cannot be given messages. Name a template (chatTemplate), or have it"
                                + " continue a text (generate).",
                        model.source().base()));
        List<Map<String, Object>> messages =
                conversation.stream().map(Prompter::variables).toList();
        return required(tokenizer().encode(template.render(messages, true, Map.of()), false));
    }

    private Tokenizer tokenizer() {
        return model.tokenizer().get();
    }

    private static Map<String, Object> variables(Message message) {
        Map<String, Object> variables = new LinkedHashMap<>(); // in this order, which a template may print
        variables.put("role", message.role());
        variables.put("content", message.content());
        return variables;
    }

    private static int[] required(int[] ids) {
        if (ids.length == 0) {
            throw MmpoException.data("The prompt has no tokens; give a text that is not empty.");
        }
        return ids;
    }
}
