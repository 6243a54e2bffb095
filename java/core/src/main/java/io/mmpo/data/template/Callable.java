package io.mmpo.data.template;

/** What a template can call: a macro, a function, a method of a value. */
interface Callable {
    Object call(Arguments arguments);
}
