package io.mmpo.dist;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.mmpo.MmpoException;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RankPlaceTest {
    private static final Map<String, String> TORCHRUN = Map.of(
            "RANK", "5",
            "WORLD_SIZE", "8",
            "LOCAL_RANK", "1",
            "LOCAL_WORLD_SIZE", "4",
            "MASTER_ADDR", "node0",
            "MASTER_PORT", "29500",
            "TORCHELASTIC_RESTART_COUNT", "2",
            "TORCHELASTIC_USE_AGENT_STORE", "True");

    private static final Map<String, String> SLURM = Map.of(
            "SLURM_JOB_ID", "1234567",
            "SLURM_STEP_ID", "0",
            "SLURM_STEP_NUM_TASKS", "11",
            "SLURM_PROCID", "9",
            "SLURM_LOCALID", "1",
            "SLURM_NODEID", "2",
            "SLURM_STEP_TASKS_PER_NODE", "4(x2),3",
            "SLURM_STEP_NODELIST", "gpu[03-05],login1");

    private static Map<String, String> with(Map<String, String> environment, String... more) {
        Map<String, String> all = new HashMap<>(environment);
        for (int i = 0; i < more.length; i += 2) {
            all.put(more[i], more[i + 1]);
        }
        return all;
    }

    @Test
    void isTorchruns() {
        assertThat(RankPlace.of(TORCHRUN)).contains(new RankPlace(5, 8, 1, 4, "node0", 29500, 2, true));
    }

    @Test
    void isSlurmsWhereTorchrunsIsAbsent() {
        assertThat(RankPlace.of(SLURM)).contains(new RankPlace(9, 11, 1, 3, "gpu03", 24567, 0, false));
        assertThat(RankPlace.of(with(SLURM, "MASTER_ADDR", "10.0.0.1", "MASTER_PORT", "1234")))
                .contains(new RankPlace(9, 11, 1, 3, "10.0.0.1", 1234, 0, false));
        assertThat(RankPlace.of(with(SLURM, "RANK", "0", "WORLD_SIZE", "2", "MASTER_ADDR", "a", "MASTER_PORT", "1")))
                .contains(new RankPlace(0, 2, 0, 1, "a", 1, 0, false));
    }

    @Test
    void aBatchScriptIsNoRank() {
        assertThat(RankPlace.of(Map.of("SLURM_JOB_ID", "1", "SLURM_NTASKS", "4", "SLURM_PROCID", "0")))
                .isEmpty();
    }

    @Test
    void isKubeflows() {
        Map<String, String> pod = Map.of(
                "PET_NNODES", "4",
                "PET_NODE_RANK", "3",
                "PET_NPROC_PER_NODE", "1",
                "PET_MASTER_ADDR", "job-node-0-0",
                "PET_MASTER_PORT", "29400");
        assertThat(RankPlace.of(pod)).contains(new RankPlace(3, 4, 0, 1, "job-node-0-0", 29400, 0, false));
        assertThatThrownBy(() -> RankPlace.of(with(pod, "PET_NPROC_PER_NODE", "8")))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining("mmpo launch");
    }

    @Test
    void oneProcessIsAlone() {
        assertThat(RankPlace.of(Map.of())).isEmpty();
        assertThat(RankPlace.of(Map.of("RANK", "0", "WORLD_SIZE", "1"))).isEmpty();
        assertThat(RankPlace.of(Map.of("PET_NNODES", "1"))).isEmpty();
    }

    @ParameterizedTest
    @CsvSource({
        "RANK, 8, RANK must be at least 0 and below WORLD_SIZE",
        "LOCAL_RANK, 4, LOCAL_RANK must be at least 0 and below LOCAL_WORLD_SIZE",
        "RANK, one, RANK must be a number",
        "MASTER_PORT, 0, MASTER_PORT must be a port",
        "MASTER_ADDR, '', MASTER_ADDR is not set"
    })
    void refusesWhatCannotBe(String name, String value, String message) {
        assertThatThrownBy(() -> RankPlace.of(with(TORCHRUN, name, value)))
                .isInstanceOf(MmpoException.class)
                .hasMessageContaining(message);
    }

    @ParameterizedTest
    @CsvSource({"gpu[03-05],gpu03", "n1,n1", "'a[7,9]',a7", "'node-1,node-2',node-1"})
    void findsTheFirstHost(String list, String first) {
        assertThat(RankPlace.firstHost(list)).isEqualTo(first);
    }
}
