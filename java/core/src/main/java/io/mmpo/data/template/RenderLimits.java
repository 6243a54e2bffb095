package io.mmpo.data.template;

/** What one rendering may use up. Each thread renders one template at a time. */
final class RenderLimits {
    static final long MAX_STEPS = 5_000_000;
    static final long MAX_TOTAL_TEXT = 8L * PythonValues.MAX_TEXT;

    private static final ThreadLocal<RenderLimits> CURRENT = new ThreadLocal<>();

    private final long maxMillis;
    private final long startNanos = System.nanoTime();
    private long steps;
    private long text;

    private RenderLimits(long maxMillis) {
        this.maxMillis = maxMillis;
    }

    static void begin(long maxMillis) {
        CURRENT.set(new RenderLimits(maxMillis));
    }

    static void end() {
        CURRENT.remove();
    }

    /** Counts a statement or expression that is about to be rendered. */
    static void step() {
        RenderLimits limits = CURRENT.get();
        if (limits == null) {
            return; // a template that is only parsed
        }
        if (++limits.steps > MAX_STEPS) {
            throw new TemplateException("more than " + MAX_STEPS + " statements were run; it may loop without end");
        }
        if (System.nanoTime() - limits.startNanos > limits.maxMillis * 1_000_000) {
            throw new TemplateException("rendering took longer than " + limits.maxMillis + " ms");
        }
    }

    /** Counts text that an operation is about to make, so that variables together stay bounded too. */
    static void text(long length) {
        PythonValues.requireTextLength(length);
        RenderLimits limits = CURRENT.get();
        if (limits != null) {
            limits.text += length;
            if (limits.text > MAX_TOTAL_TEXT) {
                throw new TemplateException("more than " + MAX_TOTAL_TEXT + " characters of text were made");
            }
        }
    }
}
