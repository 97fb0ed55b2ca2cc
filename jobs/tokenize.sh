#!/usr/bin/env bash
# Tokenizes a corpus of any size into a folder, once; training reads it from there. Takes the options of the job (--help
# lists them) and those of spark-submit, in any order.
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.TokenizeJob "$@"
