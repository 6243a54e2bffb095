package io.mmpo.train;

import io.mmpo.config.TrainingConfig;
import java.util.Arrays;
import java.util.BitSet;
import java.util.function.IntPredicate;
import java.util.stream.IntStream;

/**
 * Which rows belong to which optimizer step. An epoch's rows are cut into micro-batches, the last one smaller where they do
 * not divide; these are cut into optimizer steps, again the last one smaller; no step reaches into the next epoch.
 */
record StepPlan(int numRows, int microBatchSize, int accumulation, int totalSteps) {
    /** numRanks: processes that share each micro-batch, so many rows as the configuration says for each of them. */
    static StepPlan of(TrainingConfig config, int numRows, int numRanks) {
        int microBatchSize = Math.multiplyExact(config.batches().trainBatchSize(), numRanks);
        int accumulation = config.batches().gradientAccumulationSteps();
        int stepsPerEpoch = new StepPlan(numRows, microBatchSize, accumulation, 0).stepsPerEpoch();
        double steps = Math.ceil(config.schedule().numTrainEpochs() * stepsPerEpoch);
        int totalSteps = config.schedule().maxSteps().orElse((int) Math.min(Integer.MAX_VALUE, steps));
        return new StepPlan(numRows, microBatchSize, accumulation, totalSteps);
    }

    /** Whether every row is in some step, however many there are. */
    static boolean visitsEveryRow(TrainingConfig config) {
        return config.schedule().maxSteps().isEmpty() && config.schedule().numTrainEpochs() >= 1;
    }

    int microBatchesPerEpoch() {
        return Math.ceilDiv(numRows, microBatchSize);
    }

    int stepsPerEpoch() {
        return Math.ceilDiv(microBatchesPerEpoch(), accumulation);
    }

    /** step: from 0, as everywhere here. */
    int epochOf(int step) {
        return step / stepsPerEpoch();
    }

    /** First place of the step's rows in the order of its epoch. */
    int firstPlace(int step) {
        return (int) Math.min(numRows, (long) (step % stepsPerEpoch()) * microBatchSize * accumulation);
    }

    /** One past the last place of the step's rows. */
    int endPlace(int step) {
        return (int) Math.min(numRows, (long) (step % stepsPerEpoch() + 1) * microBatchSize * accumulation);
    }

    /** Rows of the run's steps that {@code wanted} accepts, each once, in the order of the file. */
    int[] rowsOf(IntPredicate wanted, RowOrder order) {
        BitSet rows = new BitSet(numRows);
        for (int epoch = 0; epoch < numEpochs() && rows.cardinality() < numRows; epoch++) {
            int[] places = order.ofEpoch(epoch);
            int firstStep = epoch * stepsPerEpoch();
            IntStream.range(firstStep, firstStep + Math.min(totalSteps - firstStep, stepsPerEpoch()))
                    .filter(wanted)
                    .flatMap(step -> Arrays.stream(places, firstPlace(step), endPlace(step)))
                    .forEach(rows::set);
        }
        return rows.stream().toArray();
    }

    boolean endsEpoch(int step) {
        return (step + 1) % stepsPerEpoch() == 0;
    }

    /** Epochs done after the step, a fraction inside one; counted in micro-batches, as Hugging Face does. */
    double epochsAfter(int step) {
        int microBatches = Math.ceilDiv(endPlace(step), microBatchSize);
        return epochOf(step) + (double) microBatches / microBatchesPerEpoch();
    }

    /** The passes over the data that the run begins. */
    int numEpochs() {
        return Math.ceilDiv(totalSteps, stepsPerEpoch());
    }
}
