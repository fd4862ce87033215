# Sourced by tools/test and tools/demo: what they need installed, and the build. Says nothing where nothing is to be done.
#
#   setup_packages [all]          installs what is missing of tools/packages (with `all`, of its "all:" lines, too)
#   setup_build PRESET [TARGET…]  configures where needed, and builds
#
# Run as a script (`tools/setup.sh`): packages, and the release build.

setup_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

setup_say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }

# Packages of the list that dpkg does not know as installed, one a line.
setup_missing() {
  local wanted installed
  if [ "${1:-}" = all ]; then
    wanted="$(sed -E 's/#.*//; s/^all: *//; /^\s*$/d' "$setup_root/tools/packages")"
  else
    wanted="$(sed -E 's/#.*//; /^all:/d; /^\s*$/d' "$setup_root/tools/packages")"
  fi
  # shellcheck disable=SC2086  # one word a package
  installed="$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p')"
  comm -23 <(sort -u <<<"$wanted") <(sort -u <<<"$installed")
}

setup_packages() {
  local missing run=()
  missing="$(setup_missing "${1:-}")"
  [ -n "$missing" ] || return 0
  # shellcheck disable=SC2086
  setup_say "Installing $(wc -w <<<"$missing") Debian packages:" $missing
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      echo "tools/setup.sh: neither root nor sudo: install these packages, then start this again" >&2
      return 1
    }
    run=(sudo)
  fi
  # Servers that a package starts by itself would sit on the well-known ports of a machine that did not ask for them.
  local servers=() server
  for server in mosquitto nginx docker-registry; do
    grep -qx -e "$server" -e "$server-light" <<<"$missing" && servers+=("$server")
  done
  "${run[@]}" apt-get update >&2 || return
  # shellcheck disable=SC2086
  "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends $missing >&2 || return
  if [ ${#servers[@]} -gt 0 ] && [ -d /run/systemd/system ]; then
    "${run[@]}" systemctl disable --now "${servers[@]}" >&2 || true
  fi
}

setup_build() {
  local preset="$1" dir="$setup_root/build/$1"
  shift
  # Ninja runs CMake again by itself when a CMakeLists.txt or the set of source files changes, but not for a preset.
  if [ ! -f "$dir/build.ninja" ] || [ "$setup_root/CMakePresets.json" -nt "$dir/build.ninja" ]; then
    setup_say "Configuring preset $preset in $dir"
    # Callers that look at the exit code themselves switch `set -e` off for all of this.
    (cd "$setup_root" && cmake --preset "$preset") >&2 || return
    touch "$dir/build.ninja"
  fi
  ninja -C "$dir" -j "$(nproc)" "$@" >&2
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  setup_packages "${1:-}"
  setup_build release
fi
