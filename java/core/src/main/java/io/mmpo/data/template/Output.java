package io.mmpo.data.template;

/** The text that statements print. */
final class Output {
    private final StringBuilder text = new StringBuilder();

    void append(String more) {
        RenderLimits.text(text.length() + (long) more.length(), text.length());
        text.append(more);
    }

    int length() {
        return text.length();
    }

    @Override
    public String toString() {
        return text.toString();
    }
}
