#!/usr/bin/env bash
# Draws continuations of prompts from a trained model into a table. Takes the options of the job (--help lists them) and
# those of spark-submit, in any order.
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.GenerateJob "$@"
