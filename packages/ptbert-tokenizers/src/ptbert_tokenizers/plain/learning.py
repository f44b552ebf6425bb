"""Learning byte-pair merges from counted words: the plain definition, which is slow.

``ptbert_tokenizers.training.merges`` learns the same merges faster.

Source:
    Sennrich et al. 2016, arXiv:1508.07909, section 3.2. WordPieces are learned in the same way, by
    the frequency of pairs, as in HF tokenizers. (Schuster and Nakajima 2012, "Japanese and Korean
    Voice Search", section 3, instead take the pair that raises the likelihood of the text most. The
    program that made BERT's vocabularies was never published.)
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from ptbert_tokenizers.plain.bpe import with_pair_merged

Pair = tuple[str, str]


class Learned(NamedTuple):
    """What was learned from counted words.

    Args:
        merges: pairs of symbols, in the order in which they were merged.
        symbols: the alphabet, and after it the symbols that the merges made.
    """

    merges: list[Pair]
    symbols: list[str]


def joined_pieces(left: str, right: str) -> str:
    """Return the WordPiece that two make together.

    Example:
        >>> joined_pieces("un", "##able"), joined_pieces("##a", "##b")
        ('unable', '##ab')
    """
    return left + right.removeprefix("##")


def learned_merges(
    words: Mapping[tuple[str, ...], int],
    alphabet: Sequence[str],
    size: int,
    *,
    min_frequency: int = 1,
    joined: Callable[[str, str], str] = str.__add__,
    refused: Collection[str] = (),
) -> Learned:
    """Merge the most frequent pair of neighbours in all words, again and again.

    Of several pairs with the same frequency, the one whose left symbol is the earliest is merged;
    if they have the same left symbol, the one with the earliest right symbol. Symbols have the
    order of the alphabet, and after it the order in which they were made.

    Args:
        words: how often each word occurs; a word is its symbols.
        alphabet: all symbols of the words, in their order.
        size: how many symbols there should be in the end, those of the alphabet included.
        min_frequency: pairs that occur less often are not merged.
        joined: makes the new symbol from two.
        refused: symbols that must not be made.

    Example:
        >>> words = {("l", "o", "w"): 3, ("s", "l", "o"): 2}
        >>> learned_merges(words, ["l", "o", "s", "w"], 6)
        Learned(merges=[('l', 'o'), ('lo', 'w')], symbols=['l', 'o', 's', 'w', 'lo', 'low'])
    """
    cut = {word: list(word) for word in words}
    symbols = list(alphabet)
    merges: list[Pair] = []
    while len(symbols) < size:
        frequencies: Counter[Pair] = Counter()
        for word, count in words.items():
            for pair in pairwise(cut[word]):
                if joined(*pair) not in refused:
                    frequencies[pair] += count
        order = {symbol: number for number, symbol in enumerate(symbols)}
        best = min(
            frequencies,
            key=lambda pair: (-frequencies[pair], order[pair[0]], order[pair[1]]),
            default=None,
        )
        if best is None or frequencies[best] < min_frequency:
            break
        made = joined(*best)
        merges += [best] * (best not in merges)
        symbols += [made] * (made not in symbols)
        cut = {word: with_pair_merged(cut[word], best, made) for word in words}
    return Learned(merges, symbols)
