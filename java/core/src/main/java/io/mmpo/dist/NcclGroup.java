package io.mmpo.dist;

import io.mmpo.MmpoException;
import io.mmpo.nativelib.NativeEnvironment;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.bytedeco.javacpp.chrono.Milliseconds;
import org.bytedeco.pytorch.Store;
import org.bytedeco.pytorch.nccl.ProcessGroupNCCL;

/** What GPUs exchange over: c10d's NCCL, whose communicator is made with the first exchange. A rank has one GPU, number 0 of those it sees. */
final class NcclGroup {
    static final String VISIBLE_DEVICES = "CUDA_VISIBLE_DEVICES";

    private final ProcessGroupNCCL group;

    private NcclGroup(ProcessGroupNCCL group) {
        this.group = group;
    }

    /**
     * Of a host's GPUs each rank sees its own. Before CUDA looks for them.
     *
     * @param environment of this process
     */
    static void chooseGpu(RankPlace place, Map<String, String> environment) {
        visibleDevices(place, Optional.ofNullable(environment.get(VISIBLE_DEVICES)))
                .ifPresent(devices -> NativeEnvironment.replace(VISIBLE_DEVICES, devices));
    }

    /** given: what CUDA_VISIBLE_DEVICES is. Empty where that may stay: one GPU is what a scheduler gave to the rank, none is none. */
    static Optional<String> visibleDevices(RankPlace place, Optional<String> given) {
        if (given.isEmpty()) {
            return place.localSize() == 1 ? Optional.empty() : Optional.of(Integer.toString(place.localRank()));
        }
        String[] devices = given.get().split(",");
        return devices.length > 1 && place.localRank() < devices.length
                ? Optional.of(devices[place.localRank()].strip())
                : Optional.empty();
    }

    /**
     * What c10d reads when the group is made. Its recorder of the last 2,000 collectives is on by itself; what it holds is written when one
     * of them does not end in time, with a note of which rank is in which. The exchange that waits then fails in this process, which says so,
     * where c10d by itself would end the process.
     */
    static Map<String, String> settings(Path outputDirectory) {
        Map<String, String> settings = new LinkedHashMap<>();
        settings.put("TORCH_NCCL_ASYNC_ERROR_HANDLING", "2");
        settings.put("TORCH_NCCL_DUMP_ON_TIMEOUT", "1");
        settings.put("TORCH_NCCL_DESYNC_DEBUG", "1");
        settings.put(
                "TORCH_FR_DUMP_TEMP_FILE",
                ExchangeFile.directory(outputDirectory).resolve("nccl-rank-").toString());
        return settings;
    }

    /** store: the group's own, which it frees. */
    static NcclGroup join(RankPlace place, Duration timeout, Path outputDirectory, Store store) {
        settings(outputDirectory.toAbsolutePath()).forEach(NativeEnvironment::set);
        try {
            ProcessGroupNCCL.Options options = ProcessGroupNCCL.Options.create();
            options.timeout(new Milliseconds(timeout.toMillis()));
            return new NcclGroup(new ProcessGroupNCCL(store, place.rank(), place.size(), options));
        } catch (RuntimeException | LinkageError e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT,
                    e,
                    "Rank %d of %d cannot exchange over NCCL: %s. Its library is wanted where the dynamic linker finds it, and the jars of"
                            + " org.bytedeco:cuda that mvn -Pcuda brings (docs/cuda.md).",
                    place.rank(),
                    place.size(),
                    RankReports.firstLine(e));
        }
    }

    long address() {
        return group.address();
    }

    /** hasFailed: nothing that is under way is waited for. */
    void close(boolean hasFailed) {
        if (hasFailed) {
            group.abort();
        } else {
            group.shutdown();
        }
        group.close();
    }
}
