package io.mmpo.data.template;

import java.util.List;

/** What {@code groupby} gives: a pair whose halves have names, {@code grouper} and {@code list}. */
final class GroupTuple extends PythonTuple {
    GroupTuple(Object grouper, List<?> list) {
        super(java.util.Arrays.asList(grouper, list));
    }
}
