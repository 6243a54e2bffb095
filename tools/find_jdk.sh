# Sourced: find_jdk prints the directory of a JDK that is new enough, or fails. The launcher and the developers' commands
# use it, because the java on the PATH is often older. java_program: the program that is wanted of it; javac where something is compiled.
minimum_jdk=25
java_program=javac
no_jdk="a JDK of version $minimum_jdk or newer is wanted; JAVA_HOME, the PATH and the usual places (/usr/lib/jvm, ~/.sdkman, \
~/.jdks) have none. Install one (https://adoptium.net/installation/linux; with SDKMAN: sdk install java 25-tem) or point \
JAVA_HOME at it."

# Major version of the JDK in a directory, from its release file (starting it would take a tenth of a second).
jdk_major() {
  local line version
  [[ -x $1/bin/$java_program && -r $1/release ]] || return 1
  while IFS= read -r line; do
    if [[ $line == JAVA_VERSION=* ]]; then
      version=${line#JAVA_VERSION=\"}
      version=${version%%[.\"+-]*}
      [[ $version =~ ^[0-9]+$ ]] && echo "$version"
      return
    fi
  done <"$1/release"
  return 1
}

# JAVA_HOME, then the java on the PATH, then the newest of the usual places.
find_jdk() {
  local directory major best='' best_major=0 on_path
  on_path=$(command -v java || true)
  for directory in "${JAVA_HOME:-}" "${on_path:+$(dirname -- "$(dirname -- "$(readlink -f -- "$on_path")")")}"; do
    if [[ $directory ]] && major=$(jdk_major "$directory") && ((major >= minimum_jdk)); then
      echo "$directory"
      return
    fi
  done
  for directory in /usr/lib/jvm/* /usr/java/* /opt/*jdk* ~/.sdkman/candidates/java/* ~/.jdks/* ~/.local/share/mise/installs/java/*; do
    if major=$(jdk_major "$directory") && ((major > best_major)); then
      best=$directory best_major=$major
    fi
  done
  ((best_major >= minimum_jdk)) || return 1
  echo "$best"
}
