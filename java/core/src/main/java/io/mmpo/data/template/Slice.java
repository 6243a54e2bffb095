package io.mmpo.data.template;

import java.util.ArrayList;
import java.util.List;

/** {@code [start:stop:step]}; null where a bound is left out. */
record Slice(Object start, Object stop, Object step) {
    /** size places from start on, each step further, none at stop or behind it. */
    record Range(int start, int stop, int size, int step) {}

    Range over(int length) {
        int every = bound(step, 1);
        if (every == 0) {
            throw new TemplateException("a slice needs a step that is not 0");
        }
        every = Math.max(every, -Integer.MAX_VALUE);
        int lowest = every > 0 ? 0 : -1;
        int highest = every > 0 ? length : length - 1;
        int first = start == null ? (every > 0 ? lowest : highest) : within(start, length, lowest, highest);
        int end = stop == null ? (every > 0 ? highest : lowest) : within(stop, length, lowest, highest);
        long distance = every > 0 ? (long) end - first : (long) first - end;
        int size = distance <= 0 ? 0 : (int) Math.ceilDiv(distance, Math.abs((long) every));
        return new Range(first, end, size, every);
    }

    private static int within(Object bound, int length, int lowest, int highest) {
        long value = bound(bound, 0);
        return Math.clamp(value < 0 ? value + length : value, lowest, highest);
    }

    private static int bound(Object value, int otherwise) {
        if (value == null) {
            return otherwise;
        }
        if (!PythonNumbers.isInteger(value)) {
            throw new TemplateException("a slice wants integers, found " + PythonValues.kindOf(value));
        }
        return PythonNumbers.clamped(value);
    }

    Object of(Object value) {
        return switch (value) {
            case String text -> PythonText.slice(text, this);
            case PythonRange range -> {
                Range part = over(range.size());
                yield range.slice(part);
            }
            case PythonTuple tuple -> new PythonTuple(elements(tuple));
            case List<?> list -> elements(list);
            case null -> throw new TemplateException("none has no slices");
            default -> throw new TemplateException(PythonValues.kindOf(value) + " has no slices");
        };
    }

    private List<Object> elements(List<?> list) {
        Range range = over(list.size());
        RenderLimits.list(range.size());
        List<Object> part = new ArrayList<>(range.size());
        for (int i = 0; i < range.size(); i++) {
            part.add(list.get(range.start() + i * range.step()));
        }
        return part;
    }
}
