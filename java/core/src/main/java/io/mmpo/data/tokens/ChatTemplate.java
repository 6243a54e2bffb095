package io.mmpo.data.tokens;

import io.mmpo.MmpoException;
import io.mmpo.data.rows.TemplateVariables;
import io.mmpo.data.template.JinjaTemplate;
import io.mmpo.data.template.MarkedText;
import io.mmpo.data.template.TemplateException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A model's chat template: messages to the text that the model was trained on. A tokenizer may have several by name; which one
 * renders a conversation is decided as transformers decides it: the one that the row's {@code chat_template} names (or is), else
 * {@code tool_use} where there are tools, else {@code default}. Safe for use by several threads.
 */
public final class ChatTemplate {
    /** The variable that names, or is, the template itself. */
    private static final String TOOL_USE = "tool_use";

    /** Rows may bring templates of their own; so many are kept compiled. */
    private static final int MAX_COMPILED = 64;

    private final Map<String, TemplateFiles.Source> sources;
    private final Map<String, String> specialTokens;
    private final Map<TemplateFiles.Source, JinjaTemplate> compiled = new ConcurrentHashMap<>();

    /**
     * @param sources templates by name; without any, rows bring theirs
     * @param specialTokens variables {@code bos_token}, {@code eos_token} and so on
     */
    ChatTemplate(Map<String, TemplateFiles.Source> sources, Map<String, String> specialTokens) {
        this.sources = Map.copyOf(sources);
        this.specialTokens = Map.copyOf(specialTokens);
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
     * @param variables more of them, which win over special tokens of the same name; {@code tools} and {@code chat_template}
     *     choose the template
     */
    public String render(
            List<Map<String, Object>> messages, boolean addGenerationPrompt, Map<String, Object> variables) {
        return renderMarked(messages, addGenerationPrompt, variables).text();
    }

    /** The same, with the places of the assistant's text where the template marks them. */
    MarkedText renderMarked(
            List<Map<String, Object>> messages, boolean addGenerationPrompt, Map<String, Object> variables) {
        TemplateFiles.Source source = choose(variables);
        Map<String, Object> all = new HashMap<>(specialTokens);
        all.put("tools", null); // defined, as transformers has them
        all.put("documents", null);
        all.putAll(variables);
        all.remove(TemplateVariables.TEMPLATE);
        all.put("messages", messages);
        all.put("add_generation_prompt", addGenerationPrompt);
        try {
            return compile(source).renderMarked(all);
        } catch (TemplateException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "The chat template in %s does not render these messages: %s. Correct the messages or the template (another one is "
                            + "named with chat_template_path).",
                    source.origin(),
                    e.getMessage());
        }
    }

    /** Throws where the template that renders a row with these variables never says which text is the assistant's. */
    void requireMarks(Map<String, Object> variables) {
        TemplateFiles.Source source = choose(variables);
        if (!compile(source).marksGeneration()) {
            throw MmpoException.data(
                    "assistant_only_loss wants a chat template that says which text is the assistant's, between {%% generation %%} and"
                            + " {%% endgeneration %%}, and the one in %s does not. Name one that does with chat_template_path, or write"
                            + " assistant_only_loss: false.",
                    source.origin());
        }
    }

    /** Whether the template that renders a row with these variables never looks at this one. */
    boolean ignores(String variable, Map<String, Object> variables) {
        return !compile(choose(variables)).reads(variable);
    }

    private TemplateFiles.Source choose(Map<String, Object> variables) {
        if (variables.get(TemplateVariables.TEMPLATE) instanceof String named) {
            return sources.getOrDefault(
                    named, new TemplateFiles.Source(named, "the row's chat_template_kwargs.chat_template"));
        }
        TemplateFiles.Source forTools = variables.get("tools") == null ? null : sources.get(TOOL_USE);
        return forTools != null ? forTools : orDefault(sources.get(TemplateFiles.DEFAULT));
    }

    private TemplateFiles.Source orDefault(TemplateFiles.@Nullable Source source) {
        if (source == null) {
            throw MmpoException.data(
                    "the tokenizer has the chat templates %s, and none is named default, which this row needs. Name a template with "
                            + "chat_template_path.",
                    String.join(", ", new TreeSet<>(sources.keySet())));
        }
        return source;
    }

    private JinjaTemplate compile(TemplateFiles.Source source) {
        JinjaTemplate known = compiled.get(source);
        if (known != null) {
            return known;
        }
        JinjaTemplate template;
        try {
            template = JinjaTemplate.compile(source.text());
        } catch (TemplateException e) {
            throw MmpoException.of(
                    MmpoException.Kind.DATA,
                    e,
                    "The chat template in %s cannot be used: %s. Correct it, or name another one with chat_template_path.",
                    source.origin(),
                    e.getMessage());
        }
        if (compiled.size() < MAX_COMPILED) {
            compiled.put(source, template);
        }
        return template;
    }
}
