package io.mmpo.nativelib;

/** Hears the tokens that generation produces, on the thread that called it, which must not call the model meanwhile. */
@FunctionalInterface
public interface TokenListener {
    /** What follows a token: the prompt's text goes on; it ends; all texts end, and none begins. In the order of mmpo_generation. */
    enum Next {
        GOES_ON,
        ENDS_PROMPT,
        ENDS_ALL
    }

    /** Hears nothing. */
    TokenListener NONE = (prompt, token) -> Next.GOES_ON;

    Next heard(int prompt, int token);
}
