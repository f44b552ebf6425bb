"""Sizes and rates of Transformer-XL models."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import InitVar, field
from enum import IntEnum
from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ptbert_models import rules
from ptbert_models.config import PreTrainedConfig, configuration
from ptbert_models.rules import Rule
from ptbert_models.statements import QUANTIZED, Statement, architecture

_WIKITEXT_103_TOKENS = 267735
_RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "n_token": rules.size,
        "d_model": rules.size,
        "d_embed": rules.size,
        "n_head": rules.size,
        "d_head": rules.size,
        "d_inner": rules.size,
        "n_layer": rules.layers,
        "div_val": rules.size,
        "tgt_len": rules.size,
        "ext_len": rules.length,
        "mem_len": rules.length,
        "clamp_len": rules.integer,
        "sample_softmax": rules.integer,
        "dropout": rules.probability,
        "dropatt": rules.probability,
        "init": rules.one_of("normal", "uniform"),
        "init_range": rules.number,
        "proj_init_std": rules.number,
        "init_std": rules.number,
        "layer_norm_epsilon": rules.number,
        "pre_lnorm": rules.flag,
        "same_length": rules.flag,
        "adaptive": rules.flag,
        "tie_weight": rules.flag,
        "untie_r": rules.flag,
        "cutoffs": rules.integers,
        "tie_projs": rules.flags,
    }
)


class AttnType(IntEnum):
    """The kinds of attention by their numbers in configurations."""

    DISTANCE_SINUSOIDS = 0  # Transformer-XL's own
    LEARNED_DISTANCES = 1
    SINUSOIDS = 2
    LEARNED_POSITIONS = 3


@configuration
class TransfoXLConfig(PreTrainedConfig):
    """Sizes and rates of a Transformer-XL; the defaults are those of ``transfo-xl-wt103``.

    Files of later libraries may also hold ``layer_norm_epsilon`` (added to variances; 1e-12 without
    it, as in 2019), which is used if present.

    Args:
        vocab_size_or_config_json_file: number of tokens V, or the path of a JSON file.
        cutoffs: where the clusters of rarer and rarer tokens begin, in ascending order; [] for one
            table and an ordinary softmax.
        d_model: model width E.
        d_embed: width of the embeddings of the most frequent tokens.
        n_head: number of heads H.
        d_head: number of features per head D.
        d_inner: width F of the feed-forward layers.
        div_val: how many times narrower the embeddings of each further cluster are; 1 for one
            table of one width.
        pre_lnorm: whether a layer normalizes its input rather than its output.
        n_layer: number of layers N.
        tgt_len: number of tokens of a segment.
        ext_len: number of tokens at the end of a segment that are not put into the memory.
        mem_len: number of positions M that the memory holds.
        clamp_len: distances beyond this count as this one; -1 for no such limit.
        same_length: whether every token sees ``mem_len`` positions, itself included, rather than
            all before it. Without a memory it makes no difference.
        proj_share_all_but_first: whether all clusters but the first share the projection of the
            embedding with the softmax; kept as ``tie_projs``, one truth value for each cluster.
        attn_type: 0 for Transformer-XL's attention to relative positions, 1 for learned relative
            positions (Shaw et al. 2018), 2 for sinusoids added to the input (Vaswani et al. 2017),
            3 for learned positions added to each layer's input (Al-Rfou et al. 2018).
        sample_softmax: number of tokens that the training loss samples; -1 for all tokens.
        adaptive: kept in files and not used, as in 2019; give ``cutoffs=[]`` for an ordinary
            softmax.
        tie_weight: whether embedding and softmax share their weights.
        dropout: dropout rate of embeddings and of layer outputs.
        dropatt: dropout rate of attention weights.
        untie_r: whether each layer has its own biases of content and of position.
        init: distribution of new weights, "normal" or "uniform".
        init_range: new weights lie within plus and minus this where ``init`` is "uniform".
        proj_init_std: standard deviation of new projections of embeddings.
        init_std: standard deviation of new weights where ``init`` is "normal".

    Source:
        Dai et al. 2019, arXiv:1901.02860.

    Example:
        >>> config = TransfoXLConfig(1000, cutoffs=[100, 400], d_model=32, d_embed=32)
        >>> config.n_token, config.tie_projs, config.n_layer
        (1000, [False, True, True], 18)
    """

    vocab_size_or_config_json_file: InitVar[int | str | os.PathLike[str]] = _WIKITEXT_103_TOKENS  # type: ignore[assignment]
    cutoffs: list[int] = field(default_factory=lambda: [20000, 40000, 200000])
    d_model: int = 1024
    d_embed: int = 1024
    n_head: int = 16
    d_head: int = 64
    d_inner: int = 4096
    div_val: int = 4
    pre_lnorm: bool = False
    n_layer: int = 18
    tgt_len: int = 128
    ext_len: int = 0
    mem_len: int = 1600
    clamp_len: int = 1000
    same_length: bool = True
    proj_share_all_but_first: InitVar[bool] = True  # type: ignore[assignment]
    attn_type: int = 0
    sample_softmax: int = -1
    adaptive: bool = True
    tie_weight: bool = True
    dropout: float = 0.1
    dropatt: float = 0.0
    untie_r: bool = True
    init: str = "normal"
    init_range: float = 0.01
    proj_init_std: float = 0.01
    init_std: float = 0.02

    vocabulary_key: ClassVar[str] = "n_token"
    layer_norm_epsilon: ClassVar[float] = 1e-12  # files of later libraries may set it

    family: ClassVar[str] = "transfo_xl"
    model_type: ClassVar[str] = "transfo-xl"
    rules: ClassVar[Mapping[str, Rule]] = _RULES
    statements: ClassVar[tuple[Statement, ...]] = (
        architecture("transfo-xl"),
        QUANTIZED,
        Statement(
            "tie_word_embeddings",
            (True,),
            "say tie_weight=False, which is computed",
            concerns=("TransfoXLLMHeadModel",),
        ),
    )
    other_names: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"hidden_size": "d_model", "num_attention_heads": "n_head", "num_hidden_layers": "n_layer"}
    )

    if TYPE_CHECKING:  # not fields: the first argument and proj_share_all_but_first set them
        n_token: ClassVar[int]
        tie_projs: ClassVar[list[bool]]

    def __post_init__(
        self,
        vocab_size_or_config_json_file: int | str | os.PathLike[str],
        proj_share_all_but_first: bool,
    ) -> None:
        self.cutoffs = list(self.cutoffs)  # the caller may change the list
        super().__post_init__(vocab_size_or_config_json_file)
        for name, value in _concluded(vars(self), share=proj_share_all_but_first).items():
            vars(self).setdefault(name, value)

    @classmethod
    def from_dict(cls, json_object: dict[str, Any]) -> Self:
        """Make a configuration from a dictionary: keep unknown keys, fill in defaults.

        ``n_token`` may be called ``vocab_size``, as later libraries do, and ``tie_projs`` follows
        from ``cutoffs`` where it is missing.
        """
        config = super().from_dict(json_object)
        share = bool(json_object.get("proj_share_all_but_first", True))
        for name, value in _concluded(vars(config), share=share).items():
            if name not in json_object:
                setattr(config, name, value)
        return config

    @classmethod
    def stated_keys(cls, values: Mapping[str, Any]) -> set[str]:
        """Return which of this family's keys the values of a file decide."""
        stated = super().stated_keys(values)
        consequences = {"vocab_size": "n_token", "proj_share_all_but_first": "tie_projs"}
        return stated | {consequences[key] for key in values if key in consequences}

    def validate(self) -> None:
        """Raise ``ValueError`` naming the first value of which no model can be built."""
        super().validate()
        self._validate_clusters()
        self._validate_positions()

    def longest(self) -> int:
        """Return the number of positions of a segment with its memory."""
        return self.tgt_len + self.ext_len + self.mem_len

    def _validate_clusters(self) -> None:
        ends = [0, *self.cutoffs, self.n_token]
        if any(low >= high for low, high in pairwise(ends)):
            raise ValueError(
                f"TransfoXLConfig: cutoffs={self.cutoffs!r} must ascend and lie between 0 and "
                f"n_token={self.n_token}; give cutoffs=[] for an ordinary softmax"
            )
        if len(self.tie_projs) != len(self.cutoffs) + 1:
            raise ValueError(
                f"TransfoXLConfig: tie_projs={self.tie_projs!r} needs one truth value for each of "
                f"the {len(self.cutoffs) + 1} clusters that cutoffs={self.cutoffs!r} make"
            )

    def _validate_positions(self) -> None:
        if rules.integer(self.attn_type) or self.attn_type not in list(AttnType):
            raise ValueError(f"TransfoXLConfig: attn_type={self.attn_type!r} must be 0, 1, 2 or 3")
        sinusoidal = {AttnType.DISTANCE_SINUSOIDS, AttnType.SINUSOIDS}
        if self.attn_type in sinusoidal and self.d_model % 2:
            raise ValueError(
                f"TransfoXLConfig: d_model={self.d_model} must be even for attn_type="
                f"{self.attn_type}: half of the features are sines and half are cosines"
            )
        learned = self.attn_type == AttnType.LEARNED_POSITIONS
        if learned and self.n_head * self.d_head != self.d_model:
            raise ValueError(
                f"TransfoXLConfig: attn_type=3 adds positions of n_head={self.n_head} times "
                f"d_head={self.d_head} features to inputs of d_model={self.d_model}; "
                "make them equal"
            )


def _concluded(values: Mapping[str, Any], *, share: bool) -> dict[str, Any]:
    """Return values that files often lack, computed from the others."""
    cutoffs = values["cutoffs"]
    further = len(cutoffs) if isinstance(cutoffs, (list, tuple)) else 0  # validate() names it
    return {
        "n_token": values.get("vocab_size", _WIKITEXT_103_TOKENS),
        "tie_projs": [False] + [share] * further,
    }
