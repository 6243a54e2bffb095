package io.mmpo.quickstart;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CorpusTest {
    @TempDir
    Path directory;

    @Test
    void noQuestionIsInTwoSplits() {
        Corpus corpus = Corpus.generate(1, 36, 2);
        Set<String> all = new HashSet<>();
        int questions = 0;
        for (Corpus.Split split : List.of(corpus.train(), corpus.validation(), corpus.test())) {
            split.examples().forEach(example -> all.add(example.question()));
            questions += split.examples().size();
            Set<String> own = split.examples().stream().map(Example::question).collect(Collectors.toSet());
            assertThat(split.pairs())
                    .allSatisfy(pair -> assertThat(own).contains(pair.example().question()));
            assertThat(split.demonstrations())
                    .allSatisfy(row -> assertThat(own).contains(row.example().question()));
        }
        assertThat(all).hasSize(questions);
    }

    @Test
    void everyHeldOutFactIsTaughtInOtherWords() {
        Corpus corpus = Corpus.generate(2, 36, 1);
        Set<Topic.Fact> taught =
                corpus.train().examples().stream().map(Example::fact).collect(Collectors.toSet());
        assertThat(corpus.test().examples())
                .allSatisfy(example -> assertThat(taught).contains(example.fact()));
        assertThat(corpus.test().examples()).hasSameSizeAs(taught);
    }

    @Test
    void halfOfTheDemonstrationsEarnEveryPoint() {
        Corpus.Split train = Corpus.generate(3, 10, 2).train();
        long good = train.demonstrations().stream()
                .filter(row -> points(row.example(), row.answer()) == AnswerRule.MOST_POINTS)
                .count();
        assertThat(good).isEqualTo(train.demonstrations().size() / 2);
        for (Corpus.Pair pair : train.pairs()) {
            assertThat(points(pair.example(), pair.chosen()))
                    .as("%s / %s", pair.chosen(), pair.rejected())
                    .isGreaterThan(points(pair.example(), pair.rejected()));
        }
    }

    private static int points(Example example, String answer) {
        return AnswerRule.judge(example.fact(), new AnswerRule.Answer(answer, true))
                .points();
    }

    @Test
    void aSeedDecidesEveryByte() throws IOException {
        Path first = write("first", 7);
        Path same = write("same", 7);
        Path other = write("other", 8);
        assertThat(Files.mismatch(first, same)).isEqualTo(-1);
        assertThat(Files.mismatch(first, other)).isNotEqualTo(-1);
    }

    private Path write(String name, long seed) throws IOException {
        Path target = Files.createDirectories(directory.resolve(name));
        Path pairs = Files.createDirectories(target.resolve("pairs"));
        CorpusFiles.write(Corpus.generate(seed, 4, 1), target, pairs);
        assertThat(pairs.toFile().list()).containsExactlyInAnyOrder("train.jsonl", "validation.jsonl", "test.jsonl");
        return pairs.resolve("train.jsonl");
    }

    @Test
    void everyTopicHasTheSameNumberOfWaysToAsk() {
        assertThat(Topic.ALL)
                .allSatisfy(topic -> assertThat(topic.questions())
                        .hasSize(Topic.NUM_QUESTIONS)
                        .doesNotHaveDuplicates());
        assertThat(Topic.ALL).allSatisfy(topic -> assertThat(topic.facts()).doesNotHaveDuplicates());
    }

    @Test
    void sentencesAreWholeOrCutBeforeTheirAnswer() {
        Topic topic = Topic.ALL.getFirst();
        Topic.Fact sky = topic.facts().getFirst();
        assertThat(topic.ask(0, sky)).isEqualTo("What colour is the sky?");
        assertThat(topic.state(sky)).isEqualTo("The sky is blue.");
        assertThat(topic.stateHalf(sky)).isEqualTo("The sky is");
    }
}
