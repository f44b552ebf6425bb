"""What other processes do in tests; one process serves as the mould of all the others."""

import hashlib
import multiprocessing
import os
import threading
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["ptbert_hub.cache", "requests", "filelock"])


def digest(path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def fetch(url, cache, results, environment, threads=1):
    """Fetch once in each of several threads and report the digests."""
    from ptbert_hub import get_from_cache

    os.environ.update(environment)

    def one():
        try:
            results.put(digest(get_from_cache(url, cache)))
        except Exception as error:
            results.put(f"{type(error).__name__}: {error}")

    running = [threading.Thread(target=one) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()


def fetch_together(urls, cache, *, threads=1, timeout=60.0, **environment) -> list[str]:
    """Fetch each address in a process of its own, all at once; return the digests."""
    results = CONTEXT.Queue()
    processes = [
        CONTEXT.Process(target=fetch, args=(url, str(cache), results, environment, threads))
        for url in urls
    ]
    for process in processes:
        process.start()
    found = [results.get(timeout=timeout) for _ in range(len(urls) * threads)]
    for process in processes:
        process.join(timeout)
    return found
