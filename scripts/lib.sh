# Shared by the scripts behind the Makefile; sourced, not run. Says each step, and what to do when a step can't be taken.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
target=${CARGO_TARGET_DIR:-$root/target}

RUST_MINIMUM=1.95.0
GO_MINIMUM=1.22
NODE_MINIMUM=20.19.0
NEXTEST_VERSION=0.9.143

say() { printf '==> %s\n' "$*" >&2; }
fail() { printf 'portolan: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Package manager commands as root: directly, with sudo, or not at all.
privileged() {
  if [ "$(id -u)" = 0 ]; then "$@"
  elif have sudo && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then sudo "$@"
  else return 126
  fi
}

# packages NAME…: installs Debian packages that the checks below found missing.
packages() {
  [ $# -gt 0 ] || return 0
  have apt-get || fail "please install these (Debian's names) and try again: $*"
  say "installing Debian packages: $*"
  privileged apt-get -q update >&2 || fail "no right to install packages; as root: apt-get install $*"
  privileged env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" >&2 \
    || fail "apt-get install failed: $*"
}

# at_least MINIMUM VERSION
at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

check_rust() {
  have cargo || { [ -r "$HOME/.cargo/env" ] && . "$HOME/.cargo/env"; } || true
  have cargo && have rustc || fail "Rust $RUST_MINIMUM or newer is needed; https://rustup.rs installs it"
  local version
  version=$(rustc --version | cut -d' ' -f2)
  at_least "$RUST_MINIMUM" "${version%%-*}" || fail "Rust $RUST_MINIMUM or newer is needed, this is $version; try: rustup update"
  PATH=$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
}

check_node() {
  have node && have npm || fail "Node $NODE_MINIMUM or newer with npm is needed; https://nodejs.org"
  local version
  version=$(node --version)
  at_least "$NODE_MINIMUM" "${version#v}" || fail "Node $NODE_MINIMUM or newer is needed, this is $version"
}

build_tools() {
  local missing=()
  have cc && have make || missing+=(build-essential)
  packages "${missing[@]}"
}

test_tools() {
  local missing=()
  have cc && have make || missing+=(build-essential)
  have setpriv || missing+=(util-linux)
  have postgres || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing+=(postgresql)
  have mariadbd || [ -x /usr/sbin/mariadbd ] || missing+=(mariadb-server)
  # Independent verifiers of the log: Go's sumdb packages, and docs/audit/verify.py in a virtual environment. Clients of etcd: Go, Python.
  have go || missing+=(golang-go)
  python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3 python3-venv)
  # Clients of the data plane that others wrote.
  have curl || missing+=(curl)
  have openssl || missing+=(openssl)
  have h2load && have nghttp || missing+=(nghttp2-client)
  have redis-server && have redis-cli || missing+=(redis-server)
  have etcd || missing+=(etcd-server)
  have etcdctl || missing+=(etcd-client)
  have chromium || have chromium-browser || have google-chrome || missing+=(chromium)
  packages "${missing[@]}"
  local version
  version=$(go env GOVERSION)
  at_least "$GO_MINIMUM" "${version#go}" || fail "Go $GO_MINIMUM or newer is needed for etcd's client, this is $version; https://go.dev/dl/"
}

nextest() {
  have cargo-nextest && return 0
  say "installing cargo-nextest $NEXTEST_VERSION (once; a few minutes)"
  # A quick build matters more than a quick runner.
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=256 \
    CARGO_PROFILE_RELEASE_DEBUG=0 \
    cargo install cargo-nextest --version "$NEXTEST_VERSION" --locked --no-default-features --features default-no-update >&2 \
    || fail "could not install cargo-nextest"
}

dashboard_packages() {
  if [ dashboard/node_modules/.package-lock.json -nt dashboard/package-lock.json ]; then return 0; fi
  say "installing the dashboard's npm packages"
  (cd dashboard && npm ci --no-audit --no-fund) >&2 || fail "npm ci failed"
}

dashboard_build() {
  dashboard_packages
  say "building the dashboard"
  (cd dashboard && npm run --silent build) >&2 || fail "the dashboard does not build"
}
