package io.mmpo.files;

import io.mmpo.MmpoException;

/** The JVM's permission to call native code. */
public final class NativeAccess {
    /** Of those on the module path, the ones that load libraries. */
    private static final String MODULES = "io.mmpo,ai.djl.tokenizers,org.bytedeco.javacpp";

    private NativeAccess() {}

    /** What to tell a user of a program that was started without it, where the JVM does not only warn. */
    public static MmpoException denied(IllegalCallerException e) {
        boolean isModule = NativeAccess.class.getModule().isNamed();
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "The models are computed with in native code, which this program may not call: %s. Start java with --enable-native-access=%s%s.",
                e.getMessage(),
                isModule ? MODULES : "ALL-UNNAMED",
                isModule ? "" : ", or have the manifest of the program's jar say Enable-Native-Access: ALL-UNNAMED");
    }
}
