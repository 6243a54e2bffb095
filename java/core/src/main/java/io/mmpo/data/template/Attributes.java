package io.mmpo.data.template;

import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * {@code value.name} and {@code value[key]}. A name is first a method of Python's type, then a key; a key the other way round.
 * Names that begin with an underscore, and methods that would change a value, are undefined, as in Jinja2's sandbox.
 */
final class Attributes {
    private static final Set<String> MAPPING_METHODS = Set.of("get", "items", "keys", "values", "copy", "fromkeys");
    private static final Set<String> CHANGES_MAPPING = Set.of("clear", "pop", "popitem", "setdefault", "update");
    private static final Set<String> CHANGES_LIST =
            Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort");

    private Attributes() {}

    /** {@code base.name}. */
    static Object get(Object base, String name) {
        requireDefined(base, name);
        Object attribute = attribute(base, name);
        if (attribute != null) {
            return attribute == NONE ? null : attribute;
        }
        return orUndefined(element(base, name), name);
    }

    /** {@code base[key]}. */
    static Object item(Object base, Object key) {
        requireDefined(base, key);
        if (key instanceof Slice slice) {
            return slice.of(base);
        }
        Object element = element(base, key);
        if (element == PythonMaps.MISSING && key instanceof String name) {
            Object attribute = attribute(base, name);
            if (attribute != null) {
                return attribute == NONE ? null : attribute;
            }
        }
        return orUndefined(element, key);
    }

    private static void requireDefined(Object base, Object key) {
        if (base instanceof Undefined undefined) {
            throw new TemplateException("'" + TemplateException.excerpt(PythonValues.text(key)) + "' is looked up in "
                    + undefined.described() + " and has no attributes");
        }
    }

    private static Object orUndefined(Object element, Object key) {
        return element == PythonMaps.MISSING
                ? new Undefined(key instanceof String || key instanceof Number ? PythonValues.text(key) : "an element")
                : element;
    }

    /** Of a mapping, list or text; {@link PythonMaps#MISSING} where there is none. */
    private static Object element(Object base, Object key) {
        return switch (base) {
            case Map<?, ?> map -> PythonMaps.isHashable(key) ? PythonMaps.get(map, key) : PythonMaps.MISSING;
            case List<?> list
            when PythonNumbers.isInteger(key) -> {
                long index = PythonNumbers.clamped(key);
                long fromStart = index < 0 ? index + list.size() : index;
                yield fromStart < 0 || fromStart >= list.size() ? PythonMaps.MISSING : list.get((int) fromStart);
            }
            case String text
            when PythonNumbers.isInteger(key) -> {
                String character = PythonText.at(text, PythonNumbers.clamped(key));
                yield character == null ? PythonMaps.MISSING : character;
            }
            case null -> PythonMaps.MISSING;
            default -> PythonMaps.MISSING;
        };
    }

    /** An attribute that is none. */
    private static final Object NONE = new Object();

    /** null where the type has no such attribute. */
    private static Object attribute(Object base, String name) {
        if (name.startsWith("_")) {
            return hides(base, name) ? new Undefined(name) : null;
        }
        return switch (base) {
            case String text -> TextMethods.NAMES.contains(name) ? method(text, name) : null;
            case Map<?, ?> map ->
                MAPPING_METHODS.contains(name)
                        ? (Callable) arguments -> ofMapping(map, name, arguments)
                        : CHANGES_MAPPING.contains(name) ? new Undefined(name) : null;
            case Namespace namespace -> {
                Object value = PythonMaps.get(namespace.attributes(), name);
                yield value == PythonMaps.MISSING ? null : value == null ? NONE : value;
            }
            case ItemLoop loop -> loop.attribute(name);
            case Macro macro -> macro.attribute(name);
            case JinjaFunctions.Cycler cycler -> cycler.attribute(name);
            case GroupTuple group when name.equals("grouper") -> group.get(0) == null ? NONE : group.get(0);
            case GroupTuple group when name.equals("list") -> group.get(1);
            case List<?> list -> ofList(list, name);
            case Double d
            when name.equals("is_integer") -> (Callable) arguments -> d == Math.rint(d) && !Double.isInfinite(d);
            case null -> null;
            default -> null;
        };
    }

    /** Every object of Python has names with two underscores; a mapping may have a key of such a name all the same. */
    private static boolean hides(Object base, String name) {
        return name.startsWith("__")
                && name.endsWith("__")
                && !(base instanceof Map<?, ?> map && map.containsKey(name));
    }

    private static Callable method(String text, String name) {
        return arguments -> TextMethods.call(text, name, arguments);
    }

    private static Object ofList(List<?> list, String name) {
        if (CHANGES_LIST.contains(name) && !(list instanceof PythonTuple) && !(list instanceof PythonRange)) {
            return new Undefined(name);
        }
        return switch (name) {
            case "count" ->
                (Callable) arguments -> {
                    Object wanted = arguments.bind("count", "value", Arguments.REQUIRED)[0];
                    long count = 0;
                    for (Object element : list) {
                        count += PythonValues.equal(element, wanted) ? 1 : 0;
                    }
                    return count;
                };
            case "index" ->
                (Callable) arguments -> {
                    Object wanted = arguments.bind("index", "value", Arguments.REQUIRED)[0];
                    for (int i = 0; i < list.size(); i++) {
                        if (PythonValues.equal(list.get(i), wanted)) {
                            return (long) i;
                        }
                    }
                    throw new TemplateException("index looks for a value that the list does not have");
                };
            case "copy" ->
                list instanceof PythonTuple || list instanceof PythonRange
                        ? null
                        : (Callable) arguments -> {
                            RenderLimits.list(list.size());
                            return new java.util.ArrayList<Object>(list);
                        };
            default -> null;
        };
    }

    private static Object ofMapping(Map<?, ?> map, String name, Arguments arguments) {
        if (name.equals("get")) {
            Object[] bound = arguments.bind(name, "key", Arguments.REQUIRED, "default", null);
            Object value = PythonMaps.get(map, bound[0]);
            return value == PythonMaps.MISSING ? bound[1] : value;
        }
        if (name.equals("fromkeys")) {
            Object[] bound = arguments.bind(name, "iterable", Arguments.REQUIRED, "value", null);
            Map<Object, Object> made = new java.util.LinkedHashMap<>();
            PythonValues.iterator(bound[0]).forEachRemaining(key -> PythonMaps.put(made, key, bound[1]));
            return made;
        }
        arguments.bind(name);
        return switch (name) {
            case "items" -> DictView.items(map);
            case "keys" -> DictView.keys(map);
            case "values" -> DictView.values(map);
            default -> {
                RenderLimits.list(map.size());
                yield new java.util.LinkedHashMap<Object, Object>(map);
            }
        };
    }

    /** {@code callee(arguments)}. */
    static Object call(Object callee, Arguments arguments) {
        return switch (callee) {
            case Callable callable -> callable.call(arguments);
            case Undefined undefined -> throw undefined.misuse("calling");
            case null -> throw new TemplateException("none is called, which is no function");
            default -> throw new TemplateException(PythonValues.kindOf(callee) + " is called, which is no function");
        };
    }
}
