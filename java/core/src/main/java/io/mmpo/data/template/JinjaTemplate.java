package io.mmpo.data.template;

import java.util.Map;

/**
 * A Jinja2 template, compiled once and rendered many times, by any number of threads, to the text that Jinja2 makes of it in
 * an environment. It runs in a sandbox: it sees only the values it is given, reads no file, reaches no Java object,
 * and is stopped by limits on time, statements, memory and depth ({@link RenderLimits}).
 */
public final class JinjaTemplate {
    /** Characters of a template itself. */
    static final int MAX_SOURCE = 1 << 20;

    static final long MAX_RENDER_MILLIS = 20_000;

    /** Macros, and loops that call themselves, inside each other. */
    static final int MAX_CALL_DEPTH = 50;

    private final TemplateParser.Parsed parsed;
    private final JinjaEnvironment environment;

    private JinjaTemplate(TemplateParser.Parsed parsed, JinjaEnvironment environment) {
        this.parsed = parsed;
        this.environment = environment;
    }

    /** Reads a chat template. */
    public static JinjaTemplate compile(String template) {
        return compile(template, JinjaEnvironment.CHAT);
    }

    /**
     * Reads a template.
     *
     * @throws TemplateException if it is none
     */
    public static JinjaTemplate compile(String template, JinjaEnvironment environment) {
        if (template.length() > MAX_SOURCE) {
            throw new TemplateException(
                    "a template of " + template.length() + " characters is over the limit of " + MAX_SOURCE);
        }
        try {
            return new JinjaTemplate(TemplateParser.parse(template, environment), environment);
        } catch (StackOverflowError e) {
            throw new TemplateException("it is nested too deeply", e);
        }
    }

    /** Whether it looks at the variable anywhere. */
    public boolean reads(String variable) {
        return parsed.names().contains(variable);
    }

    /** Whether it says which text is the assistant's ({@code {% generation %}}). */
    public boolean marksGeneration() {
        return parsed.marks();
    }

    /**
     * The text that the template makes of its variables.
     *
     * @param variables plain values: String, Number, Boolean, List, Map or null
     * @throws TemplateException if the template refuses them, fails, or breaks a limit
     */
    public String render(Map<String, Object> variables) {
        return render(variables, MAX_RENDER_MILLIS);
    }

    String render(Map<String, Object> variables, long maxMillis) {
        return print(variables, maxMillis).text();
    }

    /** The same text, with the places of what the assistant wrote. */
    public MarkedText renderMarked(Map<String, Object> variables) {
        return print(variables, MAX_RENDER_MILLIS);
    }

    private MarkedText print(Map<String, Object> variables, long maxMillis) {
        RenderLimits.begin(maxMillis);
        try {
            Output page = new Output();
            Scope.Rendering rendering = new Scope.Rendering(environment, page);
            parsed.body().run(Scope.root(variables, rendering), page);
            return rendering.printed();
        } catch (StackOverflowError e) {
            throw new TemplateException("it calls itself too deeply", e);
        } finally {
            RenderLimits.end();
        }
    }
}
