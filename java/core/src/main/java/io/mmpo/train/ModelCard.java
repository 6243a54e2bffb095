package io.mmpo.train;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.mmpo.Evaluation;
import io.mmpo.PrintableText;
import io.mmpo.RunMetrics;
import io.mmpo.StepMetrics;
import io.mmpo.config.DatasetOptions;
import io.mmpo.config.TrainingConfig;
import io.mmpo.hub.HubRepository;
import io.mmpo.model.PretrainedModel;
import io.mmpo.run.MetricNames;
import io.mmpo.run.MetricsLog;
import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;

/**
 * README.md beside a final model: front matter as hubs read it, then how the model is loaded, what it was trained on and how, and what
 * was measured. It says nothing of times and places, so that a run that is done again leaves the same bytes.
 */
final class ModelCard {
    static final String FILE = "README.md";

    /** Metrics that are functions of the weights and the rows. */
    private static final Pattern REPEATABLE = Pattern.compile("(eval_)?(loss|rewards/\\w+|logps/\\w+)");

    private static final MathContext DIGITS = new MathContext(5, RoundingMode.HALF_EVEN);
    private static final YAMLMapper YAML = new YAMLMapper(YAMLFactory.builder()
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .build());

    private final TrainingConfig config;
    private final StepPlan plan;
    private final PretrainedModel model;
    private final MetricsLog log;

    ModelCard(TrainingConfig config, StepPlan plan, PretrainedModel model, MetricsLog log) {
        this.config = config;
        this.plan = plan;
        this.model = model;
        this.log = log;
    }

    /** Of the model as it was after so many steps. */
    private static String steps(int count) {
        return count + (count == 1 ? " step" : " steps");
    }

    String afterStep(int step) {
        StringBuilder card = new StringBuilder("---\n").append(frontMatter()).append("---\n\n");
        String base = code(config.model().model().toString());
        String losses = String.join(", ", config.loss().words());
        card.append("# ").append(base).append(" trained with ").append(losses).append("\n\n");
        card.append(isAdapter() ? "A LoRA adapter of " : "The model of ").append(base);
        card.append(", trained with `loss_type: ").append(losses).append("` by mmpo: ");
        card.append(steps(step)).append(" of ");
        card.append((long) plan.microBatchSize() * plan.accumulation())
                .append(' ')
                .append(units());
        if (step < plan.totalSteps()) {
            card.append(", the best of the checkpoints of ").append(steps(plan.totalSteps()));
        }
        card.append(". Weights are ").append(config.savedFormat().type().key()).append(".");
        if (config.model().computeType().isOverFp8()) {
            card.append(
                    " While training, what is frozen of the base's projections was held in eight bits (`base_precision: fp8`); the adapter"
                            + " is used with the base's own weights, or with the same rounding of them.");
        }
        card.append('\n');
        howToLoad(card);
        data(card);
        metrics(card, step);
        settings(card);
        return card.toString();
    }

    /** Names that a hub would not know, those of local files, are left out. */
    private String frontMatter() {
        Map<String, Object> keys = new LinkedHashMap<>();
        keys.put("library_name", isAdapter() ? "peft" : "transformers");
        keys.put("pipeline_tag", "text-generation");
        hubName(HubRepository.Type.MODEL, model.source().baseName()).ifPresent(name -> keys.put("base_model", name));
        List<String> datasets = config.data().training().stream()
                .flatMap(data -> hubName(HubRepository.Type.DATASET, data.path()).stream())
                .distinct()
                .toList();
        if (!datasets.isEmpty()) {
            keys.put("datasets", datasets);
        }
        keys.put("tags", tags());
        try {
            return YAML.writeValueAsString(keys);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("a model card's front matter could not be written as YAML", e);
        }
    }

    private static Optional<String> hubName(HubRepository.Type type, String name) {
        return Files.exists(Path.of(name))
                ? Optional.empty()
                : HubRepository.parse(type, name).map(HubRepository::id);
    }

    private boolean isAdapter() {
        return model.adapter().isPresent();
    }

    private List<String> tags() {
        Set<String> tags = new LinkedHashSet<>(List.of("mmpo"));
        tags.addAll(isAdapter() ? List.of("lora") : List.of());
        tags.addAll(config.loss().words());
        return List.copyOf(tags);
    }

