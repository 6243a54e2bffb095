package io.mmpo.nativelib;

/** Hears the tokens that generation produces, on the thread that called it, which must not call the model meanwhile. */
@FunctionalInterface
public interface TokenListener {
    /** Hears nothing. */
    TokenListener NONE = (prompt, token) -> true;

    /** Whether the prompt's text goes on after this token. */
    boolean heard(int prompt, int token);
}
