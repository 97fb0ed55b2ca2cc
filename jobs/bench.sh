#!/usr/bin/env bash
# Compares the whole job with plain cross-entropy training, PyTorch and one forward per action; prints tables and saves
# them as JSON. Takes the options of the job (--help lists them).
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.maintenance.BenchJob "$@"
