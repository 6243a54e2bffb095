package io.mmpo.data.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** A macro, or the body of a {@code call} block, in the scope where it was defined. */
final class Macro implements Callable {
    /**
     * @param defaults of the last parameters
     * @param usesCaller and so on: whether the body mentions the variable, which decides whether the macro takes such arguments
     */
    record Definition(
            String name,
            List<String> parameters,
            List<Expression> defaults,
            Statement body,
            boolean usesCaller,
            boolean usesVarargs,
            boolean usesKwargs) {}

    private final Definition definition;
    private final Scope scope;

    Macro(Definition definition, Scope scope) {
        this.definition = definition;
        this.scope = scope;
    }

    Object attribute(String name) {
        return switch (name) {
            case "name" -> definition.name();
            case "arguments" -> new PythonTuple(List.copyOf(definition.parameters()));
            case "caller" -> definition.usesCaller();
            case "catch_varargs" -> definition.usesVarargs();
            case "catch_kwargs" -> definition.usesKwargs();
            default -> null;
        };
    }

    @Override
    public Object call(Arguments arguments) {
        Scope inner = bind(arguments);
        Output out = new Output();
        scope.rendering().enter();
        try {
            definition.body().run(inner, out);
        } finally {
            scope.rendering().leave();
        }
        return out.toString();
    }

    private Scope bind(Arguments arguments) {
        Scope inner = scope.inner();
        Map<String, Object> named = new LinkedHashMap<>(arguments.named());
        List<Object> positional = arguments.positional();
        int count = definition.parameters().size();
        int firstDefault = count - definition.defaults().size();
        for (int i = 0; i < count; i++) {
            String parameter = definition.parameters().get(i);
            boolean given = named.containsKey(parameter);
            if (i < positional.size()) {
                if (given) {
                    throw new TemplateException(
                            "the macro '" + definition.name() + "' is given '" + parameter + "' twice");
                }
                inner.set(parameter, positional.get(i));
            } else if (given) {
                inner.set(parameter, named.remove(parameter));
            } else if (i >= firstDefault) {
                inner.set(parameter, definition.defaults().get(i - firstDefault).evaluate(inner));
            } else {
                inner.set(parameter, new Undefined(parameter));
            }
        }
        bindRest(inner, named, positional, count);
        return inner;
    }

    private void bindRest(Scope inner, Map<String, Object> named, List<Object> positional, int count) {
        if (definition.usesCaller()) {
            boolean given = named.containsKey("caller");
            inner.set("caller", given ? named.remove("caller") : new Undefined("caller"));
        }
        if (definition.usesKwargs()) {
            inner.set("kwargs", named);
        } else if (!named.isEmpty()) {
            throw new TemplateException("the macro '" + definition.name() + "' takes no argument '"
                    + TemplateException.excerpt(named.keySet().iterator().next()) + "'");
        }
        if (definition.usesVarargs()) {
            List<Object> rest = positional.size() > count
                    ? new ArrayList<>(positional.subList(count, positional.size()))
                    : List.of();
            inner.set("varargs", new PythonTuple(rest));
        } else if (positional.size() > count) {
            throw new TemplateException("the macro '" + definition.name() + "' takes " + count
                    + " arguments, and is given " + positional.size());
        }
    }
}
