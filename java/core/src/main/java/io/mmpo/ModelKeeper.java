package io.mmpo;

import io.mmpo.files.AtomicDirectory;
import io.mmpo.files.IoProblem;
import io.mmpo.infer.OpenModel;
import io.mmpo.model.AdapterMerge;
import io.mmpo.model.ModelSource;
import io.mmpo.train.TrainedModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** Where a model's exact weights are, to be written elsewhere: in its files, or in memory where it was trained there. */
sealed interface ModelKeeper {
    /** Writes the files of the model, or of its adapter, into an existing directory. */
    void write(OpenModel model, Path directory);

    default void save(OpenModel model, Path target) {
        requireNew(target);
        try (AtomicDirectory directory = AtomicDirectory.create(target)) {
            write(model, directory.path());
            directory.commit();
        }
    }

    void merge(OpenModel model, Path target);

    private static void requireNew(Path target) {
        if (Files.exists(target)) {
            throw MmpoException.configuration("%s exists already; name a directory that does not", target);
        }
    }

    private static void requireAdapter(boolean hasAdapter, OpenModel model) {
        if (!hasAdapter) {
            throw MmpoException.configuration(
                    "The model %s has no adapter to merge; save it as it is.",
                    model.source().base());
        }
    }

    private static MmpoException failed(Path target, IOException e) {
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "%s cannot be written: %s. Make room there.",
                target,
                IoProblem.of(e));
    }

    /** As it was loaded. */
    record OfFiles() implements ModelKeeper {
        @Override
        public void write(OpenModel model, Path directory) {
            Path source = model.source().adapter().orElse(model.source().base());
            try (Stream<Path> entries = Files.list(source)) {
                List<Path> files = entries.filter(Files::isRegularFile)
                        .filter(file -> !file.getFileName().toString().equals(AtomicDirectory.MANIFEST))
                        .toList();
                for (Path file : files) {
                    Files.copy(file, directory.resolve(file.getFileName()));
                }
            } catch (IOException e) {
                throw failed(directory, e);
            }
        }

        @Override
        public void merge(OpenModel model, Path target) {
            requireAdapter(model.source().adapter().isPresent(), model);
            AdapterMerge.run(model.source(), target, AdapterMerge.Options.DEFAULT);
        }
    }

    /** As a run has left it in memory. */
    record InMemory(TrainedModel trained) implements ModelKeeper {
        @Override
        public void write(OpenModel model, Path directory) {
            trained.save(directory);
        }

        /** By way of files of the adapter, since what was merged is compared with them. */
        @Override
        public void merge(OpenModel model, Path target) {
            requireAdapter(trained.hasAdapter(), model);
            try {
                Path adapter = Files.createTempDirectory("mmpo-adapter-");
                try {
                    trained.save(adapter);
                    ModelSource source = ModelSource.of(model.source().base(), adapter, UnaryOperator.identity());
                    AdapterMerge.run(source, target, AdapterMerge.Options.DEFAULT);
                } finally {
                    AtomicDirectory.remove(adapter);
                }
            } catch (IOException e) {
                throw failed(target, e);
            }
        }
    }
}
