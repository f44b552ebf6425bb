"""A batch: arrays of rows, and which of them a model takes."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Batch(Mapping[str, "NDArray[np.int64]"]):
    """Texts as arrays of B rows and L columns.

    It is also a mapping of its arrays: ``batch["input_ids"]``, ``dict(batch)`` and ``**batch``
    work, without the arrays that are None. Two batches are equal if their arrays are.

    Args:
        input_ids: (B, L) int64.
        token_type_ids: (B, L) int64, 0 for the first text and 1 for the second.
        attention_mask: (B, L) int64, 1 for tokens and 0 for padding.
        text_index: (B,) int64, which text a row comes from; the same for all windows of a text.
        offsets: (B, L, 2) int64, where tokens begin and end, in characters of their text, or of
            their word if the texts were split into words; (0, 0) for special tokens and padding.
        word_index: (B, L) int64, which word of its text a token comes from, counted from 0 in each
            text of a pair; -1 for special tokens and padding.
        special_tokens_mask: (B, L) int64, 1 for special tokens and padding, 0 for text.
        model_inputs: names of the arrays that the model of the tokenizer takes.
    """

    input_ids: "NDArray[np.int64]"
    token_type_ids: "NDArray[np.int64]"
    attention_mask: "NDArray[np.int64]"
    text_index: "NDArray[np.int64]"
    offsets: "NDArray[np.int64] | None" = None
    word_index: "NDArray[np.int64] | None" = None
    special_tokens_mask: "NDArray[np.int64] | None" = None
    model_inputs: tuple[str, ...] = ()

    def inputs(self, convert: Callable[["NDArray[np.int64]"], Any] | None = None) -> dict[str, Any]:
        """Return the arguments of the model, by name.

        For BERT these are ``input_ids``, ``token_type_ids`` and ``attention_mask``; for GPT and
        GPT-2, which were trained without token types, ``input_ids`` and ``attention_mask``; for
        Transformer-XL ``input_ids``.

        Args:
            convert: is called with each array, such as ``torch.from_numpy``; the arrays themselves
                when None.

        Example:
            >>> from pathlib import Path
            >>> from ptbert_tokenizers import BertTokenizer
            >>> _ = Path("v.txt").write_text("[PAD]\\n[UNK]\\n[CLS]\\n[SEP]\\nhello\\n")
            >>> batch = BertTokenizer("v.txt").encode_batch(["hello"])
            >>> batch.inputs(lambda array: array.tolist())["input_ids"]
            [[2, 4, 3]]
        """
        return {name: convert(self[name]) if convert else self[name] for name in self.model_inputs}

    def __getitem__(self, name: str) -> "NDArray[np.int64]":
        if name not in self._names():
            raise KeyError(f"no array {name!r} in this batch, which has {self._names()}")
        array: NDArray[np.int64] = getattr(self, name)
        return array

    def __iter__(self) -> Iterator[str]:
        return iter(self._names())

    def __len__(self) -> int:
        return len(self._names())

    def __eq__(self, other: object) -> bool:
        import numpy as np

        if not isinstance(other, Mapping):
            return NotImplemented
        return self.keys() == other.keys() and all(
            np.array_equal(array, other[name]) for name, array in self.items()
        )

    __hash__ = None  # type: ignore[assignment]  # it holds arrays

    def _names(self) -> list[str]:
        return [
            name
            for name, array in vars(self).items()
            if array is not None and name != "model_inputs"
        ]
