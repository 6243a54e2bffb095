package io.mmpo.eval.lm;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A row as the model is asked it.
 *
 * @param docId its place in the file, from 0
 * @param target what the task's doc_to_target gives
 * @param choices empty where the task has none
 * @param right the numbers of the right choices; empty where none is among them
 * @param requests one a choice, or one
 */
record Question(
        int docId,
        ObjectNode doc,
        @Nullable Object target,
        List<String> choices,
        List<Integer> right,
        List<Request> requests) {
    /** What is scored, or continued: then the continuation is empty. */
    record Request(String context, String continuation) {}
}
