package io.mmpo.data.template;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Variables by name; what a scope does not have, the one around it may. */
final class Scope {
    private static final Object ABSENT = new Object();

    private final Scope outer;
    private final Rendering rendering;
    private final Map<String, Object> variables;

    private Scope(Scope outer, Rendering rendering, Map<String, Object> variables) {
        this.outer = outer;
        this.rendering = rendering;
        this.variables = variables;
    }

    /** What all scopes of one rendering share. */
    static final class Rendering {
        private final boolean strict;
        private final Output page;
        private final List<MarkedText.Range> marks = new ArrayList<>();
        private int calls;

        /** page: where the template itself prints. */
        Rendering(JinjaEnvironment environment, Output page) {
            this.strict = environment == JinjaEnvironment.EVALUATION;
            this.page = page;
        }

        /** The assistant's text comes next, on the page; inside of a macro that is where the macro's own text will begin, as in transformers. */
        void mark(int length) {
            marks.add(new MarkedText.Range(page.length(), page.length() + length));
        }

        MarkedText printed() {
            return new MarkedText(page.toString(), List.copyOf(marks));
        }

        /** Whether what is undefined must not be printed. */
        boolean isStrict() {
            return strict;
        }

        /** Around what calls itself; the depth of such calls is bounded. */
        void enter() {
            if (++calls > JinjaTemplate.MAX_CALL_DEPTH) {
                throw new TemplateException("calls are nested deeper than " + JinjaTemplate.MAX_CALL_DEPTH + " levels");
            }
        }

        void leave() {
            calls--;
        }
    }

    static Scope root(Map<String, Object> variables, Rendering rendering) {
        return new Scope(new Scope(null, rendering, variables), rendering, new HashMap<>());
    }

    Scope inner() {
        return new Scope(this, rendering, new HashMap<>());
    }

    Rendering rendering() {
        return rendering;
    }

    void set(String name, Object value) {
        variables.put(name, value);
    }

    Object get(String name) {
        for (Scope scope = this; scope != null; scope = scope.outer) {
            Object value = scope.variables.getOrDefault(name, ABSENT);
            if (value != ABSENT) {
                return value;
            }
        }
        Object function = JinjaFunctions.ALL.get(name);
        return function == null ? new Undefined(name, rendering.isStrict()) : function;
    }
}
