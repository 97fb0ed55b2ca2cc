#!/usr/bin/env bash
# Trains a model by reinforcement learning and writes a run folder; with no argument, the default preset on this
# machine. Takes the options of the job (--help lists them) and those of spark-submit, in any order.
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.TrainJob "$@"
