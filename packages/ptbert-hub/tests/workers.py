"""What other processes do in tests. They are forked from one process that has imported all."""

import hashlib
import multiprocessing
import os
import threading
from pathlib import Path

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["ptbert_hub.cache", "ptbert_hub.download", "requests", "filelock"])


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


def fetch_when_told(url, cache, results, settings):
    """Stop, and once continued fetch; ``settings`` replace constants of modules."""
    import importlib
    import signal

    from ptbert_hub import cache as module

    for name, value in settings.items():
        owner, _, constant = name.rpartition(".")
        setattr(importlib.import_module(f"ptbert_hub.{owner}"), constant, value)
    os.kill(os.getpid(), signal.SIGSTOP)
    try:
        results.put(digest(module.get_from_cache(url, cache)))
    except Exception as error:
        results.put(f"{type(error).__name__}: {error}")


def extract(path, cache, results):
    """Unpack once and report what is there."""
    from ptbert_hub import extract_archive

    folder = extract_archive(path, cache)
    results.put((str(folder), sorted(item.name for item in folder.iterdir())))


def load_for_ever(url, cache, stop, results):
    """Fetch and open until told to stop; report how often, or what went wrong."""
    from ptbert_hub import get_from_cache

    count = 0
    try:
        while not stop.is_set():
            with open(get_from_cache(url, cache, revalidate="never"), "rb") as file:
                file.read(10)
            count += 1
        results.put(count)
    except Exception as error:
        results.put(f"{type(error).__name__}: {error}")


def unfinished(server, cache, tag, size):
    """What a download of the server's file by that writer has left after ``size`` bytes."""
    from ptbert_hub import url_to_filename
    from ptbert_hub.partials import Partial

    folder = cache / ".ptbert-hub" / "partial"
    folder.mkdir(parents=True, exist_ok=True)
    partial = Partial(folder, url_to_filename(server.url()), tag)
    version = {"validator": server.etag, "etag": server.etag, "size": len(server.content)}
    partial.start_over({"url": server.url(), "source": server.url(), **version})
    partial.path.write_bytes(server.content[:size])
    partial.size = size
    return partial


class Stopped:
    """A process about to fetch, so that a tracer can be attached before it does."""

    def __init__(self, url, cache, **settings):
        self.results = CONTEXT.Queue()
        self.process = CONTEXT.Process(
            target=fetch_when_told, args=(url, str(cache), self.results, settings)
        )
        self.process.start()
        self.pid = self.process.pid
        self._wait_for(lambda status: "\nState:\tT" in status)

    def traced(self):
        """Wait until a tracer is attached."""
        self._wait_for(lambda status: "\nTracerPid:\t0\n" not in status)

    def go(self):
        os.kill(self.pid, 18)  # SIGCONT

    def _wait_for(self, condition):
        import time

        for _ in range(1000):
            if condition(Path(f"/proc/{self.pid}/status").read_text()):
                return
            time.sleep(0.005)
        raise AssertionError("the process did not get ready")
