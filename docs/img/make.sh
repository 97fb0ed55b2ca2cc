#!/usr/bin/env bash
# Makes the pictures of the README from a real run: trains the default preset and plain cross-entropy training as a yardstick
# (jobs/compare.sh; evaluations more often than usual, which changes no weight), draws the learning curve, and takes a picture
# of the run's report with a headless Chromium ($CHROMIUM, chromium).
#
#   docs/img/make.sh [COMPARISON]     # with the folder of such a comparison nothing is trained
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

comparison="${1:-runs/readme}"
[[ $# -gt 0 ]] || jobs/compare.sh --out "$comparison" --set evaluation.every=5 maxrl-sampled baseline-ce

folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
jobs/report.sh "$comparison/maxrl-sampled" "$comparison/baseline-ce" --svg docs/img/learning-curve.svg --html "$folder/report.html"
"${CHROMIUM:-chromium}" --headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking \
  --disable-component-update --disable-sync --user-data-dir="$folder/profile" --hide-scrollbars --window-size=1180,1180 \
  --screenshot=docs/img/report.png "file://$folder/report.html"
