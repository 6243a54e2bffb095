package io.mmpo.nativelib;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;

/**
 * One handle a function of mmpo.h, in its order. Callers load {@link NativeLibrary} first, so that a failure to load is an
 * MmpoException and not an error of this class's initialisation. No call is critical: all may run for long.
 */
final class Bindings {
    private static final SymbolLookup SYMBOLS = NativeLibrary.symbols();

    static final MethodHandle BUILD_INFO =
            Linker.nativeLinker().downcallHandle(address("mmpo_build_info"), FunctionDescriptor.of(ADDRESS));
    static final MethodHandle SET_NUM_THREADS = status("mmpo_set_num_threads", JAVA_INT, ADDRESS);
    static final MethodHandle GET_NUM_THREADS = status("mmpo_get_num_threads");

    static final MethodHandle DEVICE_DESCRIBE = status("mmpo_device_describe", JAVA_INT, ADDRESS, ADDRESS);
    static final MethodHandle DEVICE_PEAK_BYTES = status("mmpo_device_peak_bytes", JAVA_INT, ADDRESS, ADDRESS);
    static final MethodHandle DEVICE_CHECK = status("mmpo_device_check", JAVA_INT, ADDRESS);

    static final MethodHandle MODEL_CREATE =
            status("mmpo_model_create", ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS);
    static final MethodHandle MODEL_LOAD = status(
            "mmpo_model_load", ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, ADDRESS, ADDRESS);
    static final MethodHandle MODEL_FREE = free("mmpo_model_free");
    static final MethodHandle MODEL_NUM_PARAMETERS = status("mmpo_model_num_parameters", ADDRESS, ADDRESS, ADDRESS);
    static final MethodHandle MODEL_PARAMETER = status("mmpo_model_parameter", ADDRESS, JAVA_LONG, ADDRESS, ADDRESS);
    static final MethodHandle MODEL_ATTENTION = status("mmpo_model_attention", ADDRESS, ADDRESS, ADDRESS);
    static final MethodHandle MODEL_READ = status("mmpo_model_read", ADDRESS, JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS);
    static final MethodHandle MODEL_SET_ADAPTER =
            status("mmpo_model_set_adapter", ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS);
    static final MethodHandle ADAPTER_NUM_PARAMETERS = status("mmpo_adapter_num_parameters", ADDRESS, ADDRESS, ADDRESS);
    static final MethodHandle ADAPTER_PARAMETER =
            status("mmpo_adapter_parameter", ADDRESS, JAVA_LONG, ADDRESS, ADDRESS);
    static final MethodHandle LORA_MERGE =
            status("mmpo_lora_merge", ADDRESS, ADDRESS, ADDRESS, JAVA_DOUBLE, ADDRESS, ADDRESS);
    static final MethodHandle ROUND =
            status("mmpo_round", ADDRESS, ADDRESS, JAVA_INT, JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS);
    static final MethodHandle MODEL_LOGPS = status("mmpo_model_logps", ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
    static final MethodHandle MODEL_SCORE = status("mmpo_model_score", ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
    /** Of streaming.h. */
    static final MethodHandle MODEL_STREAM = status(
            "mmpo_model_stream",
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            JAVA_LONG,
            JAVA_LONG,
            ADDRESS,
            JAVA_LONG,
            ADDRESS,
            ADDRESS,
            ADDRESS,
            ADDRESS);

    static final MethodHandle TRAINER_CREATE = status("mmpo_trainer_create", ADDRESS, ADDRESS, ADDRESS, ADDRESS);
    static final MethodHandle TRAINER_FREE = free("mmpo_trainer_free");
    static final MethodHandle TRAINER_CREATE_SHARDED =
            status("mmpo_trainer_create_sharded", ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
    static final MethodHandle BACKEND_GATHER =
            status("mmpo_backend_gather", ADDRESS, ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS);
    static final MethodHandle EXCHANGES = status("mmpo_exchanges", ADDRESS, JAVA_LONG, ADDRESS);
    static final MethodHandle TRAINER_EXPECT_GROUPS =
            status("mmpo_trainer_expect_groups", ADDRESS, ADDRESS, JAVA_LONG, ADDRESS);
    static final MethodHandle TRAINER_EXPECT_STEP = status("mmpo_trainer_expect_step", ADDRESS, ADDRESS);
    static final MethodHandle TRAINER_BYTES_SENT = status("mmpo_trainer_bytes_sent", ADDRESS, ADDRESS, ADDRESS);
    static final MethodHandle TRAINER_ACCUMULATE = status(
            "mmpo_trainer_accumulate", ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
    static final MethodHandle MODEL_EVALUATE = status(
            "mmpo_model_evaluate", ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS, ADDRESS);
    static final MethodHandle TRAINER_STEP =
            status("mmpo_trainer_step", ADDRESS, JAVA_DOUBLE, JAVA_DOUBLE, ADDRESS, ADDRESS);
    static final MethodHandle TRAINER_NUM_TENSORS =
            status("mmpo_trainer_num_tensors", ADDRESS, JAVA_INT, ADDRESS, ADDRESS);
    static final MethodHandle TRAINER_TENSOR =
            status("mmpo_trainer_tensor", ADDRESS, JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS);
    static final MethodHandle TRAINER_RANGE =
            status("mmpo_trainer_range", ADDRESS, JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS);
    static final MethodHandle TRAINER_READ =
            status("mmpo_trainer_read", ADDRESS, JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS);
    static final MethodHandle TRAINER_WRITE =
            status("mmpo_trainer_write", ADDRESS, JAVA_INT, JAVA_LONG, ADDRESS, ADDRESS);
    static final MethodHandle TRAINER_LOAD =
            status("mmpo_trainer_load", ADDRESS, ADDRESS, JAVA_LONG, ADDRESS, ADDRESS, ADDRESS);
    static final MethodHandle TRAINER_NUM_STEPS = status("mmpo_trainer_num_steps", ADDRESS, ADDRESS, ADDRESS);
    static final MethodHandle TRAINER_RESTORE = status("mmpo_trainer_restore", ADDRESS, JAVA_LONG, ADDRESS);

    private Bindings() {}

    private static MethodHandle status(String name, MemoryLayout... arguments) {
        return Linker.nativeLinker().downcallHandle(address(name), FunctionDescriptor.of(JAVA_INT, arguments));
    }

    private static MethodHandle free(String name) {
        return Linker.nativeLinker().downcallHandle(address(name), FunctionDescriptor.ofVoid(ADDRESS));
    }

    private static MemorySegment address(String name) {
        return SYMBOLS.findOrThrow(name);
    }
}
