package io.mmpo.data.template;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** Jinja2's filters, with its results, and those of evaluation tasks; these and no others can be used. */
final class JinjaFilters {
    /** {@code value|name(arguments)}. */
    interface Filter {
        Object apply(Object value, Arguments arguments);
    }

    private static final Map<String, Filter> JINJA = jinja();
    private static final Map<String, Filter> ALL = all();

    private JinjaFilters() {}

    private static Map<String, Filter> jinja() {
        Map<String, Filter> filters = new HashMap<>();
        ScalarFilters.addTo(filters);
        ListFilters.addTo(filters);
        return Map.copyOf(filters);
    }

    private static Map<String, Filter> all() {
        Map<String, Filter> filters = new HashMap<>(JINJA);
        EvaluationFilters.addTo(filters);
        return Map.copyOf(filters);
    }

    /** Those of chat templates. */
    static List<String> names() {
        return List.copyOf(new TreeSet<>(JINJA.keySet()));
    }

    static Filter named(String name) {
        return named(name, JinjaEnvironment.EVALUATION);
    }

    static Filter named(String name, JinjaEnvironment environment) {
        Filter filter = (environment == JinjaEnvironment.CHAT ? JINJA : ALL).get(name);
        if (filter == null) {
            throw new TemplateException("there is no filter '" + TemplateException.excerpt(name) + "'");
        }
        return filter;
    }

    /** A filter whose arguments are bound: name, default, name, default ... */
    interface Body {
        Object apply(Object value, Object[] arguments);
    }

    static void add(Map<String, Filter> filters, String name, Body body, Object... parameters) {
        filters.put(name, (value, arguments) -> {
            RenderLimits.step();
            return body.apply(value, arguments.bind("the filter '" + name + "'", parameters));
        });
    }
}
