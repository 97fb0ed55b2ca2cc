#!/usr/bin/env bash
# Shows the rollouts of a run: what the policy tried, and which rewards it got; or the result of a query over them.
# Takes the options of the job (--help lists them) and those of spark-submit, in any order.
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.RolloutsJob "$@"
