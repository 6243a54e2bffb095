package io.mmpo.data.tokens;

/** The native tokenizers library with one tokenizer loaded. Safe for use by several threads. */
interface TokenizerLibrary extends AutoCloseable {
    /**
     * The ids of a text, nothing added.
     *
     * @throws TokenizerFault where the library refuses the text
     */
    int[] encode(String text);

    /**
     * The same ids, and where in the text they stand.
     *
     * @throws TokenizerFault where the library refuses the text
     */
    TokenSpans encodeWithSpans(String text);

    String decode(int[] ids, boolean skipSpecialTokens);

    @Override
    void close();
}
