"""Threads, interruptions and forks: the ids are those of one thread that was left alone."""

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ptbert_tokenizers import (
    BertTokenizer,
    GPT2Tokenizer,
    OpenAIGPTTokenizer,
    TransfoXLTokenizer,
)
from ptbert_tokenizers.files.vocabulary import (
    read_json_vocabulary,
    read_merges,
    write_json_vocabulary,
    write_lines,
    write_merges,
)

THREADS = 8
LETTERS = "abcdefghiklmnoprstuvw"


def texts_of(seed: int, number: int) -> list[str]:
    """Texts whose words come again, and words that come once: short, long, in several scripts."""
    draw = random.Random(seed)
    common = ["".join(draw.choices(LETTERS, k=draw.randint(1, 9))) for _ in range(300)]
    rare = LETTERS + "äöüßéあ京都한글🙂ñç"

    def word() -> str:
        if draw.random() < 0.8:
            return draw.choice(common)
        return "".join(draw.choices(rare, k=draw.randint(1, 22)))

    return [" ".join(word() for _ in range(draw.randint(0, 60))) for _ in range(number)]


def small(name: str, published: Callable[[str], Path]) -> Path:
    """The beginning of a published vocabulary, which loads in no time."""
    folder = Path(f"small-{name}")
    if folder.exists():
        return folder
    folder.mkdir()
    source = published(name)
    if name == "bert-base-uncased":
        lines = (source / "vocab.txt").read_text(encoding="utf-8").split("\n")
        write_lines(folder / "vocab.txt", [*lines[:104], *lines[999:5000]])
        return folder
    merges = read_merges(source / "merges.txt")[:2000]
    made = {left + right for left, right in merges}
    ids = read_json_vocabulary(source / "vocab.json")
    kept = [each for each in ids if each in made or len(each.removesuffix("</w>")) == 1]
    write_json_vocabulary(
        folder / "vocab.json", {each: i for i, each in enumerate([*kept, "<unk>"])}
    )
    write_merges(folder / "merges.txt", merges)
    return folder


CLASSES: dict[str, Any] = {
    "bert-base-uncased": BertTokenizer,
    "openai-gpt": OpenAIGPTTokenizer,
    "gpt2": GPT2Tokenizer,
}


@pytest.fixture(params=[*CLASSES, "transfo_xl"])
def make(request: pytest.FixtureRequest, published: Callable[[str], Path]) -> Callable[[], Any]:
    """Makes a tokenizer that knows nothing yet: with a published vocabulary in slow tests."""
    name = request.param
    if name in CLASSES:
        is_slow = request.node.get_closest_marker("slow") is not None
        folder = published(name) if is_slow else small(name, published)
        return lambda: CLASSES[name].from_pretrained(folder)

    def transfo_xl() -> TransfoXLTokenizer:
        tokenizer = TransfoXLTokenizer(special=["<eos>", "<unk>"])
        tokenizer.count_sents(text.split() for text in texts_of(0, 10))
        tokenizer.build_vocab()
        return tokenizer

    return transfo_xl


METHODS: dict[str, Callable[[Any, list[str]], Any]] = {
    "tokenize": lambda tokenizer, texts: [tokenizer.tokenize(text) for text in texts],
    "encode": lambda tokenizer, texts: [tokenizer.encode(text) for text in texts],
    "encode_flat": lambda tokenizer, texts: tokenizer.encode_flat(texts).ids.tolist(),
    "encode_batch": lambda tokenizer, texts: tokenizer.encode_batch(texts).input_ids.tolist(),
    "offsets of a batch": lambda tokenizer, texts: tokenizer.encode_batch(
        texts, return_offsets=True
    ).offsets.tolist(),
    "offsets": lambda tokenizer, texts: [
        tokenizer.tokenize_with_offsets(text) for text in texts[:2]
    ],
}


