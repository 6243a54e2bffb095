package io.mmpo.data.template;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What something is called with. */
record Arguments(List<Object> positional, Map<String, Object> named) {
    static final Arguments NONE = new Arguments(List.of(), Map.of());

    /** The default of a parameter that has none. */
    static final Object REQUIRED = new Object();

    static Arguments of(Object... positional) {
        return new Arguments(java.util.Arrays.asList(positional), Map.of());
    }

    /** Without the first so many. */
    Arguments after(int count) {
        return new Arguments(positional.subList(Math.min(count, positional.size()), positional.size()), named);
    }

    /**
     * A value for every parameter.
     *
     * @param what is called, for messages
     * @param parameters name, default, name, default ...
     */
    Object[] bind(String what, Object... parameters) {
        int count = parameters.length / 2;
        if (positional.size() > count) {
            throw new TemplateException(
                    what + " takes at most " + count + " arguments, and is given " + positional.size());
        }
        Map<String, Object> rest = new LinkedHashMap<>(named);
        Object[] values = new Object[count];
        for (int i = 0; i < count; i++) {
            String name = (String) parameters[2 * i];
            boolean given = rest.containsKey(name);
            if (i < positional.size()) {
                if (given) {
                    throw new TemplateException(what + " is given '" + name + "' twice");
                }
                values[i] = positional.get(i);
            } else {
                values[i] = given ? rest.remove(name) : parameters[2 * i + 1];
            }
            if (values[i] == REQUIRED) {
                throw new TemplateException(what + " needs the argument '" + name + "'");
            }
        }
        if (!rest.isEmpty()) {
            throw new TemplateException(what + " has no argument '"
                    + TemplateException.excerpt(rest.keySet().iterator().next()) + "'");
        }
        return values;
    }
}
