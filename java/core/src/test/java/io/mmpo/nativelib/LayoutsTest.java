package io.mmpo.nativelib;

import static org.assertj.core.api.Assertions.assertThat;

import io.mmpo.spec.ComputeType;
import io.mmpo.spec.Device;
import io.mmpo.spec.Divergence;
import io.mmpo.spec.LoraModule;
import io.mmpo.spec.LossType;
import io.mmpo.spec.Objective;
import io.mmpo.spec.OptimizerType;
import io.mmpo.spec.Recompute;
import io.mmpo.spec.WholeMatrix;
import java.io.IOException;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.PaddingLayout;
import java.lang.foreign.StructLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What Java believes of the headers against what a C compiler makes of them. */
class LayoutsTest {
    @TempDir
    Path directory;

    @Test
    void structsLieInMemoryAsInC() throws Exception {
        StringBuilder program = new StringBuilder(
                "#include <stddef.h>\n#include <stdio.h>\n#include <mmpo/mmpo.h>\nint main(void) {\n");
        List<String> expected = new ArrayList<>();
        for (StructLayout layout : Layouts.ALL) {
            String struct = layout.name().orElseThrow();
            program.append(String.format("printf(\"%s %%zu\\n\", sizeof(%s));%n", struct, struct));
            expected.add(struct + " " + layout.byteSize());
            for (MemoryLayout field : layout.memberLayouts()) {
                if (field instanceof PaddingLayout) {
                    continue;
                }
                String name = field.name().orElseThrow();
                program.append(String.format(
                        "printf(\"%s.%s %%zu %%zu\\n\", offsetof(%s, %s), sizeof(((%s*)0)->%s));%n",
                        struct, name, struct, name, struct, name));
                expected.add(struct + "." + name + " " + Layouts.offset(layout, name) + " " + field.byteSize());
            }
        }
        String output = CCompiler.compileAndRun(directory, program + "return 0; }\n");
        assertThat(output.lines()).containsExactlyElementsOf(expected);
    }

    @Test
    void noStructOfTheHeadersIsForgotten() throws IOException {
        Matcher structs = Pattern.compile("typedef struct (\\w+) \\{(.*?)\\} \\1;", Pattern.DOTALL)
                .matcher(CCompiler.headers());
        List<String> found = new ArrayList<>();
        while (structs.find()) {
            found.add(structs.group(1) + " with "
                    + structs.group(2)
                            .lines()
                            .filter(line -> line.contains(";"))
                            .count());
        }
        assertThat(found)
                .containsExactlyElementsOf(
                        Layouts.ALL.stream().map(LayoutsTest::fields).toList());
    }

    private static String fields(StructLayout layout) {
        Stream<MemoryLayout> fields =
                layout.memberLayouts().stream().filter(field -> field.name().isPresent());
        return layout.name().orElseThrow() + " with " + fields.count();
    }

    @Test
    void constantsAreThoseOfTheHeader() throws Exception {
        List<String> expected = new ArrayList<>(List.of("MMPO_ABI_VERSION " + NativeLibrary.ABI_VERSION, "MMPO_OK 0"));
        for (NativeException.Status status : NativeException.Status.values()) {
            expected.add("MMPO_" + status + " " + (status.ordinal() + 1));
            assertThat(NativeException.Status.of(status.ordinal() + 1)).isEqualTo(status);
        }
        for (ComputeType type : ComputeType.values()) {
            expected.add("MMPO_COMPUTE_" + type + " " + Codes.of(type));
        }
        for (Device device : Device.values()) {
            expected.add("MMPO_" + device + " " + Codes.of(device));
        }
        expected.add("MMPO_FLOAT32 " + Dtype.F32.code());
        expected.add("MMPO_BFLOAT16 " + Dtype.BF16.code());
        expected.add("MMPO_FLOAT16 " + Dtype.F16.code());
        expected.add("MMPO_UINT8 " + Dtype.U8.code());
        expected.add("MMPO_ROPE_DEFAULT " + Structs.ROPE_DEFAULT);
        expected.add("MMPO_ROPE_LLAMA3 " + Structs.ROPE_LLAMA3);
        expected.add("MMPO_ROPE_LINEAR " + Structs.ROPE_LINEAR);
        expected.add("MMPO_ROPE_YARN " + Structs.ROPE_YARN);
        expected.add("MMPO_LAYER_SLIDING " + Structs.LAYER_SLIDING);
        expected.add("MMPO_LAYER_UNROTATED " + Structs.LAYER_UNROTATED);
        for (LossType loss : LossType.values()) {
            expected.add("MMPO_LOSS_" + loss + " " + Codes.of(loss));
        }
        for (Divergence divergence : Divergence.values()) {
            expected.add("MMPO_" + divergence + " " + Codes.of(divergence));
        }
        expected.add("MMPO_NUM_LOSSES " + LossType.values().length);
        expected.add("MMPO_MAX_LOSSES " + Objective.MAX_LOSSES);
        for (Recompute recompute : Recompute.values()) {
            expected.add("MMPO_RECOMPUTE_" + recompute + " " + Codes.of(recompute));
        }
        for (LoraModule module : LoraModule.values()) {
            expected.add("MMPO_MODULE_" + module + " " + Codes.of(module));
        }
        for (WholeMatrix matrix : WholeMatrix.values()) {
            expected.add("MMPO_WHOLE_" + matrix + " " + Codes.of(matrix));
        }
        for (OptimizerType type : OptimizerType.values()) {
            expected.add("MMPO_" + type + " " + Codes.of(type));
        }
        for (Sharding.Reduce reduce : Sharding.Reduce.values()) {
            expected.add("MMPO_REDUCE_" + reduce + " " + reduce.ordinal());
        }
        expected.add("MMPO_STATE_PARAMETERS " + NativeTrainer.PARAMETERS);
        expected.add("MMPO_STATE_GRADIENTS " + NativeTrainer.GRADIENTS);
        expected.add("MMPO_STATE_OPTIMIZER " + NativeTrainer.OPTIMIZER);
        StringBuilder program = new StringBuilder("#include <stdio.h>\n#include <mmpo/mmpo.h>\nint main(void) {\n");
        for (String line : expected) {
            String name = line.substring(0, line.indexOf(' '));
            program.append(String.format("printf(\"%s %%d\\n\", (int)%s);%n", name, name));
        }
        String output = CCompiler.compileAndRun(directory, program + "return 0; }\n");
        assertThat(output.lines()).containsExactlyElementsOf(expected);
    }
}
