package io.mmpo.data;

import io.mmpo.MmpoException;
import io.mmpo.data.template.JinjaTemplate;
import io.mmpo.data.template.TemplateException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** A model's chat template: messages to the text that the model was trained on. Safe for use by several threads. */
public final class ChatTemplate {
    private final JinjaTemplate template;
    private final String origin;
    private final Map<String, String> specialTokens;

    private final String source;

    private ChatTemplate(JinjaTemplate template, String source, String origin, Map<String, String> specialTokens) {
        this.template = template;
        this.source = source;
        this.origin = origin;
        this.specialTokens = specialTokens;
    }

    /**
     * @param origin where the template stands, for messages
     * @param specialTokens variables {@code bos_token}, {@code eos_token} and so on
     */
    static ChatTemplate compile(String source, String origin, Map<String, String> specialTokens) {
        try {
            return new ChatTemplate(JinjaTemplate.compile(source), source, origin, Map.copyOf(specialTokens));
        } catch (TemplateException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "The chat template in %s cannot be used: %s. Correct it, or name another one with chat_template_path.",
                    origin,
                    e.getMessage());
        }
    }

    /** The Jinja text. */
    public String source() {
        return source;
    }

    /** Whether the word stands anywhere in it. */
    boolean mentions(String word) {
        return source.contains(word);
    }

    /**
     * The text of a conversation.
     *
     * @param messages mappings with {@code role} and {@code content}
     * @param addGenerationPrompt whether the text ends with what opens the assistant's turn
     */
    public String render(List<Map<String, Object>> messages, boolean addGenerationPrompt) {
        return render(messages, addGenerationPrompt, Map.of());
    }

    /**
     * The text of a conversation.
     *
     * @param variables more of them, which win over special tokens of the same name
     */
    public String render(
            List<Map<String, Object>> messages, boolean addGenerationPrompt, Map<String, Object> variables) {
        Map<String, Object> all = new HashMap<>(specialTokens);
        all.put("tools", null); // defined, as transformers has them
        all.put("documents", null);
        all.putAll(variables);
        all.put("messages", messages);
        all.put("add_generation_prompt", addGenerationPrompt);
        try {
            return template.render(all);
        } catch (TemplateException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "The chat template in %s does not render these messages: %s. Correct the messages or the template (another one is "
                            + "named with chat_template_path).",
                    origin,
                    e.getMessage());
        }
    }
}
