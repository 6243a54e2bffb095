package io.mmpo.shard;

import io.mmpo.MmpoException;
import io.mmpo.model.SafetensorsReader;
import io.mmpo.model.SafetensorsWriter;
import io.mmpo.nativelib.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * Arrays of which every rank has a part, in a safetensors file a rank side by side: "optimizer.safetensors" of rank 0,
 * "optimizer.rank-1.safetensors" and so on. Together they are read by any number of ranks, each taking the elements that it wants.
 */
public final class StateShards implements AutoCloseable {
    private static final String SUFFIX = ".safetensors";
    /** Where a tensor's elements begin in its array, in the file's metadata under the tensor's name; 0 is left out. */
    private static final String BEGIN = "begin.";

    /** Elements of an array from {@code begin} on, in the order of memory. */
    public record Part(Tensor values, long begin) {}

    private record Piece(SafetensorsReader.Entry entry, long begin, long count, int elementBytes) {
        long end() {
            return begin + count;
        }
    }

    private final Path directory;
    private final List<SafetensorsReader> files = new ArrayList<>();
    private final Map<String, List<Piece>> pieces = new LinkedHashMap<>();

    private StateShards(Path directory) {
        this.directory = directory;
    }

    /** name: without the ending. */
    public static Path file(Path directory, String name, int rank) {
        return directory.resolve(rank == 0 ? name + SUFFIX : name + ".rank-" + rank + SUFFIX);
    }

    public static void write(Path file, List<Part> parts) {
        Map<String, String> metadata = parts.stream()
                .filter(part -> part.begin() != 0)
                .collect(Collectors.toMap(part -> BEGIN + part.values().name(), part -> Long.toString(part.begin())));
        SafetensorsWriter.writeFile(file, parts.stream().map(Part::values).toList(), metadata);
    }

    /** All files of that name. */
    public static StateShards open(Path directory, String name) {
        StateShards shards = new StateShards(directory);
        try {
            for (int rank = 0; rank == 0 || Files.exists(file(directory, name, rank)); rank++) {
                shards.add(SafetensorsReader.open(file(directory, name, rank)));
            }
        } catch (RuntimeException | Error e) {
            shards.close();
            throw e;
        }
        shards.pieces.values().forEach(list -> list.sort(Comparator.comparingLong(Piece::begin)));
        return shards;
    }

    private void add(SafetensorsReader file) {
        files.add(file);
        for (SafetensorsReader.Entry entry : file.tensors()) {
            int elementBytes = Tensor.bytesPerElement(entry.dtype());
            long begin = number(file.metadata().getOrDefault(BEGIN + entry.name(), "0"), file);
            pieces.computeIfAbsent(entry.name(), absent -> new ArrayList<>())
                    .add(new Piece(entry, begin, entry.numBytes() / elementBytes, elementBytes));
        }
    }

    private static long number(String text, SafetensorsReader file) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw MmpoException.data(
                    "%s says that a tensor begins at element \"%s\", which is no number. Resume from another checkpoint.",
                    file.file(), text);
        }
    }

    /** The names of all arrays. */
    public List<String> names() {
        return List.copyOf(pieces.keySet());
    }

    public Path directory() {
        return directory;
    }

    /** Of the whole array where one file has all of it, else of a vector. */
    public Optional<long[]> shape(String name) {
        List<Piece> of = pieces.getOrDefault(name, List.of());
        return of.size() == 1 && of.getFirst().begin() == 0
                ? Optional.of(of.getFirst().entry().shape())
                : Optional.empty();
    }

    public Optional<String> dtype(String name) {
        return pieces.getOrDefault(name, List.of()).stream()
                .map(piece -> piece.entry().dtype())
                .findFirst();
    }

    /** One more than the last element that there is. */
    public long numElements(String name) {
        return pieces.getOrDefault(name, List.of()).stream()
                .mapToLong(Piece::end)
                .max()
                .orElse(0);
    }

    /** Elements from {@code begin} on, as many as target has; false where some are missing. */
    public boolean read(String name, long begin, MemorySegment target) {
        long read = 0;
        for (Piece piece : pieces.getOrDefault(name, List.of())) {
            long wanted = begin + read / piece.elementBytes();
            if (read < target.byteSize() && piece.begin() <= wanted && wanted < piece.end()) {
                long bytes = Math.min(target.byteSize() - read, (piece.end() - wanted) * piece.elementBytes());
                piece.entry().read((wanted - piece.begin()) * piece.elementBytes(), target.asSlice(read, bytes));
                read += bytes;
            }
        }
        return read == target.byteSize();
    }

    @Override
    public void close() {
        files.forEach(SafetensorsReader::close);
    }
}
