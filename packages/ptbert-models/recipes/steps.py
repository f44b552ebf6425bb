"""Make the models that come with the packages, from texts to cards, in half an hour of one core.

::

    python packages/ptbert-models/recipes/steps.py [--embed] [--deb FILE ...]

``build/tiny_models`` gets both as folders, and with ``--embed`` the packages get their files too.
Further arguments are those of ``public_domain.py``. The session ``tiny_models`` of noxfile.py runs
this with the packages as they are built.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
RECIPES, WORK = Path("packages/ptbert-models/recipes"), Path("build/tiny_models")
VOCABULARIES = {"bert": "wordpiece", "gpt2": "byte-bpe"}
TRAININGS = (  # task, settings, and the folders of the model before and after it
    ("masked-lm", "tiny_bert/short", "start_bert", "short_bert"),
    ("masked-lm", "tiny_bert/settings", "short_bert", "trained_bert"),
    ("language-model", "tiny_gpt2/settings", "start_gpt2", "trained_gpt2"),
)


def run(module: str | Path, *words: str | Path) -> None:
    """Run a module or a file of Python, and stop if it fails."""
    program = [str(module)] if isinstance(module, Path) else ["-m", module]
    # Sums are rounded the same way on any number of cores.
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *program, *map(str, words)], check=True, env=environment)


def main() -> None:
    """Run all steps in order."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--embed", action="store_true", help="put them into the packages, too")
    options, of_texts = parser.parse_known_args()
    os.chdir(ROOT)  # so that settings have the same paths on every machine
    shutil.rmtree(WORK, ignore_errors=True)
    texts = WORK / "texts"
    train, held_out = texts / "train.txt", texts / "held_out.txt"
    run(RECIPES / "public_domain.py", texts, *of_texts)
    for name, kind in VOCABULARIES.items():
        start = WORK / f"start_{name}"
        run("ptbert_tokenizers", "train", kind, train, "--size=8000", "--output", start)
        shutil.copy(RECIPES / f"tiny_{name}" / "config.json", start)
    for task, settings, start, output in TRAININGS:
        is_last = output.startswith("trained")
        run(
            *("ptbert", "train", task, WORK / start, f"--output={WORK / output}"),
            *(f"--settings={RECIPES / settings}.toml", f"--data={train}"),
            *([f"--validation={held_out}"] if is_last else []),
        )
    run(RECIPES / "tiny_models.py", WORK, *(["--embed"] if options.embed else []))


if __name__ == "__main__":
    main()
