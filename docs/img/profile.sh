#!/usr/bin/env bash
# Draws where the time of training steps goes: docs/img/step-profile.svg. Samples of the Java Flight Recorder (every 10 or 20 ms, of
# threads in Java and in native code), taken over 60 steps of the default preset; needs python3.
#
#   docs/img/profile.sh [OPTION OF jobs/train.sh]...
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
# The recording begins when the JIT has compiled what is hot.
jobs/train.sh --master 'local[2]' --set steps=120 --set evaluation.every=0 --set checkpoint.every=0 --set rolloutTable.every=0 \
  --driver-java-options "-XX:StartFlightRecording=delay=10s,filename=$folder/steps.jfr,settings=profile" --out "$folder/run" "$@"
"${JAVA_HOME:+$JAVA_HOME/bin/}jfr" print --events jdk.ExecutionSample,jdk.NativeMethodSample --stack-depth 64 "$folder/steps.jfr" |
  python3 docs/img/profile.py >docs/img/step-profile.svg
