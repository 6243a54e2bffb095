package io.mmpo;

import java.io.IOException;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.Constructor;
import java.lang.reflect.Executable;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.Parameter;
import java.lang.reflect.Type;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What a program can see of io.mmpo, a line for each type and member, from the compiled classes. */
final class ApiSignatures {
    static final Path FILE = BuiltLibrary.ROOT.resolve("java/core/src/test/resources/io/mmpo/api.txt");

    /** Public for the packages below alone. */
    private static final Set<String> NOT_FOR_PROGRAMS = Set.of("PrintableText");

    private ApiSignatures() {}

    static List<Class<?>> types() throws IOException, ReflectiveOperationException {
        Path classes;
        try {
            classes = Path.of(LanguageModel.class
                    .getProtectionDomain()
                    .getCodeSource()
                    .getLocation()
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
        List<Class<?>> types = new ArrayList<>();
        try (Stream<Path> files = Files.list(classes.resolve("io/mmpo"))) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (name.endsWith(".class") && !name.equals("package-info.class")) {
                    Class<?> type = Class.forName("io.mmpo." + name.replace(".class", ""));
                    if (isVisible(type)) {
                        types.add(type);
                    }
                }
            }
        }
        types.sort(Comparator.comparing(Class::getName));
        return types;
    }

    private static boolean isVisible(Class<?> type) {
        for (Class<?> each = type; each != null; each = each.getEnclosingClass()) {
            if (!Modifier.isPublic(each.getModifiers())
                    || each.isAnonymousClass()
                    || NOT_FOR_PROGRAMS.contains(each.getSimpleName())) {
                return false;
            }
        }
        return true;
    }

    static String text() throws IOException, ReflectiveOperationException {
        StringBuilder text = new StringBuilder();
        for (Class<?> type : types()) {
            text.append(abridged(declaration(type))).append('\n');
            members(type)
                    .forEach(member ->
                            text.append("    ").append(abridged(member)).append('\n'));
        }
        return text.toString();
    }

    private static String abridged(String line) {
        return line.replace('$', '.')
                .replaceAll(
                        "\\b(java\\.lang|java\\.util|java\\.util\\.stream|java\\.nio\\.file|io\\.mmpo|org\\.jspecify\\.annotations)\\.(?=[@A-Z])",
                        "");
    }

    private static String declaration(Class<?> type) {
        String kind = type.isRecord() ? "record" : type.isInterface() ? "interface" : type.isEnum() ? "enum" : "class";
        int modifiers = type.getModifiers() & (Modifier.ABSTRACT | Modifier.FINAL);
        boolean isPlain = type.isRecord() || type.isInterface() || type.isEnum();
        List<String> parts = new ArrayList<>();
        if (!isPlain && modifiers != 0) {
            parts.add(Modifier.toString(modifiers));
        }
        if (type.isSealed()) {
            parts.add("sealed");
        }
        parts.add(kind);
        parts.add(type.getCanonicalName());
        if (type.getSuperclass() != null && type.getSuperclass() != Object.class && !isPlain) {
            parts.add("extends " + type.getGenericSuperclass().getTypeName());
        }
        String interfaces = Arrays.stream(type.getGenericInterfaces())
                .map(Type::getTypeName)
                .collect(Collectors.joining(", "));
        if (!interfaces.isEmpty()) {
            parts.add("implements " + interfaces);
        }
        if (type.isSealed()) {
            parts.add("permits "
                    + Arrays.stream(type.getPermittedSubclasses())
                            .map(Class::getCanonicalName)
                            .collect(Collectors.joining(", ")));
        }
        return String.join(" ", parts);
    }

    private static List<String> members(Class<?> type) {
        List<String> lines = new ArrayList<>();
        for (Field field : type.getDeclaredFields()) {
            if (isOpen(field.getModifiers()) && !field.isSynthetic()) {
                lines.add(
                        field.isEnumConstant()
                                ? field.getName()
                                : modifiers(field.getModifiers(), false) + annotated(field.getAnnotatedType()) + " "
                                        + field.getName());
            }
        }
        for (Constructor<?> constructor : type.getDeclaredConstructors()) {
            if (isOpen(constructor.getModifiers()) && !constructor.isSynthetic()) {
                lines.add(type.getSimpleName() + parameters(constructor));
            }
        }
        for (Method method : type.getDeclaredMethods()) {
            if (isOpen(method.getModifiers()) && !method.isSynthetic()) {
                lines.add(modifiers(method.getModifiers(), method.isDefault())
                        + annotated(method.getAnnotatedReturnType()) + " " + method.getName() + parameters(method));
            }
        }
        Collections.sort(lines);
        return lines;
    }

    private static boolean isOpen(int modifiers) {
        return Modifier.isPublic(modifiers) || Modifier.isProtected(modifiers);
    }

    private static String modifiers(int modifiers, boolean isDefault) {
        int told = modifiers & (Modifier.PROTECTED | Modifier.STATIC | Modifier.ABSTRACT);
        return (isDefault ? "default " : "") + (told == 0 ? "" : Modifier.toString(told) + " ");
    }

    private static String annotated(AnnotatedType type) {
        return type.toString().replace("()", "");
    }

    /** A record's names are part of it, and so are those of other parameters, which editors show. */
    private static String parameters(Executable executable) {
        String parameters = Arrays.stream(executable.getParameters())
                .map((Parameter parameter) -> annotated(parameter.getAnnotatedType()) + " " + parameter.getName())
                .collect(Collectors.joining(", ", "(", ")"));
        String thrown = Arrays.stream(executable.getExceptionTypes())
                .map(Class::getCanonicalName)
                .collect(Collectors.joining(", "));
        return thrown.isEmpty() ? parameters : parameters + " throws " + thrown;
    }
}
