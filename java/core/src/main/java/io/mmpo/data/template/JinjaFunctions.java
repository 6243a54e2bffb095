package io.mmpo.data.template;

import com.hubspot.jinjava.lib.fn.ELFunctionDefinition;
import com.hubspot.jinjava.objects.date.StrftimeFormatter;
import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Locale;
import java.util.stream.LongStream;

/** Functions that transformers gives to chat templates. */
final class JinjaFunctions {
    /** As jinja2.sandbox.MAX_RANGE. */
    private static final int MAX_RANGE = 100_000;

    private JinjaFunctions() {}

    static List<ELFunctionDefinition> all() {
        return List.of(
                new ELFunctionDefinition("", "raise_exception", JinjaFunctions.class, "raiseException", Object.class),
                new ELFunctionDefinition("", "strftime_now", JinjaFunctions.class, "strftimeNow", String.class),
                new ELFunctionDefinition("", "range", JinjaFunctions.class, "range", Object[].class));
    }

    static Object raiseException(Object message) {
        throw new TemplateException("it says: " + PythonValues.text(message));
    }

    static String strftimeNow(String format) {
        return StrftimeFormatter.format(ZonedDateTime.now(ZoneId.systemDefault()), format, Locale.ENGLISH);
    }

    static List<Long> range(Object... bounds) {
        long start = bounds.length > 1 ? ((Number) bounds[0]).longValue() : 0;
        long end = ((Number) bounds[bounds.length > 1 ? 1 : 0]).longValue();
        long step = bounds.length > 2 ? ((Number) bounds[2]).longValue() : 1;
        if (step == 0) {
            throw new TemplateException("range needs a step that is not 0");
        }
        long size = Math.max(0, Math.ceilDiv(end - start, step));
        if (size > MAX_RANGE) {
            throw new TemplateException("range of " + size + " numbers is over the limit of " + MAX_RANGE);
        }
        return LongStream.range(0, size).map(i -> start + i * step).boxed().toList();
    }
}
