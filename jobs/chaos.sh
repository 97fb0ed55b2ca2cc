#!/usr/bin/env bash
# Kills runs at random moments, resumes them, and compares their results with those of an undisturbed run.
# Takes the options of the job (--help lists them) and those of spark-submit, in any order.
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.maintenance.ChaosJob "$@"
