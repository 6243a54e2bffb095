package io.mmpo.data.template;

import com.hubspot.jinjava.Jinjava;
import com.hubspot.jinjava.JinjavaConfig;
import com.hubspot.jinjava.LegacyOverrides;
import com.hubspot.jinjava.el.JinjavaProcessors;
import com.hubspot.jinjava.interpret.Context;
import com.hubspot.jinjava.interpret.Context.Library;
import com.hubspot.jinjava.interpret.InterpretException;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.interpret.TemplateError;
import com.hubspot.jinjava.lib.Importable;
import com.hubspot.jinjava.tree.Node;
import com.hubspot.jinjava.tree.output.RenderedOutputNode;
import java.io.IOException;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Collectors;
import jinjava.javax.el.ExpressionFactory;

/**
 * A Jinja2 template, compiled once and rendered many times, by any thread. It runs in a sandbox: it sees only the values it is
 * given, reads no file, reaches no Java object, and is stopped by limits on time, statements, text and recursion.
 */
public final class JinjaTemplate {
    /** Characters of a template itself. */
    static final int MAX_SOURCE = 1 << 20;

    static final long MAX_RENDER_MILLIS = 20_000;
    static final int MAX_MACRO_DEPTH = 50;
    static final int MAX_COLLECTION = 1_000_000;

    private static final Set<String> TAGS = Set.of(
            "if",
            "elif",
            "else",
            "endif",
            "for",
            "endfor",
            "set",
            "endset",
            "macro",
            "endmacro",
            "call",
            "endcall",
            "break",
            "continue",
            "generation",
            "endgeneration");
    private static final Set<String> FUNCTIONS = Set.of(":raise_exception", ":strftime_now", ":range", ":namespace");

    /** Functions are called by name; as variables they are only asked for ("strftime_now is defined"). */
    private static final Map<String, Object> FUNCTION_NAMES =
            FUNCTIONS.stream().collect(Collectors.toMap(name -> name.substring(1), name -> JinjaFunctions.class));

    private static final Jinjava ENGINE = new Engine();

    private final String source;
    /** Parsed trees with their contexts, which are not to be used by two threads at a time. */
    private final Queue<Compiled> idle = new ConcurrentLinkedQueue<>();

    private record Compiled(Context root, Node tree) {}

    private JinjaTemplate(String source) {
        this.source = source;
    }

    /**
     * Reads a template.
     *
     * @throws TemplateException if it is none
     */
    public static JinjaTemplate compile(String template) {
        if (template.length() > MAX_SOURCE) {
            throw new TemplateException(
                    "a template of " + template.length() + " characters is over the limit of " + MAX_SOURCE);
        }
        try {
            JinjaTemplate compiled = new JinjaTemplate(JinjaSource.rewrite(template));
            compiled.idle.add(compiled.parse());
            return compiled;
        } catch (StackOverflowError e) {
            throw new TemplateException("it is nested too deeply", e);
        }
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
        Compiled compiled = idle.poll();
        if (compiled == null) {
            compiled = parse();
        }
        RenderLimits.begin(maxMillis);
        try {
            return render(compiled, variables);
        } finally {
            RenderLimits.end();
            compiled.root().reset();
            idle.add(compiled);
        }
    }

    private static String render(Compiled compiled, Map<String, Object> variables) {
        Map<String, Object> names = new HashMap<>(FUNCTION_NAMES);
        names.putAll(variables);
        Context context =
                new Context(compiled.root(), names, ENGINE.getGlobalConfig().getDisabled());
        JinjavaInterpreter interpreter = new JinjavaInterpreter(ENGINE, context, ENGINE.getGlobalConfig());
        String text;
        try {
            text = interpreter.render(compiled.tree());
        } catch (StackOverflowError e) {
            throw new TemplateException("it calls itself too deeply", e);
        } catch (RuntimeException e) {
            failOnErrors(interpreter);
            throw failure(e, String.valueOf(e.getMessage()));
        }
        failOnErrors(interpreter);
        PythonValues.requireTextLength(text.length());
        return text;
    }

