package io.mmpo.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
        name = "eval",
        description = "Measures a model as published numbers are measured.",
        mixinStandardHelpOptions = true,
        subcommands = {EvalLmCommand.class, EvalAlpacaCommand.class, EvalRewardCommand.class})
final class EvalCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "An evaluation is wanted");
    }
}
