package io.mmpo.dist;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is decided before CUDA and NCCL look; the group itself wants GPUs. */
class NcclGroupTest {
    private static RankPlace place(int localRank, int localSize) {
        return new RankPlace(localRank, 8, localRank, localSize, "127.0.0.1", 29500, 0, false);
    }

    /** given "-": not set; chosen "-": left as it is. */
    @ParameterizedTest
    @CsvSource({
        "0, 4, -, 0",
        "3, 4, -, 3",
        "0, 1, -, -", // a host has one rank
        "2, 4, '4,5, 6,7', 6",
        "1, 2, 'GPU-8932f937,MIG-f00d', MIG-f00d",
        "1, 4, 3, -", // the scheduler gave one to each
        "3, 4, '0,1', -", // NCCL says that two ranks have one
        "1, 2, '', -", // none
    })
    void eachRankSeesAGpuOfItsOwn(int localRank, int localSize, String given, String chosen) {
        Optional<String> variable = given.equals("-") ? Optional.empty() : Optional.of(given);
        assertThat(NcclGroup.visibleDevices(place(localRank, localSize), variable)
                        .orElse("-"))
                .isEqualTo(chosen);
    }

    @Test
    void whatTheRecorderHoldsIsWrittenBesideTheExchangesOfRanks() {
        assertThat(NcclGroup.settings(Path.of("/runs/one")))
                .containsEntry("TORCH_FR_DUMP_TEMP_FILE", "/runs/one/exchanges/nccl-rank-")
                .containsEntry("TORCH_NCCL_DUMP_ON_TIMEOUT", "1")
                .containsEntry("TORCH_NCCL_DESYNC_DEBUG", "1");
    }
}
