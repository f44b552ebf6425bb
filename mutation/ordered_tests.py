"""A pytest plugin for ``mutants.py``: learn which tests run which lines, and run those first.

With MUTANTS_RECORD=FILE, all tests run once, and it writes the seconds of each test and the tests
that ran each line. With MUTANTS_PLAN=FILE it reads a plan, a list of ``[test, limit]``: the tests
run in that order, and one that takes longer than its limit in seconds ends the process,
which counts as a failure.
"""

import faulthandler
import json
import os
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

LIMIT = 60.0  # seconds for a test that is not in the plan


class Recorder:
    """Measures the tests of one run."""

    def __init__(self, file: str) -> None:
        import coverage

        self.file = Path(file)
        self.seconds: dict[str, float] = {}
        self.coverage = coverage.Coverage(
            data_file=None, config_file=False, include=[f"{os.environ['MUTANTS_SOURCE']}/*"]
        )
        self.coverage.set_option("run:disable_warnings", ["no-data-collected"])
        self.coverage.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Note what one test runs, and how long it takes."""
        self.coverage.switch_context(item.nodeid)
        start = time.monotonic()
        result = yield
        self.seconds[item.nodeid] = time.monotonic() - start
        return result

    def pytest_sessionfinish(self) -> None:
        """Write what was noted."""
        self.coverage.stop()
        data = self.coverage.get_data()
        lines = {file: data.contexts_by_lineno(file) for file in data.measured_files()}
        self.file.write_text(json.dumps({"seconds": self.seconds, "lines": lines}), "utf-8")


class Planned:
    """Runs tests in a given order, each within its limit."""

    def __init__(self, file: str) -> None:
        self.limits: dict[str, float] = dict(json.loads(Path(file).read_text("utf-8")))

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the tests in the order of the plan."""
        places = {test: place for place, test in enumerate(self.limits)}
        items.sort(key=lambda item: places.get(item.nodeid, len(places)))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[Any]:
        """End the process if one test takes too long, even inside C code."""
        limit = self.limits.get(item.nodeid, LIMIT)
        faulthandler.dump_traceback_later(limit, exit=True, file=2)
        try:
            return (yield)
        finally:
            faulthandler.cancel_dump_traceback_later()


def pytest_configure(config: pytest.Config) -> None:
    """Register the plugins that the environment variables ask for."""
    if find_spec("hypothesis"):
        from hypothesis import Phase, settings

        # No deadlines and no randomness, so that a mutant always has the same result. The first
        # failure is enough; there is no search for a smaller example.
        phases = [Phase.explicit, Phase.generate]
        options = {"derandomize": True, "database": None, "deadline": None, "phases": phases}
        settings.register_profile("mutants", settings(), **options)
        settings.load_profile("mutants")
    if file := os.environ.get("MUTANTS_RECORD"):
        config.pluginmanager.register(Recorder(file))
    if file := os.environ.get("MUTANTS_PLAN"):
        config.pluginmanager.register(Planned(file))
