package io.mmpo.cli;

import io.mmpo.PrintableText;
import io.mmpo.config.ConfigLoader;
import io.mmpo.dist.RankPlace;
import io.mmpo.train.Trainer;
import io.mmpo.train.TrainingResult;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "train",
        description =
                "Trains a model as a configuration says and leaves a Hugging Face checkpoint in output_dir/final.",
        mixinStandardHelpOptions = true)
final class TrainCommand implements Callable<Integer> {
    @Parameters(
            index = "0",
            paramLabel = "CONFIG.yaml",
            description = "Keys, defaults and meanings: docs/configuration.md.")
    private Path configFile;

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "key=value", description = "Keys that win over the file.")
    private List<String> overrides = List.of();

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() {
        PrintWriter err = spec.commandLine().getErr();
        ConfigLoader.Loaded loaded = ConfigLoader.load(configFile, overrides);
        boolean isFirst =
                RankPlace.of(System.getenv()).map(place -> place.rank() == 0).orElse(true);
        if (isFirst) {
            loaded.notices().forEach(notice -> err.println("note: " + notice));
        }
        try (StopSignal stop = isFirst ? StopSignal.install(err) : StopSignal.install();
                TrainingProgress progress = TrainingProgress.on(err, stop)) {
            TrainingResult result = Trainer.run(loaded.config(), progress);
            progress.close();
            if (isFirst) {
                tell(result);
            }
            return result.interrupted() ? ExitCode.INTERRUPTED : ExitCode.DONE;
        }
    }

    private void tell(TrainingResult result) {
        PrintWriter out = spec.commandLine().getOut();
        if (result.interrupted() && (result.directory().isEmpty() || result.globalStep() == 0)) {
            out.println("Interrupted before the first step; nothing was trained.");
            return;
        }
        String place = PrintableText.line(result.directory().orElseThrow().toString());
        if (!result.interrupted()) {
            out.println("The trained model is in " + place);
        } else {
            out.println("Interrupted after step " + result.globalStep() + ". Go on from " + place
                    + " with the same command and resume_from_checkpoint=true");
        }
    }
}
