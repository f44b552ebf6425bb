"""The folder of a training: its settings, its log, and the model in the end."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from ptbert.training.settings import Settings, read_settings, write_settings
from ptbert.training.sources import changes, file_digests, refuse_sources_inside
from ptbert.training.writing import told_if_not_written
from ptbert_hub import atomic_write, pinned
from ptbert_hub.locking import FOLDER_LOCK, folder_lock
from ptbert_models.files.json_files import read_json_object
from ptbert_tokenizers.families import load_tokenizer
from ptbert_tokenizers.pretrained import PreTrainedTokenizer

SETTINGS_NAME = "settings.toml"
LOG_NAME = "log.jsonl"
RESULT_NAME = "result.json"
_FILES_NAME = "files.json"
_COMMIT = "commit of the model"  # in the file of digests
_UNFINISHED = ".*.tmp"  # as atomic_write calls them


class Output:
    """The folder that a training writes.

    Args:
        settings: of the training.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.folder = Path(settings.output)
        self.checkpoints = self.folder / "checkpoints"
        self._tokenizer = self.folder / "tokenizer"
        self.log_path = self.folder / LOG_NAME
        self.tensorboard = self.folder / "tensorboard"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder while the block runs, so that one training at a time writes there.

        Raises:
            BlockingIOError: if another process has it.
            ValueError: if the folder has something else than a training, or if the training would
                write over what it reads.
        """
        refuse_sources_inside(self.folder, self._settings)
        self._refuse_other_files()
        self.folder.mkdir(parents=True, exist_ok=True)
        with folder_lock(self.folder) as holder:
            if holder:
                raise BlockingIOError(
                    f"{str(self.folder)!r} is in use: {holder} trains there; wait for it, end it, "
                    "or give another folder"
                )
            yield

    def begin(self, settings: Settings, processes: int, *, restart: bool) -> Settings:
        """Make the folder ready, or take up the training that is in it.

        Args:
            settings: what was asked for.
            processes: how many train; as many parts has a step, if the settings leave that open.
            restart: delete what a training left there.

        Returns:
            The settings of the training, without open ones.

        Raises:
            ValueError: if the folder has something else, or a training with other settings or
                files.
        """
        self._refuse_other_files()
        for left in self.folder.glob(_UNFINISHED):  # by a process that was killed
            left.unlink(missing_ok=True)
        has_ended = (self.folder / RESULT_NAME).is_file()
        has_begun = has_ended or any(self.checkpoints.glob("step-*"))
        if self._is_ours() and has_begun and not restart:
            return self._taken_up(settings)
        if self._is_ours():
            self._clear()
        if not settings.micro_batches:
            settings = settings.replaced(micro_batches=processes)
        commit = pinned(settings.model).revision
        files = file_digests(settings) | ({_COMMIT: commit} if commit else {})
        with self._told_if_not_written("the settings"):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._write_json(_FILES_NAME, files)
            write_settings(self.folder / SETTINGS_NAME, settings)
        return settings

    def _told_if_not_written(self, what: str) -> AbstractContextManager[None]:
        return told_if_not_written(what, self.folder)

    def _is_ours(self) -> bool:
        # A user may have settings.toml there too, and checkpoints; the digests are ours alone.
        return all((self.folder / name).is_file() for name in (SETTINGS_NAME, _FILES_NAME))

    def _refuse_other_files(self) -> None:
        if self.folder.exists() and not self.folder.is_dir():
            raise ValueError(f"{str(self.folder)!r} is a file; give a new folder")
        if self.folder.exists() and not self._is_ours():
            allowed = {*self.folder.glob(_UNFINISHED), self.folder / FOLDER_LOCK}
            allowed |= {self.folder / _FILES_NAME}  # what begin() writes first
            if set(self.folder.iterdir()) - allowed:
                raise ValueError(
                    f"{str(self.folder)!r} has files that ptbert train did not write; give a new "
                    "folder"
                )

    def _taken_up(self, settings: Settings) -> Settings:
        source = self.folder / SETTINGS_NAME
        old = Settings.from_mapping(read_settings(source), str(source))
        if not settings.micro_batches:
            settings = settings.replaced(micro_batches=old.micro_batches)
        changed = changes(old, settings, read_json_object(self.folder / _FILES_NAME))
        if changed:
            raise ValueError(
                f"{str(self.folder)!r} has a training with other settings: {'; '.join(changed)}; "
                "give another folder, or --restart to delete that training"
            )
        if settings != old:
            with self._told_if_not_written("the settings"):
                write_settings(source, settings)
        return settings

    @property
    def download(self) -> dict[str, Any]:
        """Arguments by which the model is loaded as it was when the training began."""
        commit = read_json_object(self.folder / _FILES_NAME).get(_COMMIT)
        return {"revision": commit} if commit else {}

    def keep_tokenizer(self, load: Callable[[], Any]) -> None:
        """Keep the tokenizer, so that the training goes on with it whatever becomes of its source.

        Args:
            load: returns it; is called if there is none yet.
        """
        if not self._tokenizer.is_dir():
            tokenizer = load()
            partial = self._tokenizer.with_suffix(".partial")
            with self._told_if_not_written("the tokenizer"):
                partial.mkdir(parents=True, exist_ok=True)
                tokenizer.save_vocabulary(str(partial))
                os.rename(partial, self._tokenizer)

    def tokenizer(self) -> PreTrainedTokenizer:
        """Return the tokenizer that was kept."""
        return load_tokenizer(self._tokenizer)

    def result(self) -> dict[str, Any] | None:
        """Return the metrics of a training that has ended; None if it has not."""
        path = self.folder / RESULT_NAME
        return read_json_object(path) if path.is_file() else None

    def forget_after(self, step: int) -> None:
        """Remove from the log what comes after a step, because it will be done again."""
        if self.log_path.is_file():
            kept = [
                line for line in self.log_path.read_bytes().split(b"\n") if _is_until(line, step)
            ]
            with self._told_if_not_written("the log"), atomic_write(self.log_path) as file:
                file.write(b"".join(line + b"\n" for line in kept))

    def log(self, **values: Any) -> None:
        """Add a line to the log."""
        with (
            self._told_if_not_written("the log"),
            open(self.log_path, "a", encoding="utf-8") as file,
        ):
            file.write(json.dumps(values) + "\n")

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each file of examples, by the name of its setting."""
        return dict(read_json_object(self.folder / _FILES_NAME))

    def finish(
        self, model: Any, tokenizer: Any, texts: Mapping[str, str], result: Mapping[str, Any]
    ) -> None:
        """Write the model, its tokenizer and texts, by their names; the result comes last."""
        with self._told_if_not_written("the result"):
            model.save_pretrained(self.folder)
            tokenizer.save_vocabulary(str(self.folder))
            for name, text in texts.items():
                with atomic_write(self.folder / name) as file:
                    file.write(text.encode())
            self._write_json(RESULT_NAME, result)

    def remove_checkpoints(self) -> None:
        """Delete all checkpoints and the tokenizer beside them, because the training has ended."""
        for folder in (self.checkpoints, self._tokenizer):
            shutil.rmtree(folder, ignore_errors=True)

    def _write_json(self, name: str, values: Mapping[str, Any]) -> None:
        with atomic_write(self.folder / name) as file:
            file.write(json.dumps(values, indent=2).encode() + b"\n")

    def _clear(self) -> None:
        for folder in (self.checkpoints, self._tokenizer, self.tensorboard):
            shutil.rmtree(folder, ignore_errors=True)
        for name in (RESULT_NAME, LOG_NAME):
            (self.folder / name).unlink(missing_ok=True)


def _is_until(line: bytes, step: int) -> bool:
    try:
        return bool(json.loads(line)["step"] <= step)
    except (ValueError, KeyError, TypeError):  # cut off, or empty
        return False
