# For scripts that measure: nodes and Redis of a release build on loopback. Every process that is started here is ended.
# Sourced from the repository's root, by a script that has set -euo pipefail. `pids` are the nodes, `stores` the Redises.
bin=${CARGO_TARGET_DIR:-target}/release
out=${BENCH_OUT:-target/bench}
mkdir -p "$out"
work=$(mktemp -d)
pids=() stores=()
cleanup() { stop; for pid in "${stores[@]}"; do kill "$pid" 2>/dev/null || true; done; wait; rm -rf "$work"; }
trap cleanup EXIT

start_node() { # NAME PORT [REDIS URL]; its admin port is 100 above
  env HUBBUB__NODE__ID="$1" HUBBUB__HTTP__ADDR="127.0.0.1:$2" HUBBUB__ADMIN__ADDR="127.0.0.1:$(($2 + 100))" \
    HUBBUB__DRAIN__DELAY=1ms HUBBUB__DRAIN__WINDOW=1s HUBBUB__LOG__LEVEL=warn ${3:+HUBBUB__REDIS__URL="$3"} \
    HUBBUB__NODE__ADVERTISE="127.0.0.1:$2" "$bin/hubbub" &
  pids+=($!)
  for _ in $(seq 100); do
    HUBBUB__ADMIN__ADDR="127.0.0.1:$(($2 + 100))" "$bin/hubbub" healthcheck 2>/dev/null && return
    sleep 0.05
  done
  echo "${0##*/}: the node on port $2 did not become ready" >&2
  exit 1
}
stop() {
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" || true; done
  pids=()
}
start_redis() { # PORT
  redis-server --port "$1" --bind 127.0.0.1 --save '' --appendonly no --dir "$work" >/dev/null &
  stores+=($!)
  until redis-cli -p "$1" ping 2>/dev/null | grep -q PONG; do sleep 0.05; done
}
load() { # HEADING FILE ARGUMENTS...
  echo; echo "== $1"
  local heading=$1 file=$2; shift 2
  "$bin/hubbub-load" "$@" --json "$out/$file.json" 2>"$work/progress" || { tail -n 5 "$work/progress" >&2; echo "${0##*/}: '$heading' failed" >&2; exit 1; }
}
