package io.mmpo.data.template;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** What prints text, sets variables, or leaves a loop. */
interface Statement {
    /** How the next statement is reached. */
    enum Flow {
        ON,
        BREAK,
        CONTINUE
    }

    Flow run(Scope scope, Output out);

    /** A statement of a block, with its line for messages. */
    record Located(Statement statement, int line) {}

    record Block(List<Located> statements) implements Statement {
        @Override
        public Flow run(Scope scope, Output out) {
            for (Located next : statements) {
                try {
                    RenderLimits.step();
                    Flow flow = next.statement().run(scope, out);
                    if (flow != Flow.ON) {
                        return flow;
                    }
                } catch (TemplateException e) {
                    throw e.at(next.line());
                }
            }
            return Flow.ON;
        }

        /** What the block prints in a scope of its own. */
        String capture(Scope scope) {
            Output out = new Output();
            run(scope.inner(), out);
            return out.toString();
        }
    }

    record Text(String text) implements Statement {
        @Override
        public Flow run(Scope scope, Output out) {
            out.append(text);
            return Flow.ON;
        }
    }

    record Print(Expression value) implements Statement {
        @Override
        public Flow run(Scope scope, Output out) {
            Object printed = value.evaluate(scope);
            if (printed instanceof Undefined undefined && scope.rendering().isStrict()) {
                throw undefined.misuse("printing");
            }
            out.append(PythonValues.text(printed));
            return Flow.ON;
        }
    }

    record Jump(Flow flow) implements Statement {
        @Override
        public Flow run(Scope scope, Output out) {
            return flow;
        }
    }

    /** Branches in order, the first whose condition holds; the one of {@code else} holds always. */
    record If(List<Expression> conditions, List<Block> branches) implements Statement {
        @Override
        public Flow run(Scope scope, Output out) {
            for (int i = 0; i < branches.size(); i++) {
                if (PythonValues.truth(conditions.get(i).evaluate(scope))) {
                    return branches.get(i).run(scope, out);
                }
            }
            return Flow.ON;
        }
    }

    /** Where a value goes: names, tuples of them, or an attribute of a namespace. */
    sealed interface Target {
        record Name(String name) implements Target {}

        record Names(List<Target> targets) implements Target {}

        record NamespaceAttribute(String namespace, String attribute) implements Target {}

        default void assign(Object value, Scope scope) {
            switch (this) {
                case Name target -> scope.set(target.name(), value);
                case NamespaceAttribute target -> {
                    if (!(scope.get(target.namespace()) instanceof Namespace namespace)) {
                        throw new TemplateException(
                                "'" + target.namespace() + "' has an attribute set, and is no namespace");
                    }
                    namespace.set(target.attribute(), value);
                }
                case Names target -> assignEach(target.targets(), value, scope);
            }
        }
    }

    private static void assignEach(List<Target> targets, Object value, Scope scope) {
        List<?> parts = PythonValues.list(value);
        if (parts.size() != targets.size()) {
            throw new TemplateException(targets.size() + " names are given " + parts.size() + " values");
        }
        for (int i = 0; i < targets.size(); i++) {
            targets.get(i).assign(parts.get(i), scope);
        }
    }

    record Assignment(Target target, Expression value) implements Statement {
        @Override
        public Flow run(Scope scope, Output out) {
            target.assign(value.evaluate(scope), scope);
            return Flow.ON;
        }
    }

    /** {@code {% set x %} ... {% endset %}}; filter takes the block's text as its input, and may be null. */
    record BlockAssignment(Target target, Block body, Captured input, Expression filtered) implements Statement {
        @Override
        public Flow run(Scope scope, Output out) {
            target.assign(input.through(body, filtered, scope), scope);
            return Flow.ON;
        }
    }

    /** {@code {% filter name %} ... {% endfilter %}}. */
    record FilterBlock(Block body, Captured input, Expression filtered) implements Statement {
        @Override
        public Flow run(Scope scope, Output out) {
            out.append(PythonValues.text(input.through(body, filtered, scope)));
            return Flow.ON;
        }
    }

