"""Compare the models with their peers: ``compare.py [NAME ...] [--rounds N]``.

Names are bert, padded, gpt2, gpt2_batches, transfo_xl and loading; without names all comparisons
run, one after the other. The arguments go to each of them; ``--rounds`` is known to all,
``--threads`` and ``--layers`` to those of models.
"""

import subprocess
import sys
from pathlib import Path

COMPARISONS = ("bert", "padded", "gpt2", "gpt2_batches", "transfo_xl", "loading")


def main() -> int:
    """Run the comparisons that the command line names."""
    words = sys.argv[1:]
    split = next((i for i, word in enumerate(words) if word.startswith("-")), len(words))
    names, arguments = words[:split], [word for word in words[split:] if word != "--"]
    unknown = set(names) - set(COMPARISONS)
    if unknown:
        sys.exit(f"unknown: {', '.join(sorted(unknown))}; choose from {', '.join(COMPARISONS)}")
    folder = Path(__file__).parent
    runs = [
        subprocess.run([sys.executable, folder / f"{name}.py", *arguments], check=False)
        for name in names or COMPARISONS
    ]
    return max(run.returncode for run in runs)


if __name__ == "__main__":
    sys.exit(main())
