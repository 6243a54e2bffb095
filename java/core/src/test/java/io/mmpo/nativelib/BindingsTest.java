package io.mmpo.nativelib;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodType;
import java.lang.reflect.Field;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

class BindingsTest {
    private static final Pattern FUNCTION =
            Pattern.compile("MMPO_API (\\w+\\*?(?: \\w+\\*)?) ?(mmpo_\\w+)\\(([^)]*)\\);");

    private static final Set<String> CALLBACKS = Set.of("mmpo_read_weights", "mmpo_hear_token");

    @Test
    void everyFunctionOfTheHeadersIsBoundWithItsTypes() throws Exception {
        NativeLibrary.load();
        String text = CCompiler.headers();
        Map<String, MethodType> header = new TreeMap<>();
        Matcher functions = FUNCTION.matcher(text.replaceAll("\\s+", " "));
        while (functions.find()) {
            header.put(functions.group(2), type(functions.group(1), functions.group(3)));
        }
        assertThat((long) header.size())
                .isPositive()
                .isEqualTo(
                        text.lines().filter(line -> line.startsWith("MMPO_API")).count());
        header.remove("mmpo_abi_version"); // called before anything else may be bound
        header.remove("mmpo_model_generate"); // for callers that hear nothing until the end; Java hears every token
        Map<String, MethodType> bound = new TreeMap<>();
        for (Field field : Bindings.class.getDeclaredFields()) {
            if (field.getType() == MethodHandle.class) {
                MethodHandle handle = (MethodHandle) field.get(null);
                bound.put("mmpo_" + field.getName().toLowerCase(Locale.ROOT), handle.type());
            }
        }
        assertThat(bound).isEqualTo(header);
    }

    private static MethodType type(String result, String parameters) {
        Class<?>[] types = parameters.equals("void")
                ? new Class<?>[0]
                : Arrays.stream(parameters.split(", ")).map(BindingsTest::type).toArray(Class<?>[]::new);
        return MethodType.methodType(type(result), types);
    }

    private static Class<?> type(String declaration) {
        if (declaration.contains("*") || CALLBACKS.contains(declaration.split(" ")[0])) { // a function of the caller's
            return MemorySegment.class;
        }
        return switch (declaration.split(" ")[0]) {
            case "int32_t" -> int.class;
            case "int64_t", "uint64_t" -> long.class;
            case "double" -> double.class;
            case "void" -> void.class;
            default -> throw new AssertionError("no binding for " + declaration);
        };
    }
}
