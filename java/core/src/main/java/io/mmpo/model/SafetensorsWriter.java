package io.mmpo.model;

import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.mmpo.files.JsonFile;
import io.mmpo.files.NewFile;
import io.mmpo.nativelib.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** Writes safetensors files straight from the memory that holds the tensors. A file that cannot be finished is removed. */
public final class SafetensorsWriter {
    /** transformers' own: 5 GB. */
    public static final long MAX_SHARD_BYTES = 5_000_000_000L;

    static final Map<String, String> PYTORCH = Map.of("format", "pt");
    private static final int ALIGNMENT = 8;
    private static final long CHUNK_BYTES = 64L << 20;

    private SafetensorsWriter() {}

    /**
     * The weights of a model: model.safetensors, or above the limit model-00001-of-0000N.safetensors with an index. A tensor is
     * never split, so a shard of one tensor may be larger than the limit.
     */
    public static void writeModel(Path directory, List<Tensor> weights, long maxShardBytes) {
        writeModel(directory, weights, TensorForm.UNCHANGED, maxShardBytes);
    }

    static void writeModel(Path directory, List<Tensor> weights, TensorForm form, long maxShardBytes) {
        List<List<Tensor>> shards = shards(weights, form, maxShardBytes);
        if (shards.size() == 1) {
            writeFile(directory.resolve(ModelFiles.WEIGHTS_FILE), weights, form, PYTORCH);
            return;
        }
        Map<String, String> weightMap = new TreeMap<>();
        for (int i = 0; i < shards.size(); i++) {
            String name = String.format(Locale.ROOT, "model-%05d-of-%05d.safetensors", i + 1, shards.size());
            writeFile(directory.resolve(name), shards.get(i), form, PYTORCH);
            shards.get(i).forEach(tensor -> weightMap.put(tensor.name(), name));
        }
        long totalBytes = weights.stream().mapToLong(form::bytes).sum();
        writeIndex(directory, totalBytes, weightMap);
    }

    /** The same of one file; its tensors are made in that form while it is written, all at once. */
    static void writeFile(Path file, List<Tensor> weights, TensorForm form, Map<String, String> metadata) {
        try (Arena memory = Arena.ofConfined()) {
            writeFile(
                    file,
                    weights.stream().map(tensor -> form.of(tensor, memory)).toList(),
                    metadata);
        }
    }

    /** One new file, on disk when this returns. */
    public static void writeFile(Path file, List<Tensor> weights, Map<String, String> metadata) {
        try (FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
            write(channel, weights, metadata);
        } catch (IOException | RuntimeException | Error e) {
            throw NewFile.failed(file, e);
        }
    }

    static void write(FileChannel channel, List<Tensor> weights, Map<String, String> metadata) throws IOException {
        List<Tensor> ordered = new ArrayList<>(weights);
        // Wide elements first, so that each tensor is aligned to its own; the order is otherwise kept.
        ordered.sort(Comparator.comparing(tensor -> -tensor.bytesPerElement()));
        writeFully(channel, ByteBuffer.wrap(header(ordered, metadata)));
        for (Tensor tensor : ordered) {
            MemorySegment data = tensor.data();
            for (long position = 0; position < data.byteSize(); position += CHUNK_BYTES) {
                long bytes = Math.min(CHUNK_BYTES, data.byteSize() - position);
                writeFully(channel, data.asSlice(position, bytes).asByteBuffer());
            }
        }
        channel.force(true);
    }

    private static byte[] header(List<Tensor> weights, Map<String, String> metadata) throws IOException {
        Map<String, Object> header = new LinkedHashMap<>();
        header.put(SafetensorsHeader.METADATA, new TreeMap<>(metadata));
        long position = 0;
        for (Tensor tensor : weights) {
            long end = position + tensor.data().byteSize();
            Map<String, Object> entry = new LinkedHashMap<>(); // in Rust's order; a Map.of has another in each process
            entry.put("dtype", tensor.dtype());
            entry.put("shape", tensor.shape());
            entry.put("data_offsets", new long[] {position, end});
            if (header.put(tensor.name(), entry) != null) {
                throw new IllegalArgumentException("the tensor " + tensor.name() + " is given twice");
            }
            position = end;
        }
        byte[] json = JsonFile.MAPPER
                .writer()
                .without(SerializationFeature.INDENT_OUTPUT)
                .writeValueAsBytes(header);
        int padded = Math.ceilDiv(json.length, ALIGNMENT) * ALIGNMENT;
        ByteBuffer bytes = ByteBuffer.allocate(Long.BYTES + padded).order(ByteOrder.LITTLE_ENDIAN);
        bytes.putLong(padded).put(json).put(" ".repeat(padded - json.length).getBytes(StandardCharsets.US_ASCII));
        return bytes.array();
    }

    private static void writeFully(FileChannel channel, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            channel.write(bytes);
        }
    }

    /** Which file of the directory holds which tensor. */
    static void writeIndex(Path directory, long totalBytes, Map<String, String> weightMap) {
        ObjectNode index = JsonFile.MAPPER.createObjectNode();
        index.putObject("metadata").put("total_size", totalBytes);
        weightMap.forEach(index.putObject("weight_map")::put);
        NewFile.write(directory.resolve(SafetensorsIndex.FILE), index);
    }

    private static List<List<Tensor>> shards(List<Tensor> weights, TensorForm form, long maxShardBytes) {
        List<List<Tensor>> shards = new ArrayList<>(List.of(new ArrayList<>()));
        long bytes = 0;
        for (Tensor tensor : weights) {
            if (!shards.getLast().isEmpty() && bytes + form.bytes(tensor) > maxShardBytes) {
                shards.add(new ArrayList<>());
                bytes = 0;
            }
            shards.getLast().add(tensor);
            bytes += form.bytes(tensor);
        }
        return shards;
    }
}
