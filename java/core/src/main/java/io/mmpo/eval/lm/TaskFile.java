package io.mmpo.eval.lm;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import io.mmpo.MmpoException;
import io.mmpo.data.rows.TableRow;
import io.mmpo.data.template.PythonPattern;
import io.mmpo.data.template.TemplateException;
import io.mmpo.files.IoProblem;
import io.mmpo.files.JsonFile;
import io.mmpo.files.Utf8;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Function;

/** Reads a task's YAML, whose keys are lm-evaluation-harness's. */
final class TaskFile {
    private static final YAMLMapper YAML = YAMLMapper.builder(YAMLFactory.builder()
                    .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                    .build())
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .build();

    private static final int MAX_CHARACTERS = 1 << 20;
    private static final int DEFAULT_MAX_TOKENS = 256;

    private static final Set<String> KEYS = Set.of(
            "task",
            "dataset_path",
            "output_type",
            "description",
            "doc_to_text",
            "doc_to_target",
            "doc_to_choice",
            "gen_prefix",
            "target_delimiter",
            "fewshot_delimiter",
            "num_fewshot",
            "fewshot_config",
            "generation_kwargs",
            "metric_list",
            "filter_list",
            "repeats",
            "metadata");

    /** What says where the harness finds its rows, or sorts tasks into groups: it changes no score of given rows. */
    private static final Set<String> WITHOUT_MEANING = Set.of(
            "tag",
            "group",
            "task_alias",
            "dataset_name",
            "dataset_kwargs",
            "training_split",
            "validation_split",
            "test_split",
            "fewshot_split",
            "should_decontaminate",
            "doc_to_decontamination_query");

    private final String origin;
    private final ObjectNode yaml;

    private TaskFile(String origin, ObjectNode yaml) {
        this.origin = origin;
        this.yaml = yaml;
    }

