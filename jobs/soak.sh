#!/usr/bin/env bash
# Trains for thousands of steps and shows that heap, memory and threads stay as they are.
# Takes the options of the job (--help lists them) and those of spark-submit, in any order.
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.maintenance.SoakJob "$@"
