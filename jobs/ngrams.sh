#!/usr/bin/env bash
# Counts the n-grams of a text with Spark, times it and scores the tables on the validation split; with --bpe, also
# learns a BPE tokenizer first. Takes the options of the job (--help lists them) and those of spark-submit, in any order.
# shellcheck source=jobs/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
run_job io.avatarl.jobs.NgramsJob "$@"
