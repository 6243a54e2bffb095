package io.mmpo.data.tokens;

import java.util.Arrays;
import java.util.function.UnaryOperator;

/** Makes an encoded sample fit, or says why it cannot be used. */
final class Truncation {
    enum Verdict {
        KEPT,
        EMPTY_COMPLETION,
        LONG_PROMPT,
        NO_PROMPT
    }

    /** prompt and completions are only to be used if the verdict is KEPT. */
    record Result(Verdict verdict, int[] prompt, int[][] completions, boolean promptCut, boolean completionCut) {
        static Result dropped(Verdict verdict) {
            return new Result(verdict, new int[0], new int[0][], false, false);
        }
    }

    private final TokenizationOptions options;

    Truncation(TokenizationOptions options) {
        this.options = options;
    }

    Result apply(SampleTokenizer.Encoded encoded) {
        Parts parts = new Parts(encoded.prompt(), encoded.completions());
        if (parts.anyEmpty()) {
            return Result.dropped(Verdict.EMPTY_COMPLETION);
        }
        if (!encoded.whole()) {
            parts = new Parts(
                    lastOf(parts.prompt(), options.maxPromptLength().orElse(Integer.MAX_VALUE)),
                    map(
                            parts.completions(),
                            ids -> firstOf(ids, options.maxCompletionLength().orElse(Integer.MAX_VALUE))));
        }
        if (parts.prompt().length == 0 && !sameStart(parts.completions())) {
            return Result.dropped(Verdict.NO_PROMPT);
        }
        if (options.maxLength().isPresent()) {
            int max = options.maxLength().getAsInt();
            if (options.truncationMode() == TruncationMode.KEEP_START && parts.prompt().length >= max) {
                return Result.dropped(Verdict.LONG_PROMPT);
            }
            parts = options.truncationMode() == TruncationMode.KEEP_START ? keepStart(parts, max) : keepEnd(parts, max);
        }
        boolean promptCut = parts.prompt().length < encoded.prompt().length;
        boolean completionCut =
                parts.numCompletionTokens() < new Parts(encoded.prompt(), encoded.completions()).numCompletionTokens();
        if (parts.prompt().length == 0) {
            parts = parts.completions().length == 1 ? promptBeforeLearnt(parts) : firstTokenAsPrompt(parts);
            if (parts.prompt().length > 1 && parts.anyEmpty()) {
                return Result.dropped(Verdict.LONG_PROMPT); // what was to be learnt stands behind the cut
            }
        }
        return parts.anyEmpty()
                ? Result.dropped(Verdict.EMPTY_COMPLETION)
                : new Result(Verdict.KEPT, parts.prompt(), parts.completions(), promptCut, completionCut);
    }

    private record Parts(int[] prompt, int[][] completions) {
        boolean anyEmpty() {
            return Arrays.stream(completions).anyMatch(ids -> ids.length == 0);
        }

        int numCompletionTokens() {
            return Arrays.stream(completions).mapToInt(ids -> ids.length).sum();
        }
    }

    private static Parts keepStart(Parts parts, int max) {
        return new Parts(parts.prompt(), map(parts.completions(), ids -> firstOf(ids, max - parts.prompt().length)));
    }

    /** A pair shares its prompt, so the longer completion decides how much of it is left: at least the last token. */
    private static Parts keepEnd(Parts parts, int max) {
        int longest = Arrays.stream(parts.completions())
                .mapToInt(ids -> ids.length)
                .max()
                .orElseThrow();
        int[] prompt = lastOf(parts.prompt(), Math.max(max - longest, parts.completions().length > 1 ? 1 : 0));
        return new Parts(prompt, map(parts.completions(), ids -> lastOf(ids, max - prompt.length)));
    }

    /** Nothing predicts the first token of a sequence: it is what the rest is predicted from. */
    private static Parts firstTokenAsPrompt(Parts parts) {
        return new Parts(
                firstOf(parts.completions()[0], 1), map(parts.completions(), ids -> lastOf(ids, ids.length - 1)));
    }

    /** The same of one sequence, with all that is only read before the first token that is learnt; nothing comes of what is read behind the last. */
    private static Parts promptBeforeLearnt(Parts parts) {
        int[] ids = parts.completions()[0];
        int begin = 1;
        while (begin < ids.length && !Ids.isLearnt(ids[begin])) {
            begin++;
        }
        int end = ids.length;
        while (end > begin && !Ids.isLearnt(ids[end - 1])) {
            end--;
        }
        return new Parts(Ids.plain(firstOf(ids, begin)), new int[][] {Arrays.copyOfRange(ids, begin, end)});
    }

    private static int[][] map(int[][] completions, UnaryOperator<int[]> cut) {
        return Arrays.stream(completions).map(cut).toArray(int[][]::new);
    }

    private static boolean sameStart(int[][] completions) {
        return Arrays.stream(completions).allMatch(ids -> ids[0] == completions[0][0]);
    }

    private static int[] firstOf(int[] ids, int limit) {
        return ids.length <= limit ? ids : Arrays.copyOf(ids, limit);
    }

    private static int[] lastOf(int[] ids, int limit) {
        return ids.length <= limit ? ids : Arrays.copyOfRange(ids, ids.length - limit, ids.length);
    }
}
