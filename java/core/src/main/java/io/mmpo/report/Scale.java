package io.mmpo.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Where values lie on an axis, and which of them have a tick.
 *
 * @param low value at the axis's beginning; high at its end
 * @param ticks ascending, within low and high
 */
record Scale(double low, double high, boolean isLogarithmic, List<Double> ticks) {
    private static final int MOST_DECADES_WITH_STEPS = 2;
    private static final double[] NICE = {1, 2, 2.5, 5, 10};

    /** Of round numbers, the first at or below min and the last at or above max. */
    static Scale enclosing(double min, double max, int wantedTicks) {
        double[] range = widened(min, max);
        double step = step(range[0], range[1], wantedTicks);
        double low = Math.floor(range[0] / step + 1e-9) * step;
        double high = Math.ceil(range[1] / step - 1e-9) * step;
        return new Scale(low, high, false, ticks(low, high, step));
    }

    /** From min to max themselves, with ticks at the round numbers between. */
    static Scale exact(double min, double max, int wantedTicks) {
        double[] range = widened(min, max);
        return new Scale(range[0], range[1], false, ticks(range[0], range[1], step(range[0], range[1], wantedTicks)));
    }

    /** Both greater than 0. */
    static Scale logarithmic(double min, double max) {
        int first = (int) Math.floor(Math.log10(min) + 1e-9);
        int last = Math.max(first + 1, (int) Math.ceil(Math.log10(max) - 1e-9));
        List<Double> ticks = new ArrayList<>();
        int stride = 1 + (last - first) / 6;
        for (int exponent = first; exponent <= last; exponent += stride) {
            for (int digit : last - first <= MOST_DECADES_WITH_STEPS ? new int[] {1, 3} : new int[] {1}) {
                if (digit == 1 || exponent < last) {
                    ticks.add(digit * Math.pow(10, exponent));
                }
            }
        }
        return new Scale(Math.pow(10, first), Math.pow(10, last), true, List.copyOf(ticks));
    }

    /** In [0, 1] for values on the axis. */
    double at(double value) {
        return isLogarithmic ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low);
    }

    /** All ticks with as many decimals as tell them apart. */
    List<String> labels() {
        if (isLogarithmic || ticks.size() < 2) {
            return ticks.stream().map(NumberText::of).toList();
        }
        double step = ticks.get(1) - ticks.get(0);
        double largest = Math.max(Math.abs(low), Math.abs(high));
        if (largest >= 1e6 || step < 1e-4) {
            return ticks.stream()
                    .map(tick -> NumberText.of(Math.abs(tick) < step / 2 ? 0 : tick))
                    .toList();
        }
        int decimals = decimals(step);
        return ticks.stream()
                .map(tick -> String.format(Locale.ROOT, "%." + decimals + "f", tick + 0.0))
                .map(text -> text.startsWith("-") ? "−" + text.substring(1) : text)
                .map(text -> text.matches("−0(\\.0+)?") ? text.substring(1) : text)
                .toList();
    }

    private static int decimals(double step) {
        int decimals = 0;
        double scaled = step;
        while (decimals < 6 && Math.abs(scaled - Math.rint(scaled)) > 1e-6 * scaled) {
            scaled *= 10;
            decimals++;
        }
        return decimals;
    }

    /** A range that is not empty. */
    private static double[] widened(double min, double max) {
        double least = 1e-9 * Math.max(Math.abs(min), Math.abs(max));
        if (max - min > least) {
            return new double[] {min, max};
        }
        double half = min == 0 && max == 0 ? 1 : Math.max(Math.abs(min), Math.abs(max)) * 0.05;
        return new double[] {min - half, max + half};
    }

    private static double step(double low, double high, int wantedTicks) {
        double rough = (high - low) / Math.max(1, wantedTicks);
        double power = Math.pow(10, Math.floor(Math.log10(rough)));
        for (double nice : NICE) {
            if (nice * power >= rough * (1 - 1e-9)) {
                return nice * power;
            }
        }
        return 10 * power;
    }

    private static List<Double> ticks(double low, double high, double step) {
        List<Double> ticks = new ArrayList<>();
        long first = (long) Math.ceil(low / step - 1e-9);
        long last = (long) Math.floor(high / step + 1e-9);
        for (long i = first; i <= last; i++) {
            ticks.add(i * step);
        }
        return List.copyOf(ticks);
    }
}
