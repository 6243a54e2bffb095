package io.mmpo.eval.judge;

/** What may be spent, in US dollars. A question takes the most that it may cost before it is sent, and gives back the rest. */
final class Budget {
    private final double limit;
    private double spent;
    private double reserved;
    private int out;

    /** limit: infinite where there is none. spent: in earlier calls. */
    Budget(double limit, double spent) {
        this.limit = limit;
        this.spent = spent;
    }

    /** Waits for questions that are out where their change may help; false where the limit leaves no room. */
    synchronized boolean reserve(double price) throws InterruptedException {
        while (spent + reserved + price > limit) {
            if (out == 0) {
                return false;
            }
            wait();
        }
        reserved += price;
        out++;
        return true;
    }

    synchronized void settle(double wasReserved, double price) {
        out--;
        reserved = out == 0 ? 0 : reserved - wasReserved; // sums of differences are not exact
        spent += price;
        notifyAll();
    }

    synchronized double spent() {
        return spent;
    }
}
