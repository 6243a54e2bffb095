package io.mmpo.nativelib;

/** Argument checks of the records that cross into the core. */
final class Require {
  private Require() {}

  static void require(boolean condition, String format, Object... arguments) {
    if (!condition) {
      throw new IllegalArgumentException(String.format(format, arguments));
    }
  }
}
