package io.mmpo.eval;

/** The processes that ask one model's questions together, each of them a part, seen by one. They see the same files. */
public interface Askers {
    /** One that asks them all. */
    Askers ALONE = new Askers() {
        @Override
        public int number() {
            return 0;
        }

        @Override
        public int count() {
            return 1;
        }

        @Override
        public boolean any(boolean holds, String what) {
            return holds;
        }
    };

    /** Of this process, from 0. */
    int number();

    int count();

    /**
     * Whether it holds for any of them. Waits until all have come here.
     *
     * @param what for messages
     */
    boolean any(boolean holds, String what);

    /** Whether this process writes what there is once. */
    default boolean isFirst() {
        return number() == 0;
    }
}
