"""The yardstick of jobs/bench.sh for tokenizing: encode_batch of Hugging Face's own tokenizers, on one core.

tokenizers_bench.py TOKENIZER.JSON TEXTS.JSON (a list of texts). Takes turns with the other benchmarks as pytorch_bench.py does; its units
are the texts' bytes in UTF-8.
"""

import json
import resource
import sys
import time

from tokenizers import Tokenizer


def main():
    tokenizer = Tokenizer.from_file(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        texts = json.load(file)
    size = sum(len(text.encode()) for text in texts)
    tokenizer.encode_batch(texts[:1])
    print("ready", flush=True)
    for line in sys.stdin:
        seconds, times = float(line), 0
        start, cpu = time.perf_counter(), time.process_time()
        while True:
            tokenizer.encode_batch(texts)
            times += 1
            if time.perf_counter() - start >= seconds:
                break
        print("lap " + json.dumps({
            "units": times * size,
            "times": times,
            "seconds": time.perf_counter() - start,
            "cpuSeconds": time.process_time() - cpu,
            "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "bytesPerStep": 0,
            "stageSeconds": {},
        }), flush=True)


if __name__ == "__main__":
    main()
