# Functions by which tests/run and tests/bench/run set up what they need; to be sourced from the project's folder.

cache=${ROLECALL_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/rolecall-tests}
step=0
timings=()

say() { printf '%s\n' "$*" >&2; }
die() { say "$0: $*"; exit 1; }

# Starts a numbered step; its time is in the summary at the end.
begin() {
  step=$((step + 1))
  step_name=$1
  step_start=$SECONDS
  say "[$step] $1"
}
end() {
  local took=$((SECONDS - step_start))
  timings+=("$(printf '%5d s  %s' "$took" "$step_name")")
}
summary() {
  say ""
  say "time per step:"
  printf '%s\n' "${timings[@]}" >&2
}

# at_least HAVE WANT: true when version HAVE is WANT or newer.
at_least() { [ "$(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1)" = "$2" ]; }

key_of() { cat "$@" | sha256sum | cut -c 1-16; }

# A line of progress every 20 seconds, with what the job itself last said, so that a long build is not silence.
with_progress() {
  local log=$1 start=$SECONDS last job
  shift
  "$@" >"$log" 2>&1 &
  job=$!
  while kill -0 "$job" 2>/dev/null; do
    for _ in $(seq 20); do
      kill -0 "$job" 2>/dev/null || break
      sleep 1
    done
    kill -0 "$job" 2>/dev/null || break
    last=$(tail -n 1 "$log" | cut -c 1-100)
    say "    … $((SECONDS - start)) s  $last"
  done
  wait "$job" || { tail -n 20 "$log" >&2; return 1; }
}

go_wanted=$(sed -n 's/^go //p' tests/controlplane/go.mod)

check_tools() {
  command -v cargo >/dev/null || die "Rust is missing: install it from https://rustup.rs"
  command -v go >/dev/null || die "Go is missing: install Go $go_wanted or newer from https://go.dev/dl (it builds the real Kubernetes parts)"
  local have
  have=$(go env GOVERSION | sed 's/^go//; s/[^0-9.].*//')
  at_least "$have" "$go_wanted" || die "Go $have is too old: install Go $go_wanted or newer from https://go.dev/dl"
  command -v python3 >/dev/null || die "Python is missing: install Python 3.10 or newer with venv (Debian: apt install python3-venv)"
  have=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  at_least "$have" 3.10 || die "Python $have is too old: install Python 3.10 or newer with venv"
  python3 -c 'import venv, ensurepip' 2>/dev/null || die "Python's venv is missing: install it (Debian: apt install python3-venv)"
}

# install_python FOLDER REQUIREMENTS COMMAND: a virtual environment of its own, in which COMMAND must then run.
install_python() {
  local folder=$1 requirements=$2
  shift 2
  if [ -e "$folder/complete" ]; then return; fi
  rm -rf "$folder"
  mkdir -p "$cache"
  python3 -m venv "$folder" || die "no virtual environment could be made in $folder: install Python's venv (Debian: apt install python3-venv)"
  with_progress "$folder/install.log" "$folder/bin/python" -m pip install --disable-pip-version-check -r "$requirements" ||
    die "what $requirements names could not be installed (see above)"
  "$folder/bin/$1" "${@:2}" >/dev/null || die "$1 was installed in $folder but does not start"
  touch "$folder/complete"
}

# build_go FOLDER MODULE: the tools of MODULE's go.mod, built into FOLDER once. Compiling leaves one line per
# package (-v), which the progress shows.
build_go() {
  local folder=$1 module=$2 work
  if [ -e "$folder/complete" ]; then return; fi
  mkdir -p "$cache"
  work=$(mktemp -d "$cache/building.XXXXXX")
  # shellcheck disable=SC2064 # the folder of now is meant
  trap "rm -rf -- '$work'" EXIT
  with_progress "$work/build.log" \
    env GOFLAGS= go build -C "$module" -buildvcs=false -v -trimpath -ldflags='-s -w' -o "$work/" tool ||
    die "the tools of $module did not build (see above)"
  touch "$work/complete"
  rm -rf "$folder"
  mv "$work" "$folder"
  trap - EXIT
}
