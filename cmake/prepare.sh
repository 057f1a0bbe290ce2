# What ./demo and ./check share; sourced by both. Everything said here goes to stderr.
#   need_packages SECTION...     installs what is missing of these sections of packages.txt
#   build PRESET [OPTION...] [-- TARGET...]    configures and builds build/PRESET
# The caller sets root, the folder of the repository. Logs are kept in build/.

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# One line that says what is missing, then exit code 3 (unavailable).
give_up() {
  say "$*"
  exit 3
}

listed_packages() {
  local section
  for section in "$@"; do
    awk -v wanted="[$section]" '/^\[/ { inside = ($0 == wanted); next }
      inside && NF && !/^#/' "$root/packages.txt"
  done
}

missing_packages() {
  local installed
  installed=$({ dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true; } |
    awk '$2 == "installed" { print $1 }')
  printf '%s\n' "$@" | grep -vxF -e "$installed" || true
}

need_packages() {
  local system wanted missing as_root=() log="$root/build/apt.log"
  system=$(sed -n 's/^PRETTY_NAME="\(.*\)"/\1/p' /etc/os-release 2>/dev/null || true)
  mapfile -t wanted < <(listed_packages "$@")
  command -v apt-get > /dev/null ||
    give_up "expected Debian 12 with apt-get, this is ${system:-an unknown system}"
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  ((${#missing[@]})) || return 0
  if ((EUID != 0)); then
    command -v sudo > /dev/null ||
      give_up "run as root or install sudo; missing Debian packages: ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${#missing[@]} Debian packages and what they need (log: build/apt.log)"
  apt_get update || give_up "apt-get update failed: $(apt_error)"
  apt_get install -y --no-install-recommends "${missing[@]}" ||
    give_up "apt-get install failed on ${system:-this system} (Debian 12 expected): $(apt_error)"
}

# Runs apt-get, keeps its output in the log, and tells every 25 packages that something moves.
apt_get() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=3 \
    -o Dpkg::Use-Pty=0 "$@" 2>&1 < /dev/null | tee "$log" |
    awk -v name="${0##*/}" '/^Setting up/ && ++n % 25 == 0 { print name ": " n " set up" }' >&2
  return "${PIPESTATUS[0]}"
}

apt_error() { grep -m 1 '^E:' "$log" || tail -n 1 "$log"; }

build() {
  local preset=$1 options=() log="$root/build/$1.log"
  shift
  while (($#)) && [[ $1 != -- ]]; do
    options+=("$1")
    shift
  done
  shift $(($# > 0))
  say "configuring build/$preset"
  (cd "$root" && cmake --preset "$preset" "${options[@]}") > "$log" 2>&1 || {
    tail -n 20 "$log" >&2
    give_up "configuring failed (log: build/$preset.log)"
  }
  say "building build/$preset"
  NINJA_STATUS='[%f/%t %es] ' cmake --build "$root/build/$preset" --parallel "$(nproc)" \
    ${1:+--target "$@"} >&2 || give_up "building build/$preset failed, see above"
}
