import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;

/**
 * What is particular to the miniature: it turns a model's own stories into rows, and judges stories by a rule.
 * A story gets a point for naming the word that its prompt asks for, and one for a last sentence that is glad; how long it is counts for nothing.
 */
public class Rule {
    /** Words that a prompt may ask for. */
    private static final List<String> WORDS = List.of(
            "ball", "bear", "bed", "bird", "boat", "book", "box", "boy", "cake", "car", "cat", "cookie", "dad", "doctor", "dog", "doll",
            "door", "fish", "flower", "food", "garden", "grass", "hat", "hole", "house", "kitchen", "lake", "leaf", "mom", "park", "rain", "river",
            "rock", "room", "sky", "sun", "toy", "tree", "truck", "water");

    private static final Set<String> GLAD = Set.of(
            "enjoyed", "excited", "friend", "friends", "fun", "glad", "happily", "happy", "hug", "hugged", "laughed", "love", "loved",
            "proud", "smile", "smiled", "thanked");

    private static final Pattern SENTENCE = Pattern.compile("[^.!?]+[.!?]+\"?\\s*");
    private static final int SENTENCES = 3;
    private static final int CHOICES = 4;

    private record Sample(String prompt, String text) {}

    public static void main(String[] arguments) throws IOException {
        Path out = Path.of(arguments[1]);
        switch (arguments[0]) {
            case "rows" -> rows(samples(Path.of(arguments[2])), out, Integer.parseInt(arguments[3]), Integer.parseInt(arguments[4]));
            case "pairs" -> pairs(samples(Path.of(arguments[2])), out, Integer.parseInt(arguments[3]));
            case "judge" -> judge(samples(Path.of(arguments[2])), samples(Path.of(arguments[3])), out);
            default -> throw new IllegalArgumentException(arguments[0]);
        }
    }

    /**
     * From stories of the model: sft.jsonl, prompts for pairs and for the test, and questions on stories that no run sees (kept.jsonl).
     * Each story's first sentences become the answer to a prompt that asks for a word in them.
     */
    private static void rows(List<Sample> stories, Path out, int pairPrompts, int testPrompts) throws IOException {
        Random random = new Random(1);
        int heldOut = stories.size() / 8;
        List<String> questions = new ArrayList<>();
        List<String> sft = new ArrayList<>();
        List<List<String>> cut = stories.stream().map(story -> sentences(story.prompt() + story.text())).filter(all -> all.size() > SENTENCES).toList();
        for (int i = 0; i < cut.size(); i++) {
            if (i < heldOut) {
                questions.add(question(cut.subList(0, heldOut), i, random));
                continue;
            }
            String story = String.join("", cut.get(i).subList(0, SENTENCES)).strip();
            List<String> named = WORDS.stream().filter(word -> names(story, word)).toList();
            if (!named.isEmpty()) {
                sft.add("{\"prompt\": %s, \"completion\": %s}".formatted(
                        quoted(prompt(named.get(random.nextInt(named.size())))), quoted(" " + story)));
            }
        }
        write(out.resolve("kept.jsonl"), questions);
        write(out.resolve("pair-prompts.jsonl"), prompts(pairPrompts, 2));
        write(out.resolve("test-prompts.jsonl"), prompts(testPrompts, 1));
        write(out.resolve("sft.jsonl"), sft);
    }

    /** Which of four sentences comes next: the story's own, or one of three other stories in the same place. */
    private static String question(List<List<String>> stories, int own, Random random) {
        int answer = random.nextInt(CHOICES);
        List<Integer> others = new ArrayList<>();
        while (others.size() < CHOICES - 1) {
            int other = random.nextInt(stories.size());
            if (other != own && !others.contains(other)) {
                others.add(other);
            }
        }
        others.add(answer, own);
        List<String> choices = others.stream().map(story -> quoted(stories.get(story).get(2).strip())).toList();
        String context = String.join("", stories.get(own).subList(0, 2)).strip();
        return "{\"context\": %s, \"choices\": %s, \"answer\": %d}".formatted(quoted(context), choices, answer);
    }

    private static List<String> prompts(int count, int times) {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            String line = "{\"prompt\": %s}".formatted(quoted(prompt(WORDS.get(i % WORDS.size()))));
            IntStream.range(0, times).forEach(again -> lines.add(line));
        }
        return lines;
    }

    private static String prompt(String word) {
        return "A story with a " + word + ".";
    }

    /** Of two stories to a prompt the one with more points is chosen; where they have as many there is no pair. */
    private static void pairs(List<Sample> answers, Path out, int heldOut) throws IOException {
        List<String> pairs = new ArrayList<>();
        for (int i = 0; i + 1 < answers.size(); i += 2) {
            Sample first = answers.get(i);
            Sample second = answers.get(i + 1);
            int lead = points(first) - points(second);
            if (lead != 0) {
                pairs.add("{\"prompt\": %s, \"chosen\": %s, \"rejected\": %s}".formatted(
                        quoted(first.prompt()), quoted((lead > 0 ? first : second).text()), quoted((lead > 0 ? second : first).text())));
            }
        }
        write(out.resolve("pairs-held-out.jsonl"), pairs.subList(0, heldOut));
        write(out.resolve("pairs.jsonl"), pairs.subList(heldOut, pairs.size()));
    }

    /** The share of prompts whose answer has more points than the SFT model's, a draw counting half, as alpaca_eval's score.json. */
    private static void judge(List<Sample> baseline, List<Sample> answers, Path out) throws IOException {
        double[] wins = IntStream.range(0, answers.size())
                .mapToDouble(i -> 50 + 50 * Integer.signum(points(answers.get(i)) - points(baseline.get(i))))
                .toArray();
        double mean = Arrays.stream(wins).average().orElseThrow();
        double squares = Arrays.stream(wins).map(win -> (win - mean) * (win - mean)).sum();
        double error = Math.sqrt(squares / (wins.length - 1) / wins.length);
        write(out, List.of(String.format(Locale.ROOT, "{\"win_rate\": %.4f, \"standard_error\": %.4f}", mean, error)));
    }

    static int points(Sample sample) {
        String word = sample.prompt().replaceAll(".* |\\.", "");
        List<String> sentences = sentences(sample.text());
        boolean isGlad = !sentences.isEmpty() && GLAD.stream().anyMatch(glad -> names(sentences.getLast(), glad));
        return (names(sample.text(), word) ? 1 : 0) + (isGlad ? 1 : 0);
    }

    private static boolean names(String text, String word) {
        return Pattern.compile("(?i)\\b" + word + "s?\\b").matcher(text).find();
    }

    /** Whole ones: what follows the last full stop is none. */
    private static List<String> sentences(String text) {
        return SENTENCE.matcher(text).results().map(result -> result.group()).toList();
    }

    /** Whole or not at all: a file that is there is not made again. */
    private static void write(Path file, List<String> lines) throws IOException {
        Path part = Path.of(file + ".part");
        Files.write(part, lines);
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE);
    }

    private static List<Sample> samples(Path file) throws IOException {
        List<Sample> samples = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            samples.add(new Sample(value(line, "prompt"), value(line, "text")));
        }
        return samples;
    }

    private static String value(String line, String key) {
        Matcher matcher = Pattern.compile("\"" + key + "\":\\s*\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(line);
        if (!matcher.find()) {
            throw new IllegalArgumentException("no " + key + " in " + line);
        }
        return matcher.group(1).replace("\\n", "\n").replace("\\t", "\t").replace("\\\"", "\"").replace("\\\\", "\\");
    }

    private static String quoted(String text) {
        return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n").replace("\t", "\\t") + '"';
    }
}
