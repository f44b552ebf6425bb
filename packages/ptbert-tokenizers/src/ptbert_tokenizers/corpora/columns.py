"""The texts of a column in Parquet and Arrow files, read with pyarrow"""

import importlib
from collections.abc import Iterator
from typing import Any

from ptbert_tokenizers.corpora.records import check_column, checked_text
from ptbert_tokenizers.files.vocabulary import PathLike

_ROWS = 256  # read together


def read_parquet_texts(path: PathLike, field: str) -> Iterator[str]:
    """Yield a column of a Parquet file.

    Args:
        path: a file; a pipe cannot be read so.
        field: the name of the column.

    Raises:
        ImportError: if pyarrow is not installed.
        ValueError: if the file is damaged, has no such column, or a row has no text.
    """
    pyarrow = _pyarrow()
    try:
        with importlib.import_module("pyarrow.parquet").ParquetFile(path) as file:
            check_column(repr(str(path)), field, file.schema_arrow.names)
            batches = file.iter_batches(batch_size=_ROWS, columns=[field])
            yield from _texts(path, field, batches)
    except (pyarrow.ArrowException, OSError) as error:
        _raise_if_damaged(path, "Parquet", error)
        raise


def read_arrow_texts(path: PathLike, field: str) -> Iterator[str]:
    """Yield a column of an Arrow file, of the random access format or the streaming format.

    Args:
        path: a file.
        field: the name of the column.

    Raises:
        ImportError: if pyarrow is not installed.
        ValueError: if the file is damaged, has no such column, or a row has no text.
    """
    pyarrow = _pyarrow()
    try:
        with pyarrow.memory_map(str(path), "r") as source:
            is_file = source.read(6) == b"ARROW1"
            source.seek(0)
            opened = pyarrow.ipc.open_file if is_file else pyarrow.ipc.open_stream
            with opened(source) as reader:
                check_column(repr(str(path)), field, reader.schema.names)
                batches: Any = reader
                if is_file:
                    batches = map(reader.get_batch, range(reader.num_record_batches))
                yield from _texts(path, field, batches)
    except (pyarrow.ArrowException, OSError) as error:
        _raise_if_damaged(path, "Arrow", error)
        raise


def _pyarrow() -> Any:
    try:
        return importlib.import_module("pyarrow")
    except ImportError as error:
        raise ImportError(
            "Parquet and Arrow files are read with pyarrow; install ptbert-tokenizers[parquet]"
        ) from error


def _texts(path: PathLike, field: str, batches: Any) -> Iterator[str]:
    before = 0
    for batch in batches:
        column = batch.column(batch.schema.get_field_index(field))
        for row, value in enumerate(column, before + 1):
            yield checked_text(value.as_py(), field, f"{str(path)!r} row {row}")
        before += len(column)


def _raise_if_damaged(path: PathLike, kind: str, error: Exception) -> None:
    if getattr(error, "errno", None) is None:  # an error of the disk has a number
        raise ValueError(
            f"{str(path)!r} is a damaged {kind} file ({error}); get or write it again"
        ) from error
