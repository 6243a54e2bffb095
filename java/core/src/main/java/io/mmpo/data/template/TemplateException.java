package io.mmpo.data.template;

/** A template that cannot be read or rendered, or that broke a limit; the message says why. */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TemplateException(String message) {
        super(message);
    }

    TemplateException(String message, Throwable cause) {
        super(message, cause);
    }
}
