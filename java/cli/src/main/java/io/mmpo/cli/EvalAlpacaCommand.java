package io.mmpo.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
        name = "alpaca",
        description = "AlpacaEval 2: how often a judge prefers the model's answers to a baseline's.",
        mixinStandardHelpOptions = true,
        subcommands = {EvalAlpacaGenerateCommand.class, EvalAlpacaJudgeCommand.class, EvalAlpacaScoreCommand.class})
final class EvalAlpacaCommand implements Runnable {
    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "A step of AlpacaEval is wanted");
    }
}
