package io.mmpo.nativelib;

import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import io.mmpo.files.LoadingProperties;
import io.mmpo.files.UserCache;
import java.io.File;
import java.io.IOException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.bytedeco.javacpp.Loader;

/**
 * Brings LibTorch into the process, where libmmpo.so finds it by its libraries' names. Only the libraries themselves are
 * opened: JavaCPP's wrapper of the whole C++ API (29 MB more) is not needed to compute.
 */
final class LibTorch {
    static final String PROPERTY = "mmpo.libtorch";
    static final String VARIABLE = "MMPO_LIBTORCH";

    // Each after those that it needs: their names are looked up among the libraries already open, since bytedeco's
    // RUNPATH
    // names the directories of the machine that built them.
    private static final List<String> OPENBLAS = List.of("libquadmath.so.0", "libgfortran.so.5", "libopenblas.so.0");
    private static final List<String> PYTORCH = List.of("libgomp.so.1", "libc10.so", "libtorch_cpu.so");
    private static final List<String> PYTORCH_CUDA = List.of("libc10_cuda.so", "libtorch_cuda.so");
    // The classifier of the artifact that has them, in place of the platform's name.
    private static final String GPU = "-gpu";
    private static final List<String> EXISTING = List.of("libc10.so", "libtorch_cpu.so");

    private LibTorch() {}

    static void load(Platform platform) {
        NativeEnvironment.prepare();
        useOwnCache();
        String directory = System.getProperty(PROPERTY, System.getenv(VARIABLE));
        if (directory != null && !directory.isBlank()) {
            loadExisting(Path.of(directory));
        } else {
            loadBundled("openblas", OPENBLAS, platform.name());
            String gpu = platform.name() + GPU;
            boolean hasCuda = Resources.find(resource("pytorch", gpu, PYTORCH_CUDA.getLast())) != null;
            loadBundled("pytorch", PYTORCH, hasCuda ? gpu : platform.name());
            if (hasCuda) {
                loadBundled("pytorch", PYTORCH_CUDA, gpu);
            }
        }
    }

    private static String resource(String artifact, String classifier, String library) {
        return "org/bytedeco/" + artifact + "/" + classifier + "/" + library;
    }

    private static void loadBundled(String artifact, List<String> libraries, String classifier) {
        for (String library : libraries) {
            SharedLibrary.open(
                    unpack(artifact, library, classifier),
                    "It comes from org.bytedeco:" + artifact + ":" + classifier
                            + (classifier.endsWith(GPU)
                                    ? ", and needs the libraries of CUDA 13, cuDNN and NCCL where the dynamic linker finds them."
                                    : "; mmpo doctor tells more."));
        }
    }

    /** JavaCPP asks once where its cache is, and looks then whether it can be written. */
    private static void useOwnCache() {
        try {
            LoadingProperties.during(Map.of("org.bytedeco.javacpp.cachedir", cache().toString()), Loader::getCacheDir);
        } catch (IOException e) {
            throw cannotBeUnpacked("LibTorch", e);
        }
    }

    private static Path cache() {
        return UserCache.directory().resolve("javacpp");
    }

    /** Into JavaCPP's cache, where later runs find it. */
    private static Path unpack(String artifact, String library, String classifier) {
        String resource = resource(artifact, classifier, library);
        URL url = Resources.find(resource);
        if (url == null) {
            throw MmpoException.environment(
                    "LibTorch is not on the class path or among the modules: the resource %s is wanted. Add org.bytedeco:%s with the classifier %s%s, or name"
                            + " an existing LibTorch with -D%s=/dir.",
                    resource, artifact, classifier, ofModules(), PROPERTY);
        }
        try {
            File file = Loader.cacheResource(url);
            if (file == null) {
                throw new IOException("no cache directory can be written");
            }
            return file.toPath();
        } catch (IOException e) {
            throw cannotBeUnpacked(library + " of LibTorch", e);
        }
    }

    /** What nothing requires is no module of the program unless it is named. */
    private static String ofModules() {
        return LibTorch.class.getModule().isNamed() ? ", and start java with --add-modules ALL-MODULE-PATH" : "";
    }

    private static MmpoException cannotBeUnpacked(String what, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "%s cannot be unpacked: %s. It needs 400 MB in %s; another place is named with the environment variable"
                        + " MMPO_CACHE.",
                what,
                IoProblem.of(e),
                cache());
    }

    private static void loadExisting(Path directory) {
        Path libraries = libraryDirectory(directory)
                .orElseThrow(() -> MmpoException.environment(
                        "-D%s (or %s) names %s, where there is no LibTorch: libtorch_cpu.so was looked for in it, in lib and in"
                                + " torch/lib below it. Name an unpacked LibTorch archive or an installed torch package.",
                        PROPERTY, VARIABLE, directory));
        for (String library : EXISTING) {
            SharedLibrary.open(
                    libraries.resolve(library).toAbsolutePath(),
                    "It is part of the LibTorch that -D" + PROPERTY + " or " + VARIABLE
                            + " names; check that it is whole.");
        }
    }

    private static Optional<Path> libraryDirectory(Path directory) {
        return Stream.of(
                        directory,
                        directory.resolve("lib"),
                        directory.resolve("torch").resolve("lib"))
                .filter(candidate -> Files.isRegularFile(candidate.resolve("libtorch_cpu.so")))
                .findFirst();
    }
}
