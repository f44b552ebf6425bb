"""Make ``cache-2019/``: what the released downloader of 2019 leaves in its cache.

Run by hand, with a Python that has ``pytorch-pretrained-bert==0.6.2``, boto3, requests and tqdm::

    python tests/data/make_cache_2019.py

The downloader's module is loaded alone, so PyTorch is not needed. Its requests go to a server on
loopback that answers right once and wrong in the four ways that used to poison a cache.
"""

import importlib.util
import shutil
import sys
from pathlib import Path

import requests

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from faultserver import FaultServer, Reply  # noqa: E402

AMAZON = "https://s3.amazonaws.com/"
URL = AMAZON + "models.huggingface.co/bert/bert-base-cased-vocab.txt"
VOCAB = b"[PAD]\n[UNK]\nhello\n"
PAGE = b"<?xml version='1.0'?><Error><Code>SlowDown</Code></Error>"


def downloader():
    package = Path(importlib.util.find_spec("pytorch_pretrained_bert").origin).parent
    spec = importlib.util.spec_from_file_location("file_utils", package / "file_utils.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CASES = {
    "good": lambda request: None,
    "page-404": lambda request: Reply(PAGE, 404),
    "get-503": lambda request: Reply(PAGE, 503) if request.method == "GET" else None,
    "head-403": lambda request: Reply(PAGE, 403),
    "cut-copy": lambda request: None,
}


def main():
    target = HERE / "cache-2019"
    shutil.rmtree(target, ignore_errors=True)
    old = downloader()
    with FaultServer() as server:
        for name in ("get", "head", "request"):
            real = getattr(requests, name)

            def local(*args, real=real, **options):
                moved = [str(a).replace(AMAZON, server.address + "/") for a in args]
                return real(*moved, **options)

            setattr(requests, name, local)
        for case, replies in CASES.items():
            server.become(VOCAB)
            server.replies = replies
            old.get_from_cache(URL, cache_dir=str(target / case))
    for path in (target / "cut-copy").iterdir():  # killed in the middle of copying into the cache
        if path.suffix == ".json":  # it is written after the copy
            path.unlink()
        else:
            path.write_bytes(VOCAB[:7])


if __name__ == "__main__":
    main()
