"""Laps of a benchmark in a process of its own, as the other benchmarks of jobs/bench.sh take turns with it: a line with a number of seconds
on standard input starts a lap; the answer is one line of JSON.
"""

import json
import resource
import sys
import time


def serve(once):
    """once() does the work once and returns its units."""
    print("ready", flush=True)
    for line in sys.stdin:
        seconds, units, times = float(line), 0, 0
        start, cpu = time.perf_counter(), time.process_time()
        while True:
            units += once()
            times += 1
            if time.perf_counter() - start >= seconds:
                break
        print("lap " + json.dumps({
            "units": units,
            "times": times,
            "seconds": time.perf_counter() - start,
            "cpuSeconds": time.process_time() - cpu,
            "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "bytesPerStep": 0,
            "stageSeconds": {},
        }), flush=True)
