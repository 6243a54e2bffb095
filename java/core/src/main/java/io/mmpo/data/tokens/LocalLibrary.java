package io.mmpo.data.tokens;

import ai.djl.engine.EngineException;
import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import io.mmpo.MmpoException;
import io.mmpo.files.IoProblem;
import io.mmpo.files.LoadingProperties;
import io.mmpo.files.NativeAccess;
import io.mmpo.files.UserCache;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.function.LongFunction;

/** The tokenizers library in this process. It is loaded when the first tokenizer is. */
final class LocalLibrary implements TokenizerLibrary {
    private static final Path CACHE = UserCache.directory().resolve("djl");
    private static final Path JNA_CACHE = UserCache.directory().resolve("jna");

    /**
     * DJL would look for a CUDA build of the library over the network, and send telemetry. Its jar carries the CPU library, which
     * is all that tokenizing needs. Where there is a GPU it asks for its kind with JNA, which unpacks a library, too.
     */
    private static final Map<String, String> SETTINGS = Map.of(
            "RUST_FLAVOR", "cpu",
            "ai.djl.offline", "true",
            "OPT_OUT_TRACKING", "true",
            "DJL_CACHE_DIR", CACHE.toString(),
            "jna.tmpdir", JNA_CACHE.toString());

    private final HuggingFaceTokenizer library;

    private LocalLibrary(HuggingFaceTokenizer library) {
        this.library = library;
    }

    /**
     * Whether it may be loaded here. A process has the native library once, for the class loader that was first: a program that is
     * deployed again, by another loader, tokenizes in processes of its own. The mark is the process's, as the library is.
     */
    static boolean isOurs() {
        String loader = Integer.toHexString(System.identityHashCode(LocalLibrary.class.getClassLoader()));
        return System.getProperties()
                .computeIfAbsent("io.mmpo.tokenizers.loader", first -> loader)
                .equals(loader);
    }

    static LocalLibrary load(String definition) {
        makeCache();
        return LoadingProperties.during(SETTINGS, () -> loadWithOwnLoader(definition));
    }

    /** Where it cannot be made, the library would tell it by stack traces. */
    private static void makeCache() {
        try {
            Files.createDirectories(CACHE);
            Files.createDirectories(JNA_CACHE);
        } catch (IOException e) {
            throw notLoaded(e);
        }
    }

    private static MmpoException notLoaded(Throwable e) {
        Throwable reason = e;
        while (reason.getCause() != null) {
            reason = reason.getCause();
        }
        if (reason instanceof IllegalCallerException denied) {
            return NativeAccess.denied(denied);
        }
        return MmpoException.of(
                MmpoException.Kind.ENVIRONMENT,
                e,
                "The native tokenizers library could not be loaded: %s. It is unpacked from its jar into %s; make room and writing possible there, or name"
                        + " another directory with the environment variable MMPO_CACHE. It runs on Linux x86-64 or arm64 with glibc.",
                reason instanceof IOException io ? IoProblem.ofDirectory(io) : reason.getMessage(),
                CACHE);
    }

    private static LocalLibrary loadWithOwnLoader(String definition) {
        // It looks for its version among the resources of the thread's loader, which may be one that does not know its
        // jar.
        Thread thread = Thread.currentThread();
        ClassLoader loader = thread.getContextClassLoader();
        thread.setContextClassLoader(HuggingFaceTokenizer.class.getClassLoader());
        try {
            return new LocalLibrary(HuggingFaceTokenizer.newInstance(
                    new ByteArrayInputStream(definition.getBytes(StandardCharsets.UTF_8)),
                    Map.of("truncation", "false", "padding", "false")));
        } catch (EngineException | LinkageError e) {
            // Of unpacking or loading the library: the definition has not been looked at.
            throw notLoaded(e);
        } catch (IOException | RuntimeException e) {
            throw new TokenizerFault(String.valueOf(e.getMessage()), e);
        } finally {
            thread.setContextClassLoader(loader);
        }
    }

    /** The library's own encode() also copies tokens, offsets and masks across JNI, which costs more than tokenizing. */
    @Override
    public int[] encode(String text) {
        return encode(text, encoding -> toInts(TokenizersLibrary.LIB.getTokenIds(encoding)));
    }

    @Override
    public TokenSpans encodeWithSpans(String text) {
        return encode(text, encoding -> {
            int[] ids = toInts(TokenizersLibrary.LIB.getTokenIds(encoding));
            CharSpan[] spans = TokenizersLibrary.LIB.getTokenCharSpans(encoding);
            return new TokenSpans(
                    ids,
                    Arrays.stream(spans).mapToInt(CharSpan::getStart).toArray(),
                    Arrays.stream(spans).mapToInt(CharSpan::getEnd).toArray());
        });
    }

    private <T> T encode(String text, LongFunction<T> read) {
        try {
            long encoding = TokenizersLibrary.LIB.encode(library.getHandle(), text, false);
            try {
                return read.apply(encoding);
            } finally {
                TokenizersLibrary.LIB.deleteEncoding(encoding);
            }
        } catch (RuntimeException e) {
            throw new TokenizerFault(String.valueOf(e.getMessage()), e);
        }
    }

    @Override
    public String decode(int[] ids, boolean skipSpecialTokens) {
        long[] wide = Arrays.stream(ids).asLongStream().toArray();
        return TokenizersLibrary.LIB.decode(library.getHandle(), wide, skipSpecialTokens);
    }

    @Override
    public void close() {
        library.close();
    }

    /** Every id is one of a vocabulary that {@link TokenizerJson} has looked through. */
    private static int[] toInts(long[] ids) {
        int[] narrow = new int[ids.length];
        for (int i = 0; i < ids.length; i++) {
            narrow[i] = Math.toIntExact(ids[i]);
        }
        return narrow;
    }
}
