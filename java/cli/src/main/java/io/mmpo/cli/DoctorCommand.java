package io.mmpo.cli;

import static io.mmpo.spec.ByteUnits.GIB;

import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import io.mmpo.files.IoProblem;
import io.mmpo.files.UserCache;
import io.mmpo.nativelib.DeviceInfo;
import io.mmpo.nativelib.NativeLibrary;
import io.mmpo.spec.Device;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(
        name = "doctor",
        description =
                "Checks the JDK, LibTorch, the native core, threads, GPU, memory and cache, and says how to mend what is missing.",
        mixinStandardHelpOptions = true)
final class DoctorCommand implements Callable<Integer> {
    private static final int OLDEST_JDK = 25;

    @Spec
    private CommandSpec spec;

    private boolean healthy = true;

    @Override
    public Integer call() {
        PrintWriter out = spec.commandLine().getOut();
        checkJdk(out);
        checkNativeCore(out);
        checkMemory(out);
        checkCache(out);
        return healthy ? ExitCode.DONE : ExitCode.ENVIRONMENT;
    }

    private void checkJdk(PrintWriter out) {
        Runtime.Version version = Runtime.version();
        if (version.feature() >= OLDEST_JDK) {
            ok(out, "JDK", version + ", " + System.getProperty("java.home"));
        } else {
            wrong(
                    out,
                    "JDK",
                    version + " is too old: JDK " + OLDEST_JDK + " or newer is wanted. Install one and set JAVA_HOME.");
        }
        ok(
                out,
                "System",
                System.getProperty("os.name") + " " + System.getProperty("os.version") + ", "
                        + System.getProperty("os.arch"));
    }

    private void checkNativeCore(PrintWriter out) {
        try {
            NativeLibrary.load();
            ok(out, "Native core", NativeLibrary.buildInfo());
            int processors = Runtime.getRuntime().availableProcessors();
            ok(
                    out,
                    "Threads",
                    NativeLibrary.numThreads() + " of " + processors + " processors (OMP_NUM_THREADS sets them)");
            checkGpu(out, DeviceInfo.of(Device.CUDA));
        } catch (MmpoException e) {
            wrong(out, "Native core", e.getMessage());
        }
    }

    void checkGpu(PrintWriter out, DeviceInfo gpu) {
        checkGpu(out, gpu, () -> DeviceInfo.computationProblem(Device.CUDA));
    }

    /**
     * None is no fault: everything runs on the CPU, too. One that is there must compute.
     *
     * @param computation has the GPU compute a little: what is wrong with it
     */
    void checkGpu(PrintWriter out, DeviceInfo gpu, Supplier<Optional<String>> computation) {
        if (gpu.isUsable()) {
            ok(out, "GPU", gpu.description());
            computation
                    .get()
                    .ifPresentOrElse(
                            problem -> wrong(
                                    out,
                                    "GPU's products and attention",
                                    problem + ". A run on this GPU would end so, too. LibTorch must be built with flash"
                                            + " attention and for this GPU's compute capability, and the driver be"
                                            + " as new as its CUDA (docs/cuda.md); until then: device: cpu."),
                            () -> ok(
                                    out,
                                    "GPU's products and attention",
                                    "right, forward and backward (bfloat16, and fp8 where it has that, against the CPU)"));
        } else {
            ok(out, "GPU", "none can be used: " + gpu.problem() + ". To compute on one: " + gpu.mend() + ".");
        }
    }

    private void checkMemory(PrintWriter out) {
        try {
            String available = Files.readAllLines(Path.of("/proc/meminfo")).stream()
                    .filter(line -> line.startsWith("MemAvailable:"))
                    .map(line -> Long.toString(wholeGib(Long.parseLong(line.replaceAll("\\D", "")) * 1024)))
                    .findFirst()
                    .orElse("?");
            ok(
                    out,
                    "Memory",
                    available + " GiB available, Java heap up to "
                            + wholeGib(Runtime.getRuntime().maxMemory() * 10) / 10.0 + " GiB");
        } catch (IOException e) {
            ok(
                    out,
                    "Memory",
                    "/proc/meminfo cannot be read; Java heap up to "
                            + wholeGib(Runtime.getRuntime().maxMemory()) + " GiB");
        }
    }

    /** The place that the libraries are unpacked to. */
    private void checkCache(PrintWriter out) {
        Path cache = UserCache.directory();
        try {
            Files.createDirectories(cache);
            Path probe = Files.createTempFile(cache, "doctor", ".tmp");
            Files.delete(probe);
            ok(
                    out,
                    "Cache",
                    cache + " can be written, "
                            + wholeGib(Files.getFileStore(cache).getUsableSpace()) + " GiB free");
        } catch (IOException e) {
            wrong(
                    out,
                    "Cache",
                    cache + " cannot be written: " + IoProblem.of(e)
                            + ". Make it writable, or set MMPO_CACHE to a place that is.");
        }
    }

    private static void ok(PrintWriter out, String what, String found) {
        out.println(PrintableText.line("ok     " + what + ": " + found));
    }

    private void wrong(PrintWriter out, String what, String problem) {
        healthy = false;
        out.println(PrintableText.line("WRONG  " + what + ": " + problem));
    }

    private static long wholeGib(long bytes) {
        return (long) (bytes / GIB);
    }
}
