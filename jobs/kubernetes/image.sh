#!/usr/bin/env bash
# The steps of the Dockerfile next to it, in a folder as well as in an image:
#   image.sh build               the job's jar and the client for S3, in target/
#   image.sh install SPARK_HOME  puts them into a Spark installation
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

fail() {
  printf 'image.sh: %s\n' "$*" >&2
  exit 2
}

# The name of a jar without its version.
artifact() {
  local name
  name="$(basename "$1" .jar)"
  printf '%s' "${name%%-[0-9]*}"
}

case "${1:-}" in
  build)
    mvn -q -B -ntp -Ps3 -Dmaven.test.skip=true package
    ;;
  install)
    spark="${2:-}"
    [[ -d "$spark/jars" ]] || fail "install: $spark has no folder jars; name a Spark installation"
    job=(target/avatarl-spark-*-job.jar)
    [[ -f "${job[0]}" ]] || fail "install: target has no job jar; run \`image.sh build\` first"
    compgen -G "target/spark-home/jars/hadoop-aws-*.jar" >/dev/null ||
      fail "install: target/spark-home has no client for S3; run \`image.sh build\` first"
    declare -A there=()
    for jar in "$spark"/jars/*.jar; do
      there["$(artifact "$jar")"]=1
    done
    # Spark's own jars are there in its own versions; what is missing is the client for S3.
    for jar in target/spark-home/jars/*.jar; do
      [[ -n "${there["$(artifact "$jar")"]:-}" ]] || cp "$jar" "$spark/jars/"
    done
    mkdir -p "$spark/avatarl" "$spark/conf"
    cp "${job[0]}" "$spark/avatarl/avatarl-spark-job.jar"
    cp conf/gpu-discovery.sh "$spark/avatarl/"
    [[ -e "$spark/conf/log4j2.properties" ]] || cp conf/log4j2.properties "$spark/conf/"
    ;;
  *)
    fail "usage: image.sh build | image.sh install SPARK_HOME"
    ;;
esac
