package io.mmpo.data.template;

import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.temporal.IsoFields;
import java.util.Locale;
import java.util.Map;

/** {@code datetime.now().strftime(format)} in the C locale. */
final class PythonDates {
    private static final Map<Character, String> PATTERNS = Map.ofEntries(
            Map.entry('Y', "yyyy"),
            Map.entry('m', "MM"),
            Map.entry('d', "dd"),
            Map.entry('H', "HH"),
            Map.entry('I', "hh"),
            Map.entry('M', "mm"),
            Map.entry('S', "ss"),
            Map.entry('f', "SSSSSS"),
            Map.entry('y', "yy"),
            Map.entry('b', "MMM"),
            Map.entry('h', "MMM"),
            Map.entry('B', "MMMM"),
            Map.entry('a', "EEE"),
            Map.entry('A', "EEEE"),
            Map.entry('p', "a"),
            Map.entry('j', "DDD"),
            Map.entry('D', "MM/dd/yy"),
            Map.entry('F', "yyyy-MM-dd"),
            Map.entry('T', "HH:mm:ss"),
            Map.entry('R', "HH:mm"),
            Map.entry('x', "MM/dd/yy"),
            Map.entry('X', "HH:mm:ss"));

    private PythonDates() {}

    static String now(String format) {
        return format(ZonedDateTime.now(ZoneId.systemDefault()), format);
    }

    static String format(ZonedDateTime time, String format) {
        StringBuilder out = new StringBuilder();
        for (int i = 0; i < format.length(); i++) {
            char c = format.charAt(i);
            RenderLimits.text(out.length() + 32L, out.length());
            RenderLimits.tick();
            if (c != '%' || i + 1 == format.length()) {
                out.append(c);
                continue;
            }
            char directive = format.charAt(++i);
            boolean short_ = directive == '-' && i + 1 < format.length(); // %-d: without zeros before it
            if (short_) {
                directive = format.charAt(++i);
            }
            String text = directive(time, directive);
            out.append(short_ ? text.replaceFirst("^0+(?=\\d)", "") : text);
        }
        return out.toString();
    }

    private static String directive(ZonedDateTime time, char directive) {
        String pattern = PATTERNS.get(directive);
        if (pattern != null) {
            return DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(time);
        }
        int day = time.getDayOfWeek().getValue();
        return switch (directive) {
            case '%' -> "%";
            case 'n' -> "\n";
            case 't' -> "\t";
            case 'e' -> String.format(Locale.ROOT, "%2d", time.getDayOfMonth());
            case 'k' -> String.format(Locale.ROOT, "%2d", time.getHour());
            case 'l' -> String.format(Locale.ROOT, "%2d", (time.getHour() + 11) % 12 + 1);
            case 'C' -> String.format(Locale.ROOT, "%02d", time.getYear() / 100);
            case 'u' -> String.valueOf(day);
            case 'w' -> String.valueOf(day % 7);
            case 'U' -> String.format(Locale.ROOT, "%02d", (time.getDayOfYear() + 6 - day % 7) / 7);
            case 'W' -> String.format(Locale.ROOT, "%02d", (time.getDayOfYear() + 6 - (day - 1)) / 7);
            case 'V' -> String.format(Locale.ROOT, "%02d", time.get(IsoFields.WEEK_OF_WEEK_BASED_YEAR));
            case 'G' -> String.valueOf(time.get(IsoFields.WEEK_BASED_YEAR));
            case 's' -> String.valueOf(time.toEpochSecond());
            case 'c' -> format(time, "%a %b %e %H:%M:%S %Y");
            case 'r' -> format(time, "%I:%M:%S %p");
            case 'z', 'Z' -> ""; // now() knows no zone
            default -> "%" + directive;
        };
    }
}
