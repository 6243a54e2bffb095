package io.mmpo.data.template;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Functions that a template finds under their names: Jinja2's and those that transformers adds. */
final class JinjaFunctions {
    static final Map<String, Object> ALL = Map.of(
            "range", function(arguments -> PythonRange.of(onlyPositional("range", arguments))),
            "namespace", function(arguments -> new Namespace(dict("namespace", arguments))),
            "dict", function(arguments -> dict("dict", arguments)),
            "joiner", function(JinjaFunctions::joiner),
            "cycler", function(arguments -> new Cycler(onlyPositional("cycler", arguments))),
            "raise_exception", function(JinjaFunctions::raiseException),
            "strftime_now",
                    function(arguments -> PythonDates.now(
                            TextMethods.string(arguments.bind("strftime_now", "format", Arguments.REQUIRED)[0]))));

    private JinjaFunctions() {}

    private static Callable function(Callable function) {
        return function;
    }

    private static List<Object> onlyPositional(String name, Arguments arguments) {
        if (!arguments.named().isEmpty()) {
            throw new TemplateException(name + " takes no named arguments");
        }
        return arguments.positional();
    }

    private static Map<Object, Object> dict(String name, Arguments arguments) {
        Map<Object, Object> made = new LinkedHashMap<>();
        if (arguments.positional().size() > 1) {
            throw new TemplateException(name + " takes one mapping and names");
        }
        for (Object source : arguments.positional()) {
            if (source instanceof Map<?, ?> map) {
                map.forEach((key, value) -> PythonMaps.put(made, key, value));
            } else {
                PythonValues.iterator(source).forEachRemaining(element -> {
                    List<?> pair = PythonValues.list(element);
                    if (pair.size() != 2) {
                        throw new TemplateException(name + " wants pairs, found " + pair.size() + " values");
                    }
                    PythonMaps.put(made, pair.get(0), pair.get(1));
                });
            }
        }
        arguments.named().forEach((key, value) -> PythonMaps.put(made, key, value));
        return made;
    }

    private static Object raiseException(Arguments arguments) {
        Object message = arguments.bind("raise_exception", "message", Arguments.REQUIRED)[0];
        throw new TemplateException("it says: " + TemplateException.excerpt(PythonValues.text(message)));
    }

    /** Nothing at the first call, the separator at every other. */
    private static Object joiner(Arguments arguments) {
        Object separator = arguments.bind("joiner", "sep", ", ")[0];
        boolean[] used = new boolean[1];
        return function(none -> {
            none.bind("a joiner");
            Object text = used[0] ? separator : "";
            used[0] = true;
            return text;
        });
    }

    /** One value after another, and again from the first. */
    static final class Cycler {
        private final List<Object> values;
        private int next;

        private Cycler(List<Object> values) {
            if (values.isEmpty()) {
                throw new TemplateException("cycler wants at least one value");
            }
            this.values = values;
        }

        Object attribute(String name) {
            return switch (name) {
                case "current" -> values.get(next);
                case "next" ->
                    function(arguments -> {
                        Object value = values.get(next);
                        next = (next + 1) % values.size();
                        return value;
                    });
                case "reset" ->
                    function(arguments -> {
                        next = 0;
                        return null;
                    });
                default -> null;
            };
        }
    }
}
