package io.mmpo.train;

import io.mmpo.config.SchedulerArguments;
import io.mmpo.config.SchedulerType;
import io.mmpo.config.TrainingConfig;

/**
 * Learning rate of every optimizer step, as transformers' get_*_schedule: a warm-up rises linearly from 0, so that its first step
 * has rate 0 (but for two schedules, which say so); what follows is a factor of the peak.
 */
record LearningRateSchedule(
        SchedulerType type, double peak, int warmupSteps, int totalSteps, SchedulerArguments arguments) {
    /** transformers' default of inverse_sqrt where there is no warm-up. */
    private static final int TIMESCALE = 10_000;

    static LearningRateSchedule of(TrainingConfig config, int totalSteps) {
        return new LearningRateSchedule(
                config.schedule().type(),
                config.optimizer().learningRate(),
                config.schedule().warmupStepsOf(totalSteps),
                totalSteps,
                config.schedule().arguments());
    }

    /** step: from 0. */
    double at(int step) {
        return peak * factor(step);
    }

    private double factor(int step) {
        if (type == SchedulerType.CONSTANT) {
            return 1;
        }
        return step < warmupSteps ? warmUp(step) : afterWarmUp(step);
    }

    private double warmUp(int step) {
        double progress = (double) step / warmupSteps;
        return switch (type) {
            // From a share of the peak, or from one step's worth of it, up to the peak at the last step of the warm-up.
            case COSINE_WARMUP_WITH_MIN_LR -> {
                double start = arguments.number("warmup_lr_rate", Double.NaN);
                yield Double.isNaN(start)
                        ? (step + 1.0) / warmupSteps
                        : start + (1 - start) * step / Math.max(1, warmupSteps - 1);
            }
            case WARMUP_STABLE_DECAY -> aboveLowest(rising(arguments.curve("warmup_type", "linear"), progress));
            default -> progress;
        };
    }

    private double afterWarmUp(int step) {
        double decaySteps = Math.max(1, totalSteps - warmupSteps);
        double progress = (step - warmupSteps) / decaySteps;
        return switch (type) {
            case LINEAR -> Math.max(0, (totalSteps - step) / decaySteps);
            case COSINE -> Math.max(0, cosine(progress));
            case COSINE_WITH_RESTARTS ->
                progress >= 1 ? 0 : 0.5 * (1 + Math.cos(Math.PI * (arguments.number("num_cycles", 1) * progress % 1)));
            case COSINE_WITH_MIN_LR -> Math.max(0, above(lowestRate(), cosine(progress)));
            case COSINE_WARMUP_WITH_MIN_LR ->
                Math.max(0, above(lowestRate(), cosine((step - warmupSteps + 1) / decaySteps)));
            case POLYNOMIAL -> polynomial(step);
            case INVERSE_SQRT -> {
                double timescale = arguments.number("timescale", warmupSteps > 0 ? warmupSteps : TIMESCALE);
                yield 1 / Math.sqrt((step - warmupSteps + timescale) / timescale);
            }
            case WARMUP_STABLE_DECAY -> stableThenDecay(step);
            case CONSTANT, CONSTANT_WITH_WARMUP -> 1;
        };
    }

    /** num_cycles waves; half of one, from 1 to 0, unless told otherwise. */
    private double cosine(double progress) {
        return 0.5 * (1 + Math.cos(Math.PI * arguments.number("num_cycles", 0.5) * 2 * progress));
    }

    /** From 1 to 0 becomes from 1 to the lowest. */
    private static double above(double lowest, double factor) {
        return factor * (1 - lowest) + lowest;
    }

    private double aboveLowest(double factor) {
        return Math.max(0, above(arguments.number("min_lr_ratio", 0), factor));
    }

    private double lowestRate() {
        return arguments.number("min_lr_rate").orElseGet(() -> arguments.number("min_lr", 0) / peak);
    }

    private double polynomial(int step) {
        double end = arguments.lrEnd();
        if (step > totalSteps) {
            return end / peak;
        }
        double left = 1 - (double) (step - warmupSteps) / (totalSteps - warmupSteps);
        return ((peak - end) * Math.pow(left, arguments.number("power", 1)) + end) / peak;
    }

    /** warmup_stable_decay: the peak, then down by decay_type, and the lowest for what is left. */
    private double stableThenDecay(int step) {
        double decaySteps = arguments.number("num_decay_steps", 0);
        double stableSteps = arguments.number("num_stable_steps", totalSteps - warmupSteps - decaySteps);
        double sinceDecay = step - warmupSteps - stableSteps;
        if (sinceDecay < 0) {
            return 1;
        }
        return sinceDecay < decaySteps
                ? aboveLowest(falling(arguments.curve("decay_type", "cosine"), sinceDecay / decaySteps))
                : arguments.number("min_lr_ratio", 0);
    }

    private static double rising(String curve, double progress) {
        return switch (curve) {
            case "cosine" -> 0.5 * (1 - Math.cos(Math.PI * progress));
            case "1-sqrt" -> 1 - Math.sqrt(1 - progress);
            default -> progress;
        };
    }

    private double falling(String curve, double progress) {
        return switch (curve) {
            case "cosine" -> cosine(progress);
            case "1-sqrt" -> 1 - Math.sqrt(progress);
            default -> 1 - progress;
        };
    }
}
