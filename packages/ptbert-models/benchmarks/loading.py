"""Time loading and importing beside the library of 2019 and transformers.

A file of BERT-base is loaded as `BertForPreTraining`, and the library is imported, each time in a
new process, one library after the other. In the cache, where files never change, the file is
mapped. In a user's folder it is read and its checksums are compared, unless the caller asks for
mapping. CPU time is that of loading without imports. Peak memory is what the process needed at
most, beyond what it had before loading.
"""

import argparse
import http.server
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import torch

from ptbert_models import BertConfig, BertForPreTraining

# ruff: noqa: T201

LOAD = """
import sys, time
from pathlib import Path
{imports}
def memory(name):  # in MB; Linux only
    line = next(l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith(name))
    return int(line.split()[1]) / 1024
Path("/proc/self/clear_refs").write_text("5")  # forget the peak of what came before
before, start = memory("VmRSS"), time.process_time()
model = {load}
print(1000 * (time.process_time() - start), memory("VmHWM") - before)
"""
LOADERS = {
    "ptbert, a folder": (
        "from ptbert_models import BertForPreTraining",
        "BertForPreTraining.from_pretrained(sys.argv[1])",
    ),
    "ptbert, a folder, memory_map=True": (
        "from ptbert_models import BertForPreTraining",
        "BertForPreTraining.from_pretrained(sys.argv[1], memory_map=True)",
    ),
    "ptbert, the cache": (
        "from ptbert_models import BertForPreTraining",
        "BertForPreTraining.from_pretrained(sys.argv[2], cache_dir=sys.argv[3])",
    ),
    "library of 2019": (
        "from pytorch_pretrained_bert import BertForPreTraining",
        "BertForPreTraining.from_pretrained(sys.argv[1])",
    ),
    "transformers": (
        "from transformers import BertForPreTraining",
        "BertForPreTraining.from_pretrained(sys.argv[1])",
    ),
    "reading the file": (
        "from pathlib import Path",
        "len(Path(sys.argv[1], 'pytorch_model.bin').read_bytes())",
    ),
}
IMPORT = """
import time, torch
start = time.process_time()
{imports}
print(1000 * (time.process_time() - start), 0)
"""
IMPORTS = {
    "ptbert_models.BertModel": "from ptbert_models import BertModel",
    "pytorch_pretrained_bert.BertModel": "from pytorch_pretrained_bert import BertModel",
    "transformers.BertModel": "from transformers import BertModel",
}


def measure(script: str, *words: str) -> tuple[float, float]:
    """Run a script in a new process and return the two numbers that it prints."""
    output = subprocess.run(
        [sys.executable, "-c", script, *words],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PTBERT_HUB_REVALIDATE": "never"},
    ).stdout.split()
    return float(output[-2]), float(output[-1])


def table(title: str, scripts: dict[str, str], rounds: int, *words: str) -> None:
    """Run all scripts in turn and print medians."""
    results: dict[str, list[tuple[float, float]]] = {name: [] for name in scripts}
    for _ in range(rounds):
        for name, script in scripts.items():
            results[name].append(measure(script, *words))
    ours = statistics.median(time for time, _ in results[next(iter(scripts))])
    print(f"\n{title}\n\n| | median CPU ms | times ptbert | peak MB |\n|---|---|---|---|")
    for name, pairs in results.items():
        time, memory = (statistics.median(each) for each in zip(*pairs, strict=True))
        print(f"| {name} | {time:.0f} | {time / ours:.2f} | {memory:.0f} |")


@contextmanager
def serve(folder: str) -> Iterator[str]:
    """Serve a folder on this machine and yield its address."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    handler.func.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def main() -> None:
    """Run both tasks."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="timed rounds")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        BertForPreTraining(BertConfig(30522)).save_pretrained(folder)
        size = Path(folder, "pytorch_model.bin").stat().st_size / 2**20
        print(f"torch {torch.__version__}, {arguments.rounds} rounds, a file of {size:.0f} MB")
        scripts = {n: LOAD.format(imports=i, load=load) for n, (i, load) in LOADERS.items()}
        with serve(folder) as address, tempfile.TemporaryDirectory() as cache:
            BertForPreTraining.from_pretrained(address, cache_dir=cache)
            table("Loading BERT-base", scripts, arguments.rounds, folder, address, cache)
        scripts = {name: IMPORT.format(imports=line) for name, line in IMPORTS.items()}
        table("Importing, beyond torch", scripts, arguments.rounds)


if __name__ == "__main__":
    main()
