package io.mmpo.data.template;

import java.util.concurrent.Semaphore;

/**
 * What one rendering may use up: time, statements, and memory, of which everything that a template makes is counted before it is
 * made and nothing is ever given back. Each thread renders one template at a time.
 */
final class RenderLimits {
    /** Characters of text that one operation may make, and so that a whole rendering may print. */
    static final int MAX_TEXT = 32 << 20;

    /** Elements of one list or mapping. */
    static final int MAX_ITEMS = 1_000_000;

    static final long MAX_STEPS = 5_000_000;

    /** Characters of all texts, and {@link #ITEM_BYTES} for every element of all lists. */
    static final long MAX_MEMORY = 256L << 20;

    static final int MAX_DEPTH = 200;

    private static final int ITEM_BYTES = 8;
    private static final int OBJECT_BYTES = 56;

    /** From here on a rendering is one of the few that need much: they take turns, however many threads there are. */
    private static final long LARGE = 32L << 20;

    private static final Semaphore ONE_LARGE = new Semaphore(1);
    private static final int TICKS_BETWEEN_CLOCKS = 256;
    private static final ThreadLocal<RenderLimits> CURRENT = new ThreadLocal<>();

    private final long maxMillis;
    private long startNanos = System.nanoTime();
    private long steps;
    private long memory;
    private int untilClock;
    private boolean large;

    private RenderLimits(long maxMillis) {
        this.maxMillis = maxMillis;
    }

    static void begin(long maxMillis) {
        CURRENT.set(new RenderLimits(maxMillis));
    }

    static void end() {
        RenderLimits limits = CURRENT.get();
        CURRENT.remove();
        if (limits != null && limits.large) {
            ONE_LARGE.release();
        }
    }

    /** Counts a statement that is about to be run, or an element that is about to be visited. */
    static void step() {
        RenderLimits limits = CURRENT.get();
        if (limits == null) {
            return; // a template that is only parsed
        }
        if (++limits.steps > MAX_STEPS) {
            throw new TemplateException("more than " + MAX_STEPS + " statements were run; it may loop without end");
        }
        limits.requireTime(); // one may be a long piece of work: hundreds of them must not pass unseen
    }

    /** Asks only for the time: within work that no statement divides, a sort say. */
    static void tick() {
        RenderLimits limits = CURRENT.get();
        if (limits != null) {
            limits.clock();
        }
    }

    private void clock() {
        if (--untilClock <= 0) {
            untilClock = TICKS_BETWEEN_CLOCKS;
            requireTime();
        }
    }

    /** The time before or after work that may be long in itself. */
    static void checkTime() {
        RenderLimits limits = CURRENT.get();
        if (limits != null) {
            limits.requireTime();
        }
    }

    private void requireTime() {
        if (System.nanoTime() - startNanos > maxMillis * 1_000_000) {
            throw new TemplateException("rendering took longer than " + maxMillis + " ms");
        }
    }

    /** Counts text that is about to be made. */
    static void text(long length) {
        text(length, 0);
    }

    /** The same of text that grows, and of which so many characters were counted before. */
    static void text(long length, long counted) {
        if (length > MAX_TEXT) {
            throw new TemplateException("text of " + length + " characters is over the limit of " + MAX_TEXT);
        }
        use(length - counted);
        checkLong(length - counted);
    }

    /** Counts a list of elements that exist already. */
    static void list(long size) {
        requireItems(size);
        use(size * ITEM_BYTES);
    }

    /** Counts an element that comes to a list with the given number of them, and is made anew. */
    static void item(long size) {
        requireItems(size + 1);
        use(ITEM_BYTES + OBJECT_BYTES);
        tick();
    }

    private static void requireItems(long size) {
        if (size > MAX_ITEMS) {
            throw new TemplateException("a list or mapping of " + size + " items is over the limit of " + MAX_ITEMS);
        }
    }

    private static void use(long bytes) {
        RenderLimits limits = CURRENT.get();
        if (limits == null) {
            return;
        }
        limits.memory += bytes;
        if (limits.memory > MAX_MEMORY) {
            throw new TemplateException("more than " + MAX_MEMORY + " characters of text and lists were made");
        }
        if (limits.memory > LARGE && !limits.large) {
            long waited = System.nanoTime();
            ONE_LARGE.acquireUninterruptibly();
            limits.large = true;
            limits.startNanos += System.nanoTime() - waited;
        }
    }

    /** Before work of so many characters. */
    static void checkLong(long length) {
        if (length > 4096) {
            checkTime();
        }
    }

    static void depth(int depth) {
        if (depth > MAX_DEPTH) {
            throw new TemplateException("a value is nested deeper than " + MAX_DEPTH + " levels");
        }
    }
}
