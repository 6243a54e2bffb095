package io.mmpo.cli;

import io.mmpo.MmpoException;
import io.mmpo.PrintableText;
import io.mmpo.config.ConfigLoader;
import io.mmpo.dist.LocalRanks;
import java.io.IOException;
import java.io.PrintWriter;
import java.lang.management.ManagementFactory;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "launch",
        description = "Trains with several processes (ranks) of this host, and of others where it runs there too.",
        mixinStandardHelpOptions = true)
final class LaunchCommand implements Callable<Integer> {
    private static final Pattern ENDPOINT = Pattern.compile("(.+):(\\d{1,5})");

    @Option(
            names = "--nproc-per-node",
            paramLabel = "N",
            required = true,
            defaultValue = "${env:PET_NPROC_PER_NODE}",
            description = "Ranks on this host.")
    private int perNode;

    @Option(
            names = "--nnodes",
            paramLabel = "N",
            defaultValue = "${env:PET_NNODES:-1}",
            description = "Hosts; the same command runs on each of them. Default: 1.")
    private int nodes;

    @Option(
            names = "--node-rank",
            paramLabel = "N",
            defaultValue = "${env:PET_NODE_RANK:-0}",
            description = "Which of them this one is, from 0.")
    private int nodeRank;

    @Option(
            names = "--rdzv-endpoint",
            paramLabel = "HOST:PORT",
            description = "Host 0 and a free port there, where ranks meet; wanted with more than one host.")
    private Optional<String> endpoint = Optional.empty();

    @Option(
            names = "--max-restarts",
            paramLabel = "N",
            defaultValue = "${env:PET_MAX_RESTARTS:-0}",
            description =
                    "How often all ranks are started again from the last checkpoint after one has failed. Default: 0.")
    private int maxRestarts;

    @Parameters(index = "0", paramLabel = "CONFIG.yaml", description = "As for mmpo train.")
    private Path configFile;

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "key=value", description = "Keys that win over the file.")
    private List<String> overrides = List.of();

    @Spec
    private CommandSpec spec;

    /** Of rank 0. */
    private record Master(String address, int port) {}

    @Override
    public Integer call() throws InterruptedException {
        requireSense();
        ConfigLoader.load(configFile, overrides); // its errors are told once, before anything is started
        PrintWriter err = spec.commandLine().getErr();
        for (int attempt = 0; ; attempt++) {
            LocalRanks.End end = run(attempt);
            if (end.failure().isEmpty()) {
                return end.exitCode();
            }
            String failure = end.failure().get();
            boolean mayGoOn = attempt < maxRestarts && !StopSignal.wasReceived();
            err.println((mayGoOn ? "warning: " : "mmpo: ") + PrintableText.paragraph(failure));
            if (!mayGoOn) {
                return end.exitCode() > ExitCode.TRAINING ? ExitCode.TRAINING : end.exitCode();
            }
            err.println("starting all ranks again from the last checkpoint, " + (attempt + 1) + " of " + maxRestarts);
        }
    }

    private void requireSense() {
        if (perNode < 1 || nodes < 1 || nodeRank < 0 || nodeRank >= nodes || maxRestarts < 0) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(),
                    "--nproc-per-node and --nnodes must be at least 1, --node-rank at least 0 and below --nnodes, --max-restarts at least 0;"
                            + " found " + perNode + ", " + nodes + ", " + nodeRank + " and " + maxRestarts);
        }
    }

    private LocalRanks.End run(int attempt) throws InterruptedException {
        PrintWriter out = spec.commandLine().getOut();
        PrintWriter err = spec.commandLine().getErr();
        Master master = master();
        LocalRanks.Plan plan = new LocalRanks.Plan(
                command(attempt),
                nodeRank * perNode,
                perNode,
                nodes * perNode,
                master.address(),
                master.port(),
                attempt);
        try (StopSignal stop = StopSignal.install();
                LocalRanks ranks = LocalRanks.start(plan, new LocalRanks.Output(out::println, err::println))) {
            stop.onFirst(ranks::stop);
            return ranks.await(ExitCode.INTERRUPTED);
        }
    }

    private Master master() {
        Optional<String> given = endpoint.or(() -> Optional.ofNullable(System.getenv("PET_MASTER_ADDR"))
                .map(address -> address + ":" + System.getenv().getOrDefault("PET_MASTER_PORT", "29500")));
        if (given.isEmpty()) {
            if (nodes > 1) {
                throw new CommandLine.ParameterException(
                        spec.commandLine(),
                        "With --nnodes " + nodes
                                + " the hosts must know where to meet: --rdzv-endpoint HOST:PORT of host 0");
            }
            return new Master("127.0.0.1", freePort());
        }
        Matcher matcher = ENDPOINT.matcher(given.get());
        if (!matcher.matches()) {
            throw new CommandLine.ParameterException(
                    spec.commandLine(), "--rdzv-endpoint must be HOST:PORT, found " + given.get());
        }
        return new Master(matcher.group(1), Integer.parseInt(matcher.group(2)));
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw MmpoException.of(
                    MmpoException.Kind.ENVIRONMENT, e, "No port of this host can be opened: %s.", e.getMessage());
        }
    }

    /** This program's own Java with its options. */
    private List<String> command(int attempt) {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName(), "train"));
        command.add(configFile.toString());
        command.addAll(overrides);
        if (attempt > 0) {
            command.add("resume_from_checkpoint=true");
        }
        return command;
    }
}
