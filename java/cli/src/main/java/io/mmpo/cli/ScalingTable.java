package io.mmpo.cli;

import static io.mmpo.spec.ByteUnits.GIB;

import io.mmpo.config.TrainingConfig;
import io.mmpo.plan.Cluster;
import io.mmpo.plan.PlannedModel;
import io.mmpo.plan.ScalingPlan;
import io.mmpo.plan.TrainingPlan.Choices;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** The table of {@code mmpo plan} over numbers of devices: what a step takes of each, and what several make of it. */
final class ScalingTable {
    private static final int GROWTH = 8;

    private ScalingTable() {}

    /** One device, one node, and eight times as many nodes as in the line before, up to all of them. */
    private static List<Cluster> clusters(Cluster all) {
        List<Cluster> clusters = new ArrayList<>(List.of(all.of(1, 1)));
        for (int nodes = 1; nodes < all.nodes(); nodes *= GROWTH) {
            clusters.add(all.of(nodes, all.devicesPerNode()));
        }
        clusters.add(all);
        return clusters.stream().distinct().toList();
    }

    static void print(PrintWriter out, TrainingConfig config, PlannedModel model, Choices choices, Cluster all) {
        out.println(
                "devices rows/step  tokens/s linear  step s = passes +  waits + update + weights  GB sent  GiB each");
        double tokensOfOne = 0;
        for (Cluster cluster : clusters(all)) {
            ScalingPlan plan = ScalingPlan.of(config, model, choices, cluster);
            if (tokensOfOne == 0) {
                tokensOfOne = plan.tokensPerSecond();
            }
            out.printf(
                    Locale.ROOT,
                    "%7d %9d %9.0f %5.0f%% %7.2f %8.2f %8.2f %8.3f %9.3f %8.1f %9.1f%n",
                    cluster.devices(),
                    plan.rowsPerStep(),
                    plan.tokensPerSecond(),
                    100 * plan.tokensPerSecond() / (cluster.devices() * tokensOfOne),
                    plan.stepSeconds(),
                    plan.compute(),
                    plan.exposed(),
                    plan.update(),
                    plan.gather(),
                    plan.bytesSent() / 1e9,
                    plan.memory().total() / GIB);
        }
        out.println();
    }
}