    /** Stands for the text of a block in the filters behind it; a variable that no template can name. */
    record Captured() implements Expression {
        private static final String NAME = " captured";

        @Override
        public Object evaluate(Scope scope) {
            return scope.get(NAME);
        }

        Object through(Block body, Expression filtered, Scope scope) {
            Scope inner = scope.inner();
            inner.set(NAME, body.capture(scope));
            return filtered.evaluate(inner);
        }
    }

    record With(List<Target> targets, List<Expression> values, Block body) implements Statement {
        @Override
        public Flow run(Scope scope, Output out) {
            Scope inner = scope.inner();
            for (int i = 0; i < targets.size(); i++) {
                targets.get(i).assign(values.get(i).evaluate(scope), inner);
            }
            return body.run(inner, out);
        }
    }

    /** A body in a scope of its own, whose text is printed as it is. */
    record Scoped(Block body) implements Statement {
        @Override
        public Flow run(Scope scope, Output out) {
            return body.run(scope.inner(), out);
        }
    }

    /** transformers' {@code {% generation %}}: what the assistant wrote. */
    record Generation(Block body) implements Statement {
        @Override
        public Flow run(Scope scope, Output out) {
            String text = body.capture(scope);
            scope.rendering().mark(text.length());
            out.append(text);
            return Flow.ON;
        }
    }

    record MacroDefinition(Macro.Definition definition) implements Statement {
        @Override
        public Flow run(Scope scope, Output out) {
            scope.set(definition.name(), new Macro(definition, scope));
            return Flow.ON;
        }
    }

    /** {@code {% call macro(...) %} ... {% endcall %}}: the body is the macro's {@code caller}. */
    record CallBlock(Expression.Call call, Macro.Definition caller) implements Statement {
        @Override
        public Flow run(Scope scope, Output out) {
            Arguments given = call.arguments().evaluate(scope);
            var named = new java.util.LinkedHashMap<>(given.named());
            named.put("caller", new Macro(caller, scope));
            Object function = call.callee().evaluate(scope);
            out.append(PythonValues.text(Attributes.call(function, new Arguments(given.positional(), named))));
            return Flow.ON;
        }
    }

    /** condition may be null; what an iteration sets is gone in the next one. */
    record For(Target target, Expression iterable, Expression condition, boolean recursive, Block body, Block otherwise)
            implements Statement {
        @Override
        public Flow run(Scope scope, Output out) {
            loop(iterable.evaluate(scope), 0, scope, out);
            return Flow.ON;
        }

        private void loop(Object values, int depth, Scope scope, Output out) {
            List<?> items = condition == null ? PythonValues.list(values) : selected(values, scope);
            ItemLoop loop =
                    new ItemLoop(items, depth, recursive ? (children, below) -> recurse(children, below, scope) : null);
            boolean completed = false; // Jinja2's "else" is for loops of which no round came to its end
            while (loop.hasNext()) {
                RenderLimits.step();
                Scope inner = scope.inner();
                target.assign(loop.next(), inner);
                inner.set("loop", loop);
                Flow flow = body.run(inner, out);
                if (flow == Flow.BREAK) {
                    break;
                }
                completed |= flow == Flow.ON;
            }
            if (!completed) {
                otherwise.run(scope.inner(), out);
            }
        }

        private String recurse(Object children, int depth, Scope scope) {
            Output out = new Output();
            scope.rendering().enter();
            try {
                loop(children, depth, scope, out);
            } finally {
                scope.rendering().leave();
            }
            return out.toString();
        }

        private List<Object> selected(Object values, Scope scope) {
            List<Object> selected = new ArrayList<>();
            for (Iterator<?> items = PythonValues.iterator(values); items.hasNext(); ) {
                RenderLimits.step();
                Object item = items.next();
                Scope inner = scope.inner();
                target.assign(item, inner);
                if (PythonValues.truth(condition.evaluate(inner))) {
                    RenderLimits.item(selected.size());
                    selected.add(item);
                }
            }
            return selected;
        }
    }
}
