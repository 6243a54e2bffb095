package io.mmpo.data.template;

/** A template that cannot be read or rendered, or that broke a limit; the message says why. */
public final class TemplateException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private static final int MAX_EXCERPT = 300;

    private final boolean located;

    TemplateException(String message) {
        super(message);
        this.located = false;
    }

    TemplateException(String message, Throwable cause) {
        super(message, cause);
        this.located = false;
    }

    private TemplateException(TemplateException unlocated, int line) {
        super(unlocated.getMessage() + " (line " + line + " of the template)", unlocated);
        this.located = true;
    }

    /** The same with the line that it comes from; the innermost one stays. */
    TemplateException at(int line) {
        return located ? this : new TemplateException(this, line);
    }

    /** Text from a template or a row, short enough for a message. */
    static String excerpt(String text) {
        if (text.length() <= MAX_EXCERPT) {
            return text;
        }
        int end = Character.isHighSurrogate(text.charAt(MAX_EXCERPT - 1)) ? MAX_EXCERPT - 1 : MAX_EXCERPT;
        return text.substring(0, end) + "... (" + text.length() + " characters)";
    }
}
