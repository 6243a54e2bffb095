package io.mmpo.quickstart;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

class AnswerRuleTest {
    private static final Topic.Fact SKY = new Topic.Fact("the sky", "sky", "blue");

    private static AnswerRule.Verdict judge(String text) {
        return AnswerRule.judge(SKY, new AnswerRule.Answer(text, true));
    }

    @Test
    void eachPropertyEarnsAPoint() {
        assertThat(judge("Of course! The sky is blue.").points()).isEqualTo(3);
        assertThat(judge("The sky is blue.").points()).as("no courtesy").isEqualTo(2);
        assertThat(judge("Of course! The sky is").points()).as("no end").isEqualTo(2);
        assertThat(judge("Of course! The sea is blue.").points())
                .as("another thing")
                .isEqualTo(2);
        assertThat(judge("").points()).isZero();
    }

    @Test
    void aRudeWordOutweighsCourtesy() {
        assertThat(judge("Of course, fool! The sky is blue.").polite()).isFalse();
        assertThat(judge("PLEASE GO AWAY. The sky is blue.").polite()).isFalse();
    }

    @Test
    void wordsCountOnlyWhole() {
        assertThat(judge("I am foolishly glad. The sky is blue.").polite()).isTrue();
        assertThat(judge("Gladly! The skylark sings.").onTopic()).isFalse();
        assertThat(judge("Gladly! THE SKY is blueish.").onTopic()).isTrue();
        assertThat(judge("Gladly! The sky is blueish.").right()).isFalse();
        Topic.Fact sum = new Topic.Fact("1 plus 4", "1 plus 4", "5");
        assertThat(AnswerRule.judge(sum, new AnswerRule.Answer("11 plus 4 is 5.", true))
                        .onTopic())
                .isFalse();
        assertThat(AnswerRule.judge(sum, new AnswerRule.Answer("1 plus 4 is 15.", true))
                        .right())
                .isFalse();
    }

    @Test
    void anAnswerThatWasCutOffIsNotComplete() {
        assertThat(AnswerRule.judge(SKY, new AnswerRule.Answer("Of course! The sky is blue.", false))
                        .complete())
                .isFalse();
        assertThat(judge("Of course! The sky is blue,").complete()).isFalse();
    }

    @Test
    void aWrongFactEarnsItsPointsAndIsCountedApart() {
        AnswerRule.Verdict verdict = judge("Of course! The sky is green.");
        assertThat(verdict.points()).isEqualTo(3);
        assertThat(verdict.right()).isFalse();
    }

    /** What the corpus calls good earns every point, and each fault costs at least the one that it is named after. */
    @Test
    void theRuleAgreesWithTheGenerator() {
        Random random = new Random(1);
        for (Topic topic : Topic.ALL) {
            for (Topic.Fact fact : topic.facts()) {
                Example example = new Example(topic, fact, topic.ask(0, fact));
                for (int i = 0; i < 8; i++) {
                    String good = Responses.good(example, random);
                    AnswerRule.Verdict verdict = AnswerRule.judge(fact, new AnswerRule.Answer(good, true));
                    assertThat(verdict.points()).as(good).isEqualTo(AnswerRule.MOST_POINTS);
                    assertThat(verdict.right()).as(good).isTrue();
                    assertThat(judge(example, Responses.Fault.RUDE, random).polite())
                            .isFalse();
                    assertThat(judge(example, Responses.Fault.CUT, random).complete())
                            .isFalse();
                    assertThat(judge(example, Responses.Fault.CUT, random).right())
                            .isFalse();
                    assertThat(judge(example, Responses.Fault.OFF_TOPIC, random).onTopic())
                            .isFalse();
                }
            }
        }
    }

    private static AnswerRule.Verdict judge(Example example, Responses.Fault fault, Random random) {
        return AnswerRule.judge(example.fact(), new AnswerRule.Answer(Responses.faulty(example, fault, random), true));
    }
}
