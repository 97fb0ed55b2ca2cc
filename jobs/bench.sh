#!/usr/bin/env bash
# Measures the whole job beside plain cross-entropy training, PyTorch and one forward per action; prints tables and saves
# them as JSON. Takes the options of the job (--help lists them).
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.BenchJob "$@"
