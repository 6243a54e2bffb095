package io.mmpo.data.template;

import java.util.List;

/** The variable {@code loop} of one {@code for}. */
final class ItemLoop implements Callable {
    /** What a recursive loop does with the children of an element; null where the loop is none. */
    interface Recursion {
        Object run(Object iterable, int depth);
    }

    private final List<?> items;
    private final int depth;
    private final Recursion recursion;
    private int index = -1;
    private List<Object> lastChanged;

    ItemLoop(List<?> items, int depth, Recursion recursion) {
        this.items = items;
        this.depth = depth;
        this.recursion = recursion;
    }

    boolean hasNext() {
        return index + 1 < items.size();
    }

    Object next() {
        return items.get(++index);
    }

    /** null where there is no such attribute. */
    Object attribute(String name) {
        return switch (name) {
            case "index" -> index + 1L;
            case "index0" -> (long) index;
            case "first" -> index == 0;
            case "last" -> index + 1 == items.size();
            case "length" -> (long) items.size();
            case "revindex" -> (long) items.size() - index;
            case "revindex0" -> items.size() - index - 1L;
            case "previtem" -> neighbour(index - 1, "there is no previous item");
            case "nextitem" -> neighbour(index + 1, "there is no next item");
            case "depth" -> depth + 1L;
            case "depth0" -> (long) depth;
            case "cycle" -> (Callable) this::cycle;
            case "changed" -> (Callable) this::changed;
            default -> null;
        };
    }

    private Object neighbour(int place, String what) {
        return place < 0 || place >= items.size() ? new Undefined(what) : items.get(place);
    }

    private Object cycle(Arguments arguments) {
        List<Object> values = arguments.positional();
        if (values.isEmpty()) {
            throw new TemplateException("loop.cycle wants at least one value");
        }
        return values.get(index % values.size());
    }

    /** Whether the values are others than at the last call. */
    private Object changed(Arguments arguments) {
        boolean same = lastChanged != null && PythonValues.equal(lastChanged, arguments.positional());
        lastChanged = arguments.positional();
        return !same;
    }

    @Override
    public Object call(Arguments arguments) {
        if (recursion == null) {
            throw new TemplateException("loop is called, but the 'for' is not marked recursive");
        }
        return recursion.run(arguments.bind("loop", "iterable", Arguments.REQUIRED)[0], depth + 1);
    }
}
