# Sourced: what both launchers do, the one of a checkout (./mmpo) and the one of a distribution (bin/mmpo).

fail() {
  echo "mmpo: $1" >&2
  exit 4
}

# The JVM reads names of files in the locale's encoding, and in the C locale (cron, containers) letters beyond ASCII have none.
use_utf8_locale() {
  local name
  if ! command -v locale >/dev/null; then
    [[ ${LC_ALL:-${LC_CTYPE:-${LANG:-C}}} != C && ${LC_ALL:-${LC_CTYPE:-${LANG:-C}}} != POSIX ]] || export LC_ALL=C.UTF-8
    return
  fi
  [[ $(locale charmap 2>/dev/null) == ANSI_X3.4-1968 ]] || return 0
  for name in C.UTF-8 C.utf8 en_US.UTF-8; do
    if [[ $(LC_ALL=$name locale charmap 2>/dev/null) == UTF-8 ]]; then
      export LC_ALL=$name
      return
    fi
  done
}

# Runs the command line in this shell's place: JDK, class path, options of the JVM, --, arguments.
# One thread computes in Java while LibTorch's threads do the work: the serial collector keeps out of their way.
start() {
  local jdk=$1 class_path=$2
  local -a options=(--enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow -XX:+UseSerialGC -Xms64m -Xmx2g)
  shift 2
  while [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  shift
  # shellcheck disable=SC2206  # options are words
  options+=(${MMPO_JAVA_OPTS:-})
  use_utf8_locale
  exec "$jdk/bin/java" "${options[@]}" -cp "$class_path" io.mmpo.cli.Main "$@"
}
