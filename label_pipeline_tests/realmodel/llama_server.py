"""A script: serves weights with llama.cpp's own server on a free port of localhost until standard input closes.

Run by serving.py with the folder of the package in PYTHONPATH; prints the address. Keep out: anything of this project.
"""

import importlib
import os
import sys


def main(weights: str, name: str, context_tokens: str) -> None:
    """Serves ``weights`` as model ``name``."""
    llama = importlib.import_module("xllamacpp")
    params = llama.CommonParams()
    params.model.path, params.model_alias = weights, {name}
    params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [os.environ["LLAMA_KEY"]]
    params.n_ctx, params.n_parallel = int(context_tokens), 1
    # One thread: two on a busy machine wait for each other, measured 8 tokens per second instead of 80.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.verbosity = -1
    server = llama.Server(params)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # its threads do not end by themselves


if __name__ == "__main__":
    main(*sys.argv[1:])
