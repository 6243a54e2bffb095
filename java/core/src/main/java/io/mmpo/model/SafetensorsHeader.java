package io.mmpo.model;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import io.mmpo.MmpoException;
import io.mmpo.files.JsonFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * The JSON header of a safetensors file, checked against the file's length: every tensor's type is known, its shape gives
 * exactly its bytes, and the tensors cover the data without a gap or an overlap.
 *
 * @param tensors in the order of their data
 */
record SafetensorsHeader(List<Entry> tensors, Map<String, String> metadata) {
    /** Offsets are from the beginning of the data, after the header. */
    record Entry(String name, SafetensorsDtype dtype, long[] shape, long begin, long end) {}

    static final String METADATA = "__metadata__";

    /** As the format's own reader has it. */
    static final long MAX_BYTES = 100_000_000;

    private static final int MAX_DIMENSIONS = 16;

    /** dataBytes: of the file, after the header. */
    static SafetensorsHeader parse(byte[] header, long dataBytes, Path file) {
        return new Parser(file, dataBytes).parse(header);
    }

    private static final class Parser {
        private final Path file;
        private final long dataBytes;
        private final List<Entry> tensors = new ArrayList<>();
        private final Map<String, String> metadata = new TreeMap<>();

        Parser(Path file, long dataBytes) {
            this.file = file;
            this.dataBytes = dataBytes;
        }

        SafetensorsHeader parse(byte[] header) {
            if (header.length == 0 || header[0] != '{') {
                throw invalid("its header must begin with {");
            }
            try (JsonParser json = JsonFile.parser(header)) {
                expect(json.nextToken(), JsonToken.START_OBJECT, "the header");
                while (json.nextToken() != JsonToken.END_OBJECT) {
                    String name = json.currentName();
                    json.nextToken();
                    if (name.equals(METADATA)) {
                        readMetadata(json);
                    } else {
                        readTensor(name, json);
                    }
                }
                if (json.nextToken() != null) {
                    throw invalid("something follows its header's object");
                }
            } catch (JsonProcessingException e) {
                throw MmpoException.of(
                        MmpoException.Kind.DATA,
                        e,
                        "%s is not a valid safetensors file: its header is not valid JSON, %s. Fetch or save it again.",
                        file,
                        JsonFile.problem(e));
            } catch (IOException e) {
                throw invalid("its header is not UTF-8");
            }
            tensors.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
            requireCoverage();
            return new SafetensorsHeader(List.copyOf(tensors), Map.copyOf(metadata));
        }

        private void readMetadata(JsonParser json) throws IOException {
            expect(json.currentToken(), JsonToken.START_OBJECT, METADATA);
            while (json.nextToken() != JsonToken.END_OBJECT) {
                String key = json.currentName();
                expect(json.nextToken(), JsonToken.VALUE_STRING, METADATA + "." + key);
                metadata.put(key, json.getText());
            }
        }

        private void readTensor(String name, JsonParser json) throws IOException {
            expect(json.currentToken(), JsonToken.START_OBJECT, name);
            SafetensorsDtype dtype = null;
            long[] shape = null;
            long[] offsets = null;
            while (json.nextToken() != JsonToken.END_OBJECT) {
                String key = json.currentName();
                json.nextToken();
                switch (key) {
                    case "dtype" -> dtype = readDtype(name, json);
                    case "shape" -> shape = readNaturals(name, key, json);
                    case "data_offsets" -> offsets = readNaturals(name, key, json);
                    default -> throw invalid("tensor %s has an unknown field \"%s\"", name, key);
                }
            }
            if (dtype == null || shape == null || offsets == null || offsets.length != 2) {
                throw invalid("tensor %s must have a dtype, a shape and two data_offsets", name);
            }
            if (offsets[0] > offsets[1] || offsets[1] > dataBytes) {
                throw invalid(
                        "tensor %s claims the bytes %d to %d, the file has %d",
                        name, offsets[0], offsets[1], dataBytes);
            }
            long bytes = bytes(name, dtype, shape);
            if (bytes != offsets[1] - offsets[0]) {
                throw invalid(
                        "tensor %s has %d bytes, its shape and dtype need %d", name, offsets[1] - offsets[0], bytes);
            }
            tensors.add(new Entry(name, dtype, shape, offsets[0], offsets[1]));
        }

        private SafetensorsDtype readDtype(String tensor, JsonParser json) throws IOException {
            expect(json.currentToken(), JsonToken.VALUE_STRING, tensor + ".dtype");
            String name = json.getText();
            return SafetensorsDtype.of(name)
                    .orElseThrow(() -> invalid("tensor %s has the unknown dtype \"%s\"", tensor, name));
        }

        private long[] readNaturals(String tensor, String key, JsonParser json) throws IOException {
            expect(json.currentToken(), JsonToken.START_ARRAY, tensor + "." + key);
            List<Long> values = new ArrayList<>();
            while (json.nextToken() != JsonToken.END_ARRAY) {
                expect(json.currentToken(), JsonToken.VALUE_NUMBER_INT, tensor + "." + key);
                boolean isLong = json.getNumberType() != JsonParser.NumberType.BIG_INTEGER;
                if (!isLong || json.getLongValue() < 0 || values.size() == MAX_DIMENSIONS) {
                    throw invalid(
                            "tensor %s has a number in %s that is negative, too large, or one too many", tensor, key);
                }
                values.add(json.getLongValue());
            }
            return values.stream().mapToLong(Long::longValue).toArray();
        }

        private long bytes(String name, SafetensorsDtype dtype, long[] shape) {
            try {
                long bits = dtype.bits();
                for (long size : shape) {
                    bits = Math.multiplyExact(bits, size);
                }
                if (bits % 8 == 0) {
                    return bits / 8;
                }
            } catch (ArithmeticException e) {
                // no file holds so many
            }
            throw invalid("tensor %s has a shape whose size is not a possible number of bytes", name);
        }

        private void requireCoverage() {
            long position = 0;
            for (Entry tensor : tensors) {
                if (tensor.begin() != position) {
                    throw invalid(
                            "tensor %s begins at byte %d, where %d was due: tensors overlap or leave a gap",
                            tensor.name(), tensor.begin(), position);
                }
                position = tensor.end();
            }
            if (position != dataBytes) {
                throw invalid("its tensors end at byte %d, its data at %d", position, dataBytes);
            }
        }

        private void expect(JsonToken found, JsonToken wanted, String where) {
            if (found != wanted) {
                throw invalid("%s in its header must be a JSON %s", where, word(wanted));
            }
        }

        private static String word(JsonToken token) {
            return switch (token) {
                case START_OBJECT -> "object";
                case START_ARRAY -> "array";
                case VALUE_STRING -> "string";
                default -> "whole number";
            };
        }

        private MmpoException invalid(String format, Object... arguments) {
            return SafetensorsReader.invalid(file, String.format(Locale.ROOT, format, arguments));
        }
    }
}
