#!/usr/bin/env bash
# Starts a standalone Spark cluster on this machine (a master and workers, each a process of its own, on loopback and free
# ports), runs COMMAND with $MASTER set to its address, and always stops the cluster at the end. The commands of this folder and
# spark-submit use $MASTER. The exit code is that of COMMAND.
#
#   jobs/standalone.sh [--workers N] [--cores N] COMMAND ARGUMENT...
#   jobs/standalone.sh --workers 3 jobs/train.sh --preset smoke
#
# N: by default 2 workers of 1 core each.
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

readonly patience=120 # longest start of a process on a busy machine, in seconds

groups=() folder=""

# Each process was started with job control on, so it leads a group of its own: Ctrl-C in a terminal does not reach the
# cluster before its application, and executors end with their worker.
clean_up() {
  local group tries
  trap '' INT TERM
  for group in "${groups[@]}"; do kill -TERM -- "-$group" 2>/dev/null || true; done
  for group in "${groups[@]}"; do
    for ((tries = 0; tries < 100; tries++)); do
      kill -0 -- "-$group" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL -- "-$group" 2>/dev/null || true
  done
  [[ -z "$folder" ]] || rm -rf "$folder"
}

# start LOG CLASS ARGUMENT...
start() {
  local log="$folder/$1" class="$2"
  shift 2
  set -m
  (
    trap - INT TERM EXIT
    # A folder without files: the script waits for lines of Spark's built-in logging.
    export SPARK_HOME="${SPARK_HOME:-$build/spark-home}" SPARK_CONF_DIR="$folder/conf" SPARK_SCALA_VERSION="$scala"
    export SPARK_DAEMON_MEMORY="${SPARK_DAEMON_MEMORY:-256m}" SPARK_MASTER_OPTS="-Dspark.master.rest.enabled=false"
    spark_class "$class" --port 0 --webui-port 0 "$@"
  ) >"$log" 2>&1 </dev/null &
  groups+=($!)
  set +m
}

# await LOG TEXT: the first line of the log that has the text.
await() {
  local log="$folder/$1" waited=0
  until grep -m 1 -F -- "$2" "$log"; do
    if ! kill -0 "${groups[-1]}" 2>/dev/null || ((++waited > 5 * patience)); then
      tail -n 5 "$log" >&2
      say "the cluster did not start"
      exit 1
    fi
    sleep 0.2
  done
}

main() {
  local workers=2 cores=1 host=127.0.0.1 i java build scala profile master="" code=0
  while [[ "${1:-}" == -* ]]; do
    case "$1" in
      --workers | --cores)
        [[ "${2:-}" =~ ^[1-9][0-9]?$ ]] || refuse "$1 ${2:-}: a number from 1 to 99 is needed"
        if [[ "$1" == --workers ]]; then workers="$2"; else cores="$2"; fi
        shift 2
        ;;
      --help | -h)
        sed -n '2,/^# N:/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit 0
        ;;
      --)
        shift
        break
        ;;
      *) refuse "$1: unknown option (--help shows the options)" ;;
    esac
  done
  [[ $# -ge 1 ]] || refuse "name a command to run, for example jobs/train.sh (--help says more)"
  find_java
  find_spark
  ensure_built

  folder="$(mktemp -d "${TMPDIR:-/tmp}/avatarl-standalone.XXXXXX")"
  trap clean_up EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  mkdir "$folder/conf"
  export SPARK_LOCAL_IP=127.0.0.1
  start master.log org.apache.spark.deploy.master.Master --host 127.0.0.1
  master="$(await master.log "Starting Spark master at ")"
  master="${master##* }"
  for ((i = 1; i <= workers; i++)); do
    # Separate hosts for Spark, which speculates only on another host. Linux answers to all of 127.0.0.0/8.
    [[ "$(uname)" != Linux ]] || host="127.0.0.$((i + 1))"
    start "worker-$i.log" org.apache.spark.deploy.worker.Worker \
      --host "$host" --cores "$cores" --work-dir "$folder/work-$i" "$master"
  done
  for ((i = 1; i <= workers; i++)); do
    await "worker-$i.log" "Successfully registered with master" >/dev/null
  done
  say "master $master, workers: $workers of $cores core(s)"

  # In a process group of its own as well, because bash delays signals until a foreground command has ended.
  set -m
  MASTER="$master" "$@" </dev/null &
  local application=$!
  set +m
  trap 'kill -INT -- "-$application"' INT
  trap 'kill -TERM -- "-$application"' TERM
  while
    code=0
    wait "$application" || code=$?
    kill -0 "$application" 2>/dev/null
  do :; done
  exit "$code"
}

main "$@"
