package io.mmpo.dist;

import io.mmpo.MmpoException;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Which of several processes (ranks) of a run this one is, and where they meet. Whoever starts them says so in the environment: in
 * torchrun's variables, which {@code mmpo launch} sets too, or where those are absent in Kubeflow's (PET_*) or SLURM's.
 *
 * @param rank of this process, from 0
 * @param size number of ranks
 * @param localRank of this process among those of its host
 * @param localSize number of ranks of this host
 * @param masterAddress of rank 0's host
 * @param masterPort where rank 0 listens
 * @param attempt how often the ranks have been started again; those of one attempt do not meet those of another
 * @param startedByAgent whether torchrun's agent listens in rank 0's place
 */
public record RankPlace(
        int rank,
        int size,
        int localRank,
        int localSize,
        String masterAddress,
        int masterPort,
        int attempt,
        boolean startedByAgent) {
    private static final Pattern SLURM_NODES = Pattern.compile("([^\\[,]+)(?:\\[(\\d+)[^]]*])?.*");
    private static final int SLURM_FIRST_PORT = 20_000;
    private static final int SLURM_PORTS = 10_000;

    public RankPlace {
        requireBelow("RANK", rank, "WORLD_SIZE", size);
        requireBelow("LOCAL_RANK", localRank, "LOCAL_WORLD_SIZE", localSize);
        if (masterPort < 1 || masterPort > 65_535) {
            throw MmpoException.environment("MASTER_PORT must be a port from 1 to 65535, found %d.", masterPort);
        }
    }

    private static void requireBelow(String index, int value, String number, int limit) {
        if (value < 0 || value >= limit) {
            throw MmpoException.environment(
                    "%s must be at least 0 and below %s, found %d of %d. Both are set by what starts the ranks.",
                    index, number, value, limit);
        }
    }

    /** Empty where this process is the only one. */
    public static Optional<RankPlace> of(Map<String, String> environment) {
        Variables variables = new Variables(environment);
        Optional<RankPlace> place = variables.has("RANK") || variables.has("WORLD_SIZE")
                ? Optional.of(ofTorchrun(variables))
                : variables.has("PET_NNODES")
                        ? Optional.of(ofKubeflow(variables))
                        // A batch script has SLURM_PROCID too; what srun starts has the step's number of tasks.
                        : variables.has("SLURM_STEP_ID") && variables.has("SLURM_STEP_NUM_TASKS")
                                ? Optional.of(ofSlurm(variables))
                                : Optional.empty();
        return place.filter(found -> found.size() > 1);
    }

    private static RankPlace ofTorchrun(Variables variables) {
        int size = variables.number("WORLD_SIZE");
        int localSize = variables.number("LOCAL_WORLD_SIZE", 1);
        return new RankPlace(
                variables.number("RANK"),
                size,
                localSize == 1 ? variables.number("LOCAL_RANK", 0) : variables.number("LOCAL_RANK"),
                localSize,
                size == 1 ? "localhost" : variables.text("MASTER_ADDR"),
                size == 1 ? variables.number("MASTER_PORT", 1) : variables.number("MASTER_PORT"),
                variables.number("TORCHELASTIC_RESTART_COUNT", 0),
                "True".equals(variables.find("TORCHELASTIC_USE_AGENT_STORE")));
    }

    /** A process for each node, as a TrainJob without a launcher of its own starts them. */
    private static RankPlace ofKubeflow(Variables variables) {
        String perNode = variables.has("PET_NPROC_PER_NODE") ? variables.text("PET_NPROC_PER_NODE") : "1";
        int size = variables.number("PET_NNODES");
        if (!perNode.equals("1") && !perNode.equals("auto") && !perNode.equals("cpu") && !perNode.equals("gpu")) {
            throw MmpoException.environment(
                    "PET_NPROC_PER_NODE is %s, so %s ranks a node are wanted, and this command is one of them. Start them with mmpo launch"
                            + " CONFIG.yaml, which reads the same variables.",
                    perNode, perNode);
        }
        return new RankPlace(
                size == 1 ? 0 : variables.number("PET_NODE_RANK"),
                size,
                0,
                1,
                size == 1 ? "localhost" : variables.text("PET_MASTER_ADDR"),
                size == 1 ? 1 : variables.number("PET_MASTER_PORT"),
                0,
                false);
    }

    private static RankPlace ofSlurm(Variables variables) {
        return new RankPlace(
                variables.number("SLURM_PROCID"),
                variables.number("SLURM_STEP_NUM_TASKS"),
                variables.number("SLURM_LOCALID"),
                tasksOfANode(variables.text("SLURM_STEP_TASKS_PER_NODE"), variables.number("SLURM_NODEID")),
                variables.has("MASTER_ADDR")
                        ? variables.text("MASTER_ADDR")
                        : firstHost(variables.text("SLURM_STEP_NODELIST")),
                variables.has("MASTER_PORT")
                        ? variables.number("MASTER_PORT")
                        : SLURM_FIRST_PORT + variables.number("SLURM_JOB_ID") % SLURM_PORTS,
                0,
                false);
    }

    /** list: "4(x2),3", four tasks on each of two nodes and three on the next. */
    static int tasksOfANode(String list, int node) {
        int before = 0;
        for (String part : list.split(",")) {
            Matcher matcher = Pattern.compile("(\\d+)(?:\\(x(\\d+)\\))?").matcher(part.strip());
            if (matcher.matches()) {
                before += matcher.group(2) == null ? 1 : Integer.parseInt(matcher.group(2));
                if (node < before) {
                    return Integer.parseInt(matcher.group(1));
                }
            }
        }
        throw MmpoException.environment(
                "SLURM_STEP_TASKS_PER_NODE must be like 4(x2),3 and have an entry for node %d, found %s.", node, list);
    }

    /** list: "gpu[03-05,07],login1" begins with gpu03. */
    static String firstHost(String list) {
        Matcher matcher = SLURM_NODES.matcher(list);
        if (!matcher.matches()) {
            throw MmpoException.environment(
                    "SLURM_STEP_NODELIST must be a list of hosts, found \"%s\". Name rank 0's host in MASTER_ADDR.",
                    list);
        }
        return matcher.group(1) + (matcher.group(2) == null ? "" : matcher.group(2));
    }

    /** Whether this is the first rank of its host. */
    public boolean isFirstOfHost() {
        return localRank == 0;
    }

    private record Variables(Map<String, String> environment) {
        @Nullable
        String find(String name) {
            return environment.get(name);
        }

        boolean has(String name) {
            String value = find(name);
            return value != null && !value.isBlank();
        }

        String text(String name) {
            String value = find(name);
            if (value == null || value.isBlank()) {
                throw MmpoException.environment(
                        "Several ranks are wanted, and %s is not set: what starts them (mmpo launch, torchrun, srun, Kubernetes) says in the"
                                + " environment who is who. docs/distributed.md has a line for each.",
                        name);
            }
            return value.strip();
        }

        int number(String name) {
            try {
                return Integer.parseInt(text(name));
            } catch (NumberFormatException e) {
                throw MmpoException.environment("%s must be a number, found \"%s\".", name, text(name));
            }
        }

        int number(String name, int fallback) {
            return has(name) ? number(name) : fallback;
        }
    }
}
