"""What the Hugging Face Hub refuses, said for somebody who gave the name of a repository"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ptbert_hub.errors import (
    AccessDenied,
    GatedRepository,
    HubError,
    RepositoryNotFound,
    RevisionNotFound,
)
from ptbert_hub.locating import similar_name, what_it_is_not
from ptbert_hub.options import MAIN, DownloadOptions
from ptbert_hub.repositories import HUB


@contextmanager
def in_words(repository: str, revision: str, options: DownloadOptions) -> Iterator[None]:
    """Say what an answer of the Hub means for somebody who gave the name of a repository."""
    try:
        yield
    except (GatedRepository, RepositoryNotFound, RevisionNotFound):
        raise
    except HubError as error:
        new = _explained(error, repository, revision, has_token=options.bearer() is not None)
        if new is None:
            raise
        raise new from error


def _explained(
    error: HubError, repository: str, revision: str, *, has_token: bool
) -> HubError | None:
    """The error to raise instead; None if it says enough."""
    more: dict[str, Any] = {"url": error.url, "status": error.status, "code": error.code}
    page = f"{HUB}/{repository}"
    if error.code == "GatedRepo":
        who = "with the account of the token" if has_token else "and give the token of that account"
        return GatedRepository(
            f"{repository!r} is gated: its authors decide who may download it",
            hint=f"ask for access at {page} {who} (token=…, or HF_TOKEN); a fine-grained token "
            "needs the right to read gated repositories",
            **more,
        )
    if error.code == "RevisionNotFound":
        return RevisionNotFound(
            f"{repository!r} has no branch, tag or commit {revision!r}",
            hint=f"its branches and tags are listed at {page}/tree/{MAIN}",
            **more,
        )
    if error.status == 401 and has_token:
        return AccessDenied(
            f"the Hugging Face Hub does not accept the token that was sent for {repository!r}",
            hint=f"make another one at {HUB}/settings/tokens, or pass token=False to send none",
            **more,
        )
    if error.code == "RepoNotFound" or error.status == 401:
        account = "to the account of the token" if has_token else "without a token"
        advice = "" if has_token else " If it is private, give a token (token=…, or HF_TOKEN)"
        return RepositoryNotFound(
            f"{what_it_is_not(repository)}, and the Hugging Face Hub shows no repository of that "
            f"name {account}",
            hint=(similar_name(repository) or "check the spelling.") + advice,
            **more,
        )
    if isinstance(error, AccessDenied):
        return AccessDenied(
            f"the Hugging Face Hub refuses to give {repository!r} (status {error.status})",
            hint=f"see {page}; the token may not have the right to read it",
            **more,
        )
    return None
