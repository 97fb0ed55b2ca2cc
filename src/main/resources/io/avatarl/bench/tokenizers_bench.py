"""The yardstick of jobs/bench.sh for tokenizing: encode_batch of Hugging Face's own tokenizers, on one core.

tokenizers_bench.py TOKENIZER.JSON TEXTS.JSON (a list of texts). Takes turns with the other benchmarks as pytorch_bench.py does; its units
are the texts' bytes in UTF-8.
"""

import json
import sys

from laps import serve
from tokenizers import Tokenizer


def main():
    tokenizer = Tokenizer.from_file(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as file:
        texts = json.load(file)
    size = sum(len(text.encode()) for text in texts)
    tokenizer.encode_batch(texts[:1])

    def once():
        tokenizer.encode_batch(texts)
        return size

    serve(once)


if __name__ == "__main__":
    main()
