package io.mmpo.data.template;

/** Whose settings a template is read and rendered with. */
public enum JinjaEnvironment {
    /**
     * transformers', of chat templates: trim_blocks and lstrip_blocks are on, the last line end is dropped, what is undefined
     * prints as nothing.
     */
    CHAT,
    /**
     * lm-evaluation-harness's, of tasks: white space stays as it is, an undefined name or value must not be printed, and there
     * are the filters of {@link EvaluationFilters}.
     */
    EVALUATION
}
