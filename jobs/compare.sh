#!/usr/bin/env bash
# Trains presets side by side on the same corpus and budget, and prints and saves one table.
# Takes the options of the job (--help lists them) and those of spark-submit, in any order.
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.CompareJob "$@"
