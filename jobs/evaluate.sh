#!/usr/bin/env bash
# Measures a checkpoint of a run on the validation split, next to the n-gram baselines.
# Takes the options of the job (--help lists them) and those of spark-submit, in any order.
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.EvaluateJob "$@"
