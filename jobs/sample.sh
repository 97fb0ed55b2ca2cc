#!/usr/bin/env bash
# Lets a checkpoint of a run write text.
# Takes the options of the job (--help lists them) and those of spark-submit, in any order.
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.SampleJob "$@"
