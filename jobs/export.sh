#!/usr/bin/env bash
# Writes a trained model for Hugging Face's transformers or for llama.cpp, with a model card.
# Takes the options of the job (--help lists them) and those of spark-submit, in any order.
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.ExportJob "$@"
