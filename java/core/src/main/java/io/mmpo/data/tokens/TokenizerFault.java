package io.mmpo.data.tokens;

/** The tokenizers library refused a definition or a text, or broke down over it; the message is its own. */
final class TokenizerFault extends RuntimeException {
    private static final long serialVersionUID = 1L;

    TokenizerFault(String message) {
        super(message);
    }

    TokenizerFault(String message, Throwable cause) {
        super(message, cause);
    }

    String reason() {
        return String.valueOf(getMessage());
    }
}
