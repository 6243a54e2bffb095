package io.mmpo.spec;

/** Units of memory that are written out. */
public final class ByteUnits {
    /** Bytes of a GiB. */
    public static final double GIB = 1L << 30;

    private ByteUnits() {}
}
