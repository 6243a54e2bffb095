package io.mmpo.data.template;

/**
 * What a name, attribute or key that does not exist stands for: false, empty, printed as nothing; everything else that is done
 * with it is an error.
 *
 * @param name for messages
 * @param strict whether to print it is an error too
 */
record Undefined(String name, boolean strict) {
    Undefined(String name) {
        this(name, false);
    }

    String described() {
        return "'" + TemplateException.excerpt(name) + "', which is undefined,";
    }

    TemplateException misuse(String what) {
        return new TemplateException(what + " " + described() + " is not possible");
    }
}
