package io.mmpo.data.template;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** What a template's expressions look up by name: variables, and filters and tests, which must exist. */
final class Lookups {
    private final TokenStream tokens;
    private Set<String> names = new HashSet<>();
    /** Within a branch that may not be taken, a filter or test that does not exist is no error yet. */
    private boolean lenient;

    /** Filters and tests that do not exist; whether that is an error is known when the whole expression is. */
    private final List<TemplateException> unknown = new ArrayList<>();

    Lookups(TokenStream tokens) {
        this.tokens = tokens;
    }

    /** A variable of this name. */
    void read(String name) {
        names.add(name);
    }

    /** Names that are read as variables. */
    Set<String> names() {
        return names;
    }

    /** Collects the names that body reads apart, and among all. */
    Set<String> namesWithin(Runnable body) {
        Set<String> outer = names;
        names = new HashSet<>();
        body.run();
        Set<String> inner = names;
        outer.addAll(inner);
        names = outer;
        return inner;
    }

    void withLenience(boolean value, Runnable body) {
        boolean before = lenient;
        lenient = value;
        body.run();
        lenient = before;
    }

    void require(Runnable lookup) {
        try {
            lookup.run();
        } catch (TemplateException e) {
            if (!lenient) {
                unknown.add(e.at(tokens.current().line()));
            }
        }
    }

    int numUnknown() {
        return unknown.size();
    }

    /** Those that were found after the first so many: they stand in a branch that may not be taken. */
    void forgetUnknown(int first) {
        unknown.subList(first, unknown.size()).clear();
    }

    /** After a statement: what it names must exist. */
    void requireKnown() {
        if (!unknown.isEmpty()) {
            throw unknown.getFirst();
        }
    }
}
