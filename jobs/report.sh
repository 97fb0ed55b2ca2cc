#!/usr/bin/env bash
# Writes one self-contained HTML page about one run or several: figures, charts, contexts, samples.
# Takes the options of the job (--help lists them) and those of spark-submit, in any order.
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.ReportJob "$@"