@pytest.fixture
def _often() -> Iterator[None]:
    """Let threads take turns as often as Python can."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def wrong_calls(make: Callable[[], Any], seed: int, *, batches: int, warm: bool) -> int:
    """How many calls of 8 threads that share a tokenizer give something else than one thread."""
    jobs = [(name, texts_of(seed + number, 6)) for number in range(batches) for name in METHODS]
    alone = make()
    expected = [METHODS[name](alone, batch) for name, batch in jobs]
    shared = make()
    if warm:
        for name, batch in jobs[::2]:
            METHODS[name](shared, batch)
    order = [*range(len(jobs))]
    random.Random(seed).shuffle(order)
    with ThreadPoolExecutor(THREADS) as pool:
        calls = [(job, pool.submit(METHODS[jobs[job][0]], shared, jobs[job][1])) for job in order]
        wrong = sum(call.result() != expected[job] for job, call in calls)
    return wrong + sum(
        METHODS[name](shared, batch) != right
        for (name, batch), right in zip(jobs, expected, strict=True)
    )


@pytest.mark.usefixtures("_often")
@pytest.mark.parametrize("warm", [False, True])
def test_threads_that_share_a_tokenizer_get_the_ids_of_one_thread(
    make: Callable[[], Any], warm: bool
) -> None:
    assert wrong_calls(make, 1, batches=4, warm=warm) == 0


@pytest.mark.usefixtures("_often")
def test_threads_that_share_a_tokenizer_with_added_tokens_get_the_ids_of_one_thread(
    make: Callable[[], Any],
) -> None:
    def with_added() -> Any:
        tokenizer = make()
        tokenizer.add_tokens(["ab", "京", "É"])
        tokenizer.add_special_tokens(["l"])
        return tokenizer

    assert wrong_calls(with_added, 3, batches=2, warm=False) == 0


@pytest.mark.slow
@pytest.mark.usefixtures("_often")
def test_ten_thousand_calls_of_threads(make: Callable[[], Any]) -> None:
    for seed in range(0, 1000, 20):  # 50 x 12 batches x 6 methods for each of four families
        assert wrong_calls(make, seed, batches=12, warm=bool(seed % 40)) == 0


@pytest.mark.usefixtures("_often")
def test_threads_that_forget_all_the_time(
    make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ptbert_tokenizers.quick.ids.MOST_LEARNT", 50)
    monkeypatch.setattr("ptbert_tokenizers.quick.encoder.WORDS_LIMIT", 20_000)

    assert wrong_calls(make, 2, batches=3, warm=False) == 0


class Stopped(BaseException):
    """What stops a call, as Ctrl-C does."""


def interrupted_calls(make: Callable[[], Any], number: int, seed: int) -> int:
    """Stop calls at random moments; afterwards the tokenizer must be as if nothing had been."""
    draw = random.Random(seed)
    batch = texts_of(seed, 20)
    reference = make()
    expected = reference.encode_flat(batch)
    start = time.perf_counter()
    reference.encode_flat(texts_of(seed + 1, 30))
    usual = time.perf_counter() - start
    stopped = 0

    def stop(*_: Any) -> None:
        raise Stopped

    before = signal.signal(signal.SIGALRM, stop)
    try:
        tokenizer = make()
        tokenizer.encode_flat(["ready"])
        for _ in range(number):
            if draw.random() < 0.1:
                tokenizer = make()
                tokenizer.encode_flat(["ready"])
            some = [*batch, *texts_of(draw.randrange(10**6), 10)]
            try:
                signal.setitimer(signal.ITIMER_REAL, draw.uniform(1e-5, usual))
                tokenizer.encode_flat(some)
                signal.setitimer(signal.ITIMER_REAL, 0)
                usual *= 0.7  # the machine was busy when it was measured
            except Stopped:
                stopped += 1
            found = tokenizer.encode_flat(batch)
            assert np.array_equal(found.ids, expected.ids)
            assert np.array_equal(found.bounds, expected.bounds)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return stopped


# An exception in a destructor or a callback of garbage collection is printed, and goes no further.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers that interrupt")
def test_an_interrupted_call_leaves_a_tokenizer_right(make: Callable[[], Any]) -> None:
    assert interrupted_calls(make, 20, 1) > 0


@pytest.mark.slow
# An exception in a destructor or a callback of garbage collection is printed, and goes no further.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs timers that interrupt")
def test_two_thousand_interruptions(make: Callable[[], Any]) -> None:
    stopped = 0
    seed = 0
    while stopped < 2000:
        seed += 1
        stopped += interrupted_calls(make, 200, seed)


def interrupted_everywhere(call: Callable[[], Any], after: Callable[[], None]) -> int:
    """Run a call again and again, stopped at its first line, its second one, and so on.

    Only lines of the room ``quick`` count, which is where tokenizers remember something.
    """
    place = 0
    while True:
        left = place

        def trace(frame: Any, event: str, _: Any) -> Any:
            nonlocal left
            if f"{os.sep}quick{os.sep}" not in frame.f_code.co_filename:
                return None
            if event == "line":
                left -= 1
                if left < 0:
                    sys.settrace(None)
                    raise Stopped
            return trace

        sys.settrace(trace)
        try:
            call()
            return place
        except Stopped:
            place += 1
        finally:
            sys.settrace(None)
        after()


def test_a_call_may_be_stopped_at_every_line_of_learning(make: Callable[[], Any]) -> None:
    """Each time with new words, so that there is something to learn."""
    tokenizer, reference = make(), make()
    tokenizer.encode_flat(["ready"])
    known = texts_of(3, 4)
    expected = reference.encode_flat(known).ids.tolist()
    number = 0

    def call() -> None:
        tokenizer.encode_flat([f"new{number} word{number * 7}x"])

    def after() -> None:
        nonlocal number
        number += 1
        assert tokenizer.encode_flat(known).ids.tolist() == expected
        text = [f"new{number - 1} word{number * 7 - 7}x other{number}"]
        assert tokenizer.encode_flat(text).ids.tolist() == reference.encode(
            text[0], add_special_tokens=False
        )

    places = interrupted_everywhere(call, after)

    if make().family != "transfo_xl":  # which remembers nothing
        assert places > 50


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_process_forked_while_others_encode_gets_the_right_ids(make: Callable[[], Any]) -> None:
    tokenizer, batch = make(), texts_of(5, 20)
    expected = make().encode_flat(batch).ids.tolist()
    end = threading.Event()

    def keep_on() -> None:
        seed = 100
        while not end.is_set():
            seed += 1
            tokenizer.encode_flat(texts_of(seed, 5))

    others = [threading.Thread(target=keep_on) for _ in range(3)]
    for other in others:
        other.start()
    try:
        for _ in range(10):
            child = os.fork()
            if not child:
                signal.alarm(60)
                found = [tokenizer.encode_flat(batch).ids.tolist() for _ in range(2)]
                os._exit(found != [expected, expected])
            assert os.waitpid(child, 0)[1] == 0
    finally:
        end.set()
        for other in others:
            other.join()