    private void howToLoad(StringBuilder card) {
        boolean hasTokenizer =
                Files.isRegularFile(model.source().tokenizerDirectory().resolve("tokenizer.json"));
        String type = isAdapter() ? "AutoPeftModelForCausalLM" : "AutoModelForCausalLM";
        card.append("\n## How to load it\n\n```python\n");
        card.append(isAdapter() ? "from peft import AutoPeftModelForCausalLM\n" : "");
        String fromTransformers = (isAdapter() ? "" : type)
                + (isAdapter() || !hasTokenizer ? "" : ", ")
                + (hasTokenizer ? "AutoTokenizer" : "");
        if (!fromTransformers.isEmpty()) {
            card.append("from transformers import ").append(fromTransformers).append('\n');
        }
        card.append("\nhere = \".\"  # this directory, or the name that it has on a hub\n");
        card.append("model = ").append(type).append(".from_pretrained(here)\n");
        card.append(hasTokenizer ? "tokenizer = AutoTokenizer.from_pretrained(here)\n" : "");
        card.append("```\n");
        if (hasTokenizer) {
            card.append("\nWith mmpo: `mmpo generate --model . --prompt \"...\"`.\n");
        }
    }

    private void data(StringBuilder card) {
        card.append("\n## Data\n\n");
        for (DatasetOptions data : config.data().training()) {
            card.append("* ").append(code(data.path())).append(", split ").append(code(data.split()));
            data.config().ifPresent(name -> card.append(", configuration ").append(code(name)));
            card.append(data.weight() == 1 ? "" : ", weight " + number(data.weight()))
                    .append('\n');
        }
        card.append("\n").append(plan.numRows()).append(' ').append(units()).append(" in an epoch.");
        if (last(Evaluation.class, plan.totalSteps()).isPresent()) {
            config.data()
                    .evaluation()
                    .ifPresent(data -> card.append(" Evaluated on ")
                            .append(code(data.path()))
                            .append(", split ")
                            .append(code(data.split()))
                            .append('.'));
        }
        card.append('\n');
    }

    private String units() {
        return config.data().packing() ? "packed sequences" : config.loss().isSft() ? "rows" : "pairs";
    }

    private void metrics(StringBuilder card, int step) {
        card.append("\n## Metrics\n\n| | step | value |\n|---|---:|---:|\n");
        rows(card, last(StepMetrics.class, step));
        rows(card, last(Evaluation.class, step));
        card.append(
                "\nThose that begin with `eval_` are over all evaluation rows, the others over the steps since the line before.\n");
    }

    private static void rows(StringBuilder card, Optional<RunMetrics> line) {
        line.map(MetricNames::of)
                .ifPresent(values -> values.forEach((name, value) -> {
                    if (REPEATABLE.matcher(name).matches()) {
                        card.append("| `").append(name).append("` | ");
                        card.append(line.get().step()).append(" | ");
                        card.append(number(value.doubleValue())).append(" |\n");
                    }
                }));
    }

    /** The last line of its kind up to the step. */
    private Optional<RunMetrics> last(Class<? extends RunMetrics> kind, int step) {
        return log.history().stream()
                .filter(line -> kind.isInstance(line) && line.step() <= step)
                .reduce((before, after) -> after);
    }

    private void settings(StringBuilder card) {
        String yaml = config.decisiveYaml();
        String fence = longestRunOfBackticks(yaml) < 3 ? "```" : "`".repeat(longestRunOfBackticks(yaml) + 1);
        card.append("\n## Settings\n\nThe keys that decide what the weights become, as `mmpo train` reads them.\n\n");
        card.append(fence).append("yaml\n").append(yaml).append(fence).append('\n');
    }

    /** A name from outside, which is shown as it is whatever letters it has. */
    private static String code(String text) {
        String line = PrintableText.line(text);
        String fence = "`".repeat(longestRunOfBackticks(line) + 1);
        boolean touches = line.startsWith("`") || line.endsWith("`");
        return touches ? fence + " " + line + " " + fence : fence + line + fence;
    }

    private static int longestRunOfBackticks(String text) {
        int longest = 0;
        int run = 0;
        for (int i = 0; i < text.length(); i++) {
            run = text.charAt(i) == '`' ? run + 1 : 0;
            longest = Math.max(longest, run);
        }
        return longest;
    }

    private static String number(double value) {
        return Double.isFinite(value)
                ? new BigDecimal(value).round(DIGITS).stripTrailingZeros().toPlainString()
                : Double.toString(value);
    }
}