    private Compiled parse() {
        Context root = ENGINE.getGlobalContextCopy();
        Context context = new Context(root, Map.of(), ENGINE.getGlobalConfig().getDisabled());
        context.setExpressionStrategy((expression, interpreter) -> new RenderedOutputNode(
                PythonValues.text(interpreter.resolveELExpression(expression.getExpr(), expression.getLineNumber()))));
        JinjavaInterpreter interpreter = new JinjavaInterpreter(ENGINE, context, ENGINE.getGlobalConfig());
        try {
            Node tree = interpreter.parse(source);
            failOnErrors(interpreter);
            return new Compiled(root, tree);
        } catch (InterpretException e) {
            throw failure(e, String.valueOf(e.getMessage()));
        }
    }

    /** jinjava collects errors and goes on; here the first one counts. */
    private static void failOnErrors(JinjavaInterpreter interpreter) {
        List<TemplateError> errors = interpreter.getErrorsCopy();
        if (!errors.isEmpty()) {
            throw failure(errors.getFirst().getException(), errors.getFirst().getMessage());
        }
    }

    private static TemplateException failure(Throwable error, String message) {
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (cause instanceof TemplateException ours) {
                return ours;
            }
        }
        return new TemplateException(message, error);
    }

    private static final class Engine extends Jinjava {
        private final ExpressionFactory expressions = new JinjaExpressions();

        Engine() {
            super(config());
            setResourceLocator((name, encoding, interpreter) -> {
                throw new IOException("a chat template reads no files");
            });
            JinjaFilters.all().forEach(this::registerFilter);
            JinjaTests.all().forEach(this::registerExpTest);
            JinjaFunctions.all().forEach(this::registerFunction);
            registerTag(new JinjaTags.If());
            registerTag(new JinjaTags.For());
            registerTag(new JinjaTags.Generation());
        }

        @Override
        public ExpressionFactory getExpressionFactory() {
            return expressions;
        }
    }

    private static JinjavaConfig config() {
        return JinjavaConfig.newBuilder()
                .withNestedInterpretationEnabled(false) // text of a message is never a template
                .withKeepTrailingNewline(true)
                .withEnableRecursiveMacroCalls(true)
                .withMaxMacroRecursionDepth(MAX_MACRO_DEPTH)
                .withMaxOutputSize(4L * PythonValues.MAX_TEXT) // counted in UTF-8 bytes by jinjava
                .withMaxListSize(MAX_COLLECTION)
                .withMaxMapSize(MAX_COLLECTION)
                .withElResolver(new PythonResolver())
                .withDisabled(disabled())
                .withProcessors(JinjavaProcessors.newBuilder()
                        .withNodePreProcessor((node, interpreter) -> RenderLimits.step())
                        .build())
                .withLegacyOverrides(LegacyOverrides.newBuilder()
                        .withEvaluateMapKeys(true)
                        .withHandleBackslashInQuotesOnly(true)
                        .withParseWhitespaceControlStrictly(true)
                        .build())
                .build();
    }

    private static Map<Library, Set<String>> disabled() {
        Context everything = new Context();
        Set<String> filters =
                JinjaFilters.all().stream().map(Importable::getName).collect(Collectors.toSet());
        Set<String> tests = JinjaTests.all().stream().map(Importable::getName).collect(Collectors.toSet());
        return Map.of(
                Library.TAG, others(everything.getAllTags(), TAGS),
                Library.FILTER, others(everything.getAllFilters(), filters),
                Library.EXP_TEST, others(everything.getAllExpTests(), tests),
                Library.FUNCTION, others(everything.getAllFunctions(), FUNCTIONS));
    }

    private static Set<String> others(Collection<? extends Importable> registered, Set<String> allowed) {
        return registered.stream()
                .map(Importable::getName)
                .filter(name -> !allowed.contains(name))
                .collect(Collectors.toSet());
    }
}
