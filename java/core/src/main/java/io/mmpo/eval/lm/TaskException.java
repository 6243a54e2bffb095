package io.mmpo.eval.lm;

/** A row of which a task's field cannot be made; the message follows the field's name. */
final class TaskException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TaskException(String message) {
        super(message);
    }

    TaskException(String message, Throwable cause) {
        super(message, cause);
    }
}
