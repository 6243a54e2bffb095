package io.mmpo.nativelib;

import com.fasterxml.jackson.databind.JsonNode;
import io.mmpo.SharedFiles;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;

/** golden/tiny_llama/golden.json: three preference pairs and what transformers makes of them. */
final class GoldenLlama {
    final JsonNode model;
    final List<int[]> prompts = new ArrayList<>();
    final List<int[][]> completions = new ArrayList<>();

    GoldenLlama(String name) throws IOException {
        JsonNode golden = SharedFiles.json("golden/tiny_llama/golden.json");
        model = golden.get("models").get(name);
        for (JsonNode pair : golden.get("pairs")) {
            prompts.add(ints(pair.get("prompt_ids")));
            completions.add(new int[][] {ints(pair.get("chosen_ids")), ints(pair.get("rejected_ids"))});
        }
    }

    PackedBatch batch() {
        return PackedBatch.of(prompts, completions);
    }

    /** Values given apart for chosen and rejected, as the batch has them: chosen before rejected of each pair. */
    double[] interleaved(String pointer, String chosen, String rejected) {
        double[] values = new double[2 * prompts.size()];
        for (int i = 0; i < prompts.size(); i++) {
            values[2 * i] = model.at(pointer).get(chosen).get(i).asDouble();
            values[2 * i + 1] = model.at(pointer).get(rejected).get(i).asDouble();
        }
        return values;
    }

    double[] refLogps() {
        return interleaved("/ref", "ref_chosen_logps", "ref_rejected_logps");
    }

    static int[] ints(JsonNode array) {
        int[] values = new int[array.size()];
        for (int i = 0; i < values.length; i++) {
            values[i] = array.get(i).asInt();
        }
        return values;
    }
}
