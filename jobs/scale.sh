#!/usr/bin/env bash
# Predicts the time of a training step with other numbers of workers from the constants of measured runs.
# Takes the options of the job (--help lists them) and those of spark-submit, in any order.
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.maintenance.ScaleJob "$@"
