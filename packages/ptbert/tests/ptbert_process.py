"""The command ptbert as a process."""

import os
import subprocess
import sys


def ptbert(*words, cwd):
    return subprocess.run(
        [sys.executable, "-m", "ptbert", *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