    static TaskSpec read(Path file) {
        try {
            return parse(Utf8.read(file), file.toString());
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.CONFIGURATION,
                    e,
                    "The task %s cannot be read: %s. Check that it is there and readable.",
                    file,
                    IoProblem.of(e));
        }
    }

    /** origin: of the text, in messages. */
    static TaskSpec parse(String text, String origin) {
        if (text.length() > MAX_CHARACTERS) {
            throw MmpoException.configuration(
                    "A task may have %d characters, and %s has %d.", MAX_CHARACTERS, origin, text.length());
        }
        try {
            refuseTags(text, origin);
            if (YAML.readTree(text) instanceof ObjectNode object) {
                return new TaskFile(origin, object).spec();
            }
            throw MmpoException.configuration("%s must hold the keys of a task.", origin);
        } catch (JsonProcessingException e) {
            throw MmpoException.of(
                    MmpoException.Kind.CONFIGURATION, e, "%s is not valid YAML: %s.", origin, JsonFile.problem(e));
        } catch (IOException e) {
            throw new IllegalStateException("a text could not be read", e);
        }
    }

    /** !function names Python code, which would otherwise pass for text. */
    private static void refuseTags(String text, String origin) throws IOException {
        try (JsonParser parser = YAML.createParser(text)) {
            while (parser.nextToken() != null) {
                if (parser.getTypeId() != null) {
                    throw MmpoException.configuration(
                            "%s, line %d: the tag !%s names code of Python, which is not run. Write what it does as a template; there are the"
                                    + " filters regex_replace, regex_findall and literal_eval for that.",
                            origin, parser.currentTokenLocation().getLineNr(), parser.getTypeId());
                }
            }
        }
    }

    private TaskSpec spec() {
        requireKnownKeys();
        String name = text("task", "");
        if (!name.matches("[A-Za-z0-9_.+-]+")) {
            throw error("task must be a name of letters, digits, '_', '-', '+' and '.', found '%s'", name);
        }
        OutputType type = oneOf("output_type", OutputType.values(), OutputType::key);
        Optional<TaskField> choices = field("doc_to_choice");
        if (type == OutputType.MULTIPLE_CHOICE && choices.isEmpty()) {
            throw error("output_type multiple_choice needs doc_to_choice");
        }
        if (yaml.path("repeats").asInt(1) != 1) {
            throw error("repeats must be 1, found %s", yaml.path("repeats"));
        }
        JsonNode fewshot = object("fewshot_config", Set.of("sampler", "samples"));
        JsonNode generation = generation();
        return new TaskSpec(
                name,
                Optional.of(text("dataset_path", ""))
                        .filter(path -> !path.isEmpty())
                        .map(path -> path.substring(path.lastIndexOf('/') + 1)),
                type,
                field("description"),
                field("doc_to_text").orElseThrow(() -> error("doc_to_text is wanted")),
                field("doc_to_target").orElseThrow(() -> error("doc_to_target is wanted")),
                choices,
                field("gen_prefix"),
                text("target_delimiter", " "),
                text("fewshot_delimiter", "\n\n"),
                whole(yaml.path("num_fewshot"), "num_fewshot", 0, 0),
                takesFirst(fewshot),
                examples(fewshot),
                texts(generation.path("until"), "generation_kwargs.until"),
                whole(generation.path("max_gen_toks"), "generation_kwargs.max_gen_toks", 1, DEFAULT_MAX_TOKENS),
                metrics(type),
                filters(type),
                yaml.path("metadata").path("version").asText("Yaml"),
                YAML.convertValue(
                        yaml, YAML.getTypeFactory().constructMapType(LinkedHashMap.class, String.class, Object.class)));
    }

    private void requireKnownKeys() {
        yaml.fieldNames().forEachRemaining(key -> {
            if (!KEYS.contains(key) && !WITHOUT_MEANING.contains(key)) {
                throw error("there is no key %s; those that count are %s", key, String.join(", ", new TreeSet<>(KEYS)));
            }
        });
    }

    private JsonNode generation() {
        JsonNode generation = object("generation_kwargs", Set.of("until", "max_gen_toks", "do_sample", "temperature"));
        if (generation.path("do_sample").asBoolean(false)) {
            throw error("generation_kwargs.do_sample must be false: answers are decoded greedily");
        }
        return generation;
    }

    private boolean takesFirst(JsonNode fewshot) {
        String sampler = fewshot.path("sampler").asText("default");
        if (!List.of("default", "first_n").contains(sampler)) {
            throw error("fewshot_config.sampler must be default or first_n, found %s", sampler);
        }
        return sampler.equals("first_n");
    }

    private List<Map<String, Object>> examples(JsonNode fewshot) {
        List<Map<String, Object>> examples = new ArrayList<>();
        for (JsonNode sample : fewshot.path("samples")) {
            if (!sample.isObject()) {
                throw error("fewshot_config.samples must be a list of rows, found %s", JsonFile.describe(sample));
            }
            examples.add(TableRow.plain((ObjectNode) sample));
        }
        return List.copyOf(examples);
    }

    private List<Metric> metrics(OutputType type) {
        List<Metric> metrics = new ArrayList<>();
        for (JsonNode entry : yaml.path("metric_list")) {
            Metric.Name name = Arrays.stream(Metric.Name.values())
                    .filter(metric -> metric.key().equals(entry.path("metric").asText()) && metric.isOf(type))
                    .findFirst()
                    .orElseThrow(() -> error(
                            "the metric %s is none of output_type %s; there are %s",
                            entry.path("metric"),
                            type.key(),
                            Arrays.stream(Metric.Name.values())
                                    .filter(metric -> metric.isOf(type))
                                    .map(Metric.Name::key)
                                    .toList()));
            String aggregation = entry.path("aggregation").asText("mean");
            if (!aggregation.equals(name == Metric.Name.PERPLEXITY ? "perplexity" : "mean")
                    && entry.has("aggregation")) {
                throw error("the aggregation %s of the metric %s is not there", aggregation, name.key());
            }
            List<String> regexes = texts(entry.path("regexes_to_ignore"), "regexes_to_ignore");
            regexes.forEach(this::requirePattern);
            metrics.add(new Metric(
                    name,
                    regexes,
                    entry.path("ignore_case").asBoolean(false),
                    entry.path("ignore_punctuation").asBoolean(false),
                    entry.path("ignore_numbers").asBoolean(false)));
        }
        return metrics.isEmpty()
                ? Arrays.stream(Metric.Name.values())
                        .filter(metric -> metric.isOf(type)
                                && (type != OutputType.MULTIPLE_CHOICE || metric != Metric.Name.EXACT_MATCH))
                        .map(Metric::plain)
                        .toList()
                : List.copyOf(metrics);
    }

    private List<AnswerFilter> filters(OutputType type) {
        List<AnswerFilter> filters = new ArrayList<>();
        for (JsonNode entry : yaml.path("filter_list")) {
            List<AnswerFilter.Extraction> extractions = new ArrayList<>();
            for (JsonNode step : entry.path("filter")) {
                String function = step.path("function").asText();
                switch (function) {
                    case "take_first" -> {}
                    case "regex" ->
                        extractions.add(new AnswerFilter.Extraction(
                                requirePattern(step.path("regex_pattern").asText("#### (\\-?[0-9\\.\\,]+)")),
                                step.path("group_select").asInt(0),
                                step.path("fallback").asText("[invalid]")));
                    default -> throw error("there is no filter %s, but regex and take_first", function);
                }
            }
            filters.add(new AnswerFilter(entry.path("name").asText("none"), List.copyOf(extractions)));
        }
        if (type != OutputType.GENERATE_UNTIL && !filters.isEmpty()) {
            throw error("filter_list is of output_type generate_until");
        }
        return filters.isEmpty() ? List.of(AnswerFilter.NONE) : List.copyOf(filters);
    }

    private String requirePattern(String pattern) {
        try {
            PythonPattern.compile(pattern);
            return pattern;
        } catch (TemplateException e) {
            throw MmpoException.of(MmpoException.Kind.CONFIGURATION, e, "%s: %s.", origin, e.getMessage());
        }
    }

    private Optional<TaskField> field(String key) {
        JsonNode value = yaml.path(key);
        if (value.isMissingNode() || value.isNull()) {
            return Optional.empty();
        }
        try {
            return Optional.of(new TaskField(key, YAML.convertValue(value, Object.class)));
        } catch (TemplateException e) {
            throw MmpoException.of(
                    MmpoException.Kind.CONFIGURATION, e, "%s: %s is no template: %s.", origin, key, e.getMessage());
        }
    }

    private JsonNode object(String key, Set<String> known) {
        JsonNode object = yaml.path(key);
        object.fieldNames().forEachRemaining(name -> {
            if (!known.contains(name)) {
                throw error("there is no key %s.%s, but %s", key, name, String.join(", ", new TreeSet<>(known)));
            }
        });
        return object;
    }

    private String text(String key, String otherwise) {
        JsonNode value = yaml.path(key);
        if (!value.isMissingNode() && !value.isTextual()) {
            throw error("%s must be a text, found %s", key, JsonFile.describe(value));
        }
        return value.asText(otherwise);
    }

    private List<String> texts(JsonNode value, String key) {
        List<String> texts = new ArrayList<>();
        if (value.isTextual()) {
            texts.add(value.textValue());
        } else {
            for (JsonNode element : value) {
                if (!element.isTextual()) {
                    throw error("%s must be a list of texts, found %s", key, JsonFile.describe(element));
                }
                texts.add(element.textValue());
            }
        }
        return List.copyOf(texts);
    }

    private int whole(JsonNode value, String key, int smallest, int otherwise) {
        if (value.isMissingNode() || value.isNull()) {
            return otherwise;
        }
        if (!value.isInt() || value.intValue() < smallest) {
            throw error("%s must be a whole number of at least %d, found %s", key, smallest, JsonFile.describe(value));
        }
        return value.intValue();
    }

    private <T> T oneOf(String key, T[] values, Function<T, String> names) {
        String found = text(key, "");
        return Arrays.stream(values)
                .filter(value -> names.apply(value).equals(found))
                .findFirst()
                .orElseThrow(() -> error(
                        "%s must be one of %s, found '%s'",
                        key, Arrays.stream(values).map(names).toList(), found));
    }

    private MmpoException error(String format, Object... arguments) {
        return MmpoException.configuration("%s: %s.", origin, String.format(Locale.ROOT, format, arguments));
    }
}
