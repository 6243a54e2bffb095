package io.mmpo.data.template;

import java.util.List;

/**
 * What a chat template has rendered, and where in it the assistant's text stands.
 *
 * @param marks in the order in which they were rendered; empty where the template marks nothing
 */
public record MarkedText(String text, List<Range> marks) {
    /** In chars; end is one past the last. */
    public record Range(int begin, int end) {}
}
