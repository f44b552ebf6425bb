"""The two states of 2019's library, and how drop-in mode chooses between them."""

from __future__ import annotations

RELEASES = ("april", "june")


def check_release(release: str) -> None:
    """Refuse the name of a release that does not exist.

    Args:
        release: "april" or "june".

    Raises:
        ValueError: if there is no such release.
    """
    if release not in RELEASES:
        raise ValueError(f"release={release!r} is unknown; choose one of {', '.join(RELEASES)}")


def play_release(release: str) -> None:
    """Let models and tokenizers made from now on follow a release; older objects keep theirs.

    Args:
        release: see `ptbert.install_as`.
    """
    from ptbert_models.release import set_release as set_release_of_models
    from ptbert_tokenizers.release import set_release as set_release_of_tokenizers

    set_release_of_models(release)
    set_release_of_tokenizers(release)
