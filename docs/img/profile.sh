#!/usr/bin/env bash
# Draws where the processor's time goes in a training run of the default preset (docs/performance.md): async-profiler counts the
# stacks of all threads, Java and native, each 5 ms of processor time. Flame draws the half minute after the first minute, in which
# the JVM warms up.
#
#   docs/img/profile.sh [OPTION OF jobs/train.sh]...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

profiler=4.2
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
mvn -q -B dependency:copy -Dartifact=tools.profiler:async-profiler:$profiler -DoutputDirectory="$folder"
(cd "$folder" && jar xf async-profiler-$profiler.jar linux-x64/libasyncProfiler.so)
agent="-agentpath:$folder/linux-x64/libasyncProfiler.so=start,event=ctimer,interval=5ms,threads,collapsed,loop=30s,file=$folder/%n.stacks"
jobs/train.sh --driver-java-options "$agent" --out "$folder/run" --set steps=100 --set evaluation.every=0 \
  --set rolloutTable.every=0 "$@"
java src/build/java/Flame.java "$folder/2.stacks" docs/img/profile.svg "Processor time of training, 30 s on 2 cores"
