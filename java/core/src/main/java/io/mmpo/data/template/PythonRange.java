package io.mmpo.data.template;

import java.util.AbstractList;
import java.util.List;

/** {@code range(start, stop, step)}: its numbers are made when they are asked for. */
final class PythonRange extends AbstractList<Object> {
    /** Jinja2's sandbox allows so many. */
    static final int MAX_SIZE = 100_000;

    private final long start;
    private final long stop;
    private final long step;
    private final int size;

    private PythonRange(long start, long stop, long step, int size) {
        this.start = start;
        this.stop = stop;
        this.step = step;
        this.size = size;
    }

    static PythonRange of(List<Object> bounds) {
        if (bounds.isEmpty() || bounds.size() > 3) {
            throw new TemplateException("range wants one to three numbers, found " + bounds.size());
        }
        long start = bounds.size() > 1 ? bound(bounds.get(0)) : 0;
        long stop = bound(bounds.get(bounds.size() > 1 ? 1 : 0));
        long step = bounds.size() > 2 ? bound(bounds.get(2)) : 1;
        if (step == 0) {
            throw new TemplateException("range needs a step that is not 0");
        }
        long size = Math.max(0, step > 0 ? Math.ceilDiv(stop - start, step) : Math.ceilDiv(start - stop, -step));
        if (size > MAX_SIZE) {
            throw new TemplateException("range of " + size + " numbers is over the limit of " + MAX_SIZE);
        }
        return new PythonRange(start, stop, step, (int) size);
    }

    private static long bound(Object value) {
        if (!PythonNumbers.isInteger(value)) {
            throw new TemplateException("range wants integers, found " + PythonValues.kindOf(value));
        }
        long bound = PythonNumbers.big(value).bitLength() < 62
                ? PythonNumbers.big(value).longValue()
                : Long.MAX_VALUE;
        if (bound == Long.MAX_VALUE) {
            throw new TemplateException("a bound of range is over the limit of 2^61");
        }
        return bound;
    }

    boolean has(Object value) {
        if (!PythonNumbers.isNumber(value) || PythonNumbers.isNan(value)) {
            return false;
        }
        for (Object element : this) {
            RenderLimits.tick();
            if (PythonNumbers.equal(element, value)) {
                return true;
            }
        }
        return false;
    }

    PythonRange slice(Slice.Range part) {
        return new PythonRange(
                start + part.start() * step, start + part.stop() * step, step * part.step(), part.size());
    }

    String text() {
        return "range(" + start + ", " + stop + (step == 1 ? "" : ", " + step) + ")";
    }

    @Override
    public Object get(int index) {
        return start + index * step;
    }

    @Override
    public int size() {
        return size;
    }
}
