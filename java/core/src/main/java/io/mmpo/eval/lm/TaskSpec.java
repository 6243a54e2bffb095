package io.mmpo.eval.lm;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A task, as its YAML says it.
 *
 * @param name of the task in options and results
 * @param dataName of its rows' file in the data directory, where there is none of the task's own name
 * @param description before everything else; a template
 * @param docToText the question
 * @param docToTarget the answer: a text, the number of a choice, or several of them
 * @param docToChoice the choices; empty where the task has none
 * @param genPrefix what the answer begins with; part of the context
 * @param targetDelimiter between question and answer
 * @param fewshotDelimiter behind an example
 * @param numFewshot examples, unless the command says another number
 * @param takesFirstExamples else they are drawn for every row
 * @param examples that the task itself brings; empty: they come from a file, or from the rows
 * @param until stop texts of a generated answer, which has at most maxGenToks tokens
 * @param source the YAML, for results.json
 */
record TaskSpec(
        String name,
        Optional<String> dataName,
        OutputType outputType,
        Optional<TaskField> description,
        TaskField docToText,
        TaskField docToTarget,
        Optional<TaskField> docToChoice,
        Optional<TaskField> genPrefix,
        String targetDelimiter,
        String fewshotDelimiter,
        int numFewshot,
        boolean takesFirstExamples,
        List<Map<String, Object>> examples,
        List<String> until,
        int maxGenToks,
        List<Metric> metrics,
        List<AnswerFilter> filters,
        String version,
        Map<String, Object> source) {}
