"""Embedding and softmax of large vocabularies, in clusters of rarer and rarer tokens.

Letters: V vocabulary, E model width, R rows (tokens of a batch in any order), C clusters. Tokens
are numbered by frequency. Cluster c holds tokens ``cutoffs[c - 1]`` up to ``cutoffs[c]``, and its
vectors are ``div_val ** c`` times narrower than those of cluster 0; a projection for each cluster
maps to width E. With ``div_val=1`` all tokens share one table and one width. Attribute names are
key names of 2019 checkpoints.

Source:
    Grave et al. 2016, arXiv:1609.04309; Baevski and Auli 2018, arXiv:1809.10853, section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ptbert_models.parts.inputs import Ids, check_ids, places_of, values_are_known
from ptbert_models.parts.log_sums import log_sums, suits_log_sums
from ptbert_models.parts.losses import is_labelled
from ptbert_models.parts.tables import resize_scores, resized_embedding
from ptbert_models.parts.untouched import has_usual_weight

_SCORED_TOGETHER = 2048  # tokens; measured, see benchmarks/transfo_xl.py
IDS_REMEDY = "use ids of the tokenizer that this model was trained with"


class AdaptiveEmbedding(nn.Module):
    """Embedding of tokens, scaled by the square root of the width.

    Args:
        n_token: number of tokens V.
        d_embed: width of the first cluster's vectors.
        d_proj: width E of the result.
        cutoffs: first tokens of all clusters but the first.
        div_val: how many times narrower each further cluster is; 1 for one table.
        sample_softmax: whether the gradient of a single table is sparse.

    Example:
        >>> embedding = AdaptiveEmbedding(10, d_embed=8, d_proj=6, cutoffs=[4], div_val=2)
        >>> embedding(torch.tensor([[1, 9]])).shape
        torch.Size([1, 2, 6])
    """

    def __init__(
        self,
        n_token: int,
        d_embed: int,
        d_proj: int,
        cutoffs: Sequence[int],
        div_val: int = 1,
        sample_softmax: bool = False,
    ) -> None:
        super().__init__()
        self.n_token = n_token
        self.d_embed = d_embed
        self.d_proj = d_proj
        self.cutoffs = [*cutoffs, n_token]
        self.div_val = div_val
        self.emb_scale = d_proj**0.5
        self.cutoff_ends = [0, *self.cutoffs]
        self.emb_layers = nn.ModuleList()
        self.emb_projs = nn.ParameterList()
        if div_val == 1:
            self.emb_layers.append(nn.Embedding(n_token, d_embed, sparse=bool(sample_softmax)))
            if d_proj != d_embed:
                self.emb_projs.append(_new_projection(d_proj, d_embed))
            return
        for cluster, (first, end) in enumerate(pairwise(self.cutoff_ends)):
            width = d_embed // div_val**cluster
            self.emb_layers.append(nn.Embedding(end - first, width))
            self.emb_projs.append(_new_projection(d_proj, width))

    def forward(self, inp: Tensor) -> Tensor:
        """Embed ids of any shape (...) as (..., E)."""
        inside = _members(inp, self.cutoff_ends) if self.div_val > 1 else []
        numbers = check_ids(Ids(inp, self.n_token, "input_ids", IDS_REMEDY), counted=inside)
        if self.div_val == 1:
            embedded = self.emb_layers[0](inp)
            if self.emb_projs:
                embedded = F.linear(embedded, self.emb_projs[0])
        elif inside:
            rows = [places_of(*each) for each in zip(inside, numbers, strict=True)]
            embedded = _from_own_clusters(self, inp.flatten(), rows)
            embedded = embedded.view(*inp.shape, self.d_proj)
        else:
            embedded = _from_all_clusters(self, inp)
        return embedded * self.emb_scale


def _members(ids: Tensor, ends: Sequence[int]) -> list[Tensor]:
    """Say for each cluster which ids are its tokens, (R,); nothing where that is not known."""
    if not isinstance(ids, Tensor) or not values_are_known(ids):
        return []
    flat = ids.flatten()
    return [(flat >= first) & (flat < end) for first, end in pairwise(ends)]


def _from_own_clusters(embedding: Any, ids: Tensor, rows: Sequence[Tensor]) -> Tensor:
    """Embed (R,) ids, each only by its own cluster, for which some of the rows are."""
    parts = []
    for cluster, (own, first) in enumerate(zip(rows, embedding.cutoff_ends, strict=False)):
        vectors = embedding.emb_layers[cluster](ids[own] - first)
        parts.append(F.linear(vectors, embedding.emb_projs[cluster]))
    return torch.cat(parts)[torch.cat(list(rows)).argsort()]


def _from_all_clusters(embedding: Any, ids: Tensor) -> Tensor:
    """Embed all ids by every cluster, keep the right ones: no shape depends on the ids."""
    parts, last = [], embedding.cutoff_ends[-1]
    for cluster, (first, end) in enumerate(pairwise(embedding.cutoff_ends)):
        inside = (ids >= first) & (ids < end)
        # An id of no cluster stays outside of the first table or of the last: an error.
        lowest, highest = 0 if first > 0 else -1, end - first - (1 if end < last else 0)
        vectors = embedding.emb_layers[cluster]((ids - first).clamp(lowest, highest))
        part = F.linear(vectors, embedding.emb_projs[cluster])
        parts.append(part.where(inside[..., None], 0.0))
    return reduce(torch.add, parts)


class ProjectedAdaptiveLogSoftmax(nn.Module):
    """Log-probabilities of tokens: of the cluster, and of the token in its cluster.

    The first cluster's softmax also holds one entry for each further cluster.

    Args:
        n_token: number of tokens V.
        d_embed: width of the first cluster's vectors.
        d_proj: width E of the hidden states.
        cutoffs: first tokens of all clusters but the first; empty for an ordinary softmax.
        div_val: as in ``AdaptiveEmbedding``.
        keep_order: not used; losses are always in the order of the tokens, where 2019 grouped
            them by cluster unless this was set.

    Example:
        >>> softmax = ProjectedAdaptiveLogSoftmax(10, d_embed=8, d_proj=6, cutoffs=[4], div_val=2)
        >>> hidden = torch.zeros(3, 6)
        >>> softmax(hidden).exp().sum(dim=-1).round(decimals=3).tolist()
        [1.0, 1.0, 1.0]
        >>> softmax(hidden, torch.tensor([0, 5, 9])).shape
        torch.Size([3])
    """

    def __init__(
        self,
        n_token: int,
        d_embed: int,
        d_proj: int,
        cutoffs: Sequence[int],
        div_val: int = 1,
        keep_order: bool = False,
    ) -> None:
        super().__init__()
        self.n_token = n_token
        self.d_embed = d_embed
        self.d_proj = d_proj
        self.cutoffs = [*cutoffs, n_token]
        self.cutoff_ends = [0, *self.cutoffs]
        self.div_val = div_val
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(cutoffs)
        self.head_size = self.shortlist_size + self.n_clusters
        self.keep_order = keep_order
        if self.n_clusters > 0:
            self.cluster_weight = nn.Parameter(torch.zeros(self.n_clusters, d_embed))
            self.cluster_bias = nn.Parameter(torch.zeros(self.n_clusters))
        self.out_layers = nn.ModuleList()
        self.out_projs = nn.ParameterList()
        if div_val == 1:
            self.out_layers.append(nn.Linear(d_embed, n_token))
            if d_proj != d_embed:
                for _ in self.cutoffs:
                    self.out_projs.append(_new_projection(d_proj, d_embed))
            return
        for cluster, (first, end) in enumerate(pairwise(self.cutoff_ends)):
            width = d_embed // div_val**cluster
            self.out_projs.append(_new_projection(d_proj, width))
            self.out_layers.append(nn.Linear(width, end - first))

    def forward(
        self, hidden: Tensor, target: Tensor | None = None, keep_order: bool = False
    ) -> Tensor:
        """Return log-probabilities of all tokens, or losses of the true ones.

        Args:
            hidden: (R, E).
            target: (R,), the true tokens; -1 or -100 leaves a row out, its loss is 0.
            keep_order: not used, see the class.

        Returns:
            Log-probabilities (R, V); with a target, negative log-likelihoods (R,) in its order.
        """
        if target is None:
            return self.log_prob(hidden)
        if target.shape != hidden.shape[:1]:
            raise ValueError(
                f"hidden has {hidden.size(0)} rows and target has shape {tuple(target.shape)}; "
                "give one target for each row"
            )
        labels = target.where(is_labelled(target), 0)
        inside = _members(target, self.cutoff_ends)
        numbers = check_ids(Ids(labels, self.n_token, "target", IDS_REMEDY), counted=inside)
        rows = [places_of(*each) for each in zip(inside, numbers, strict=True)]
        return _losses(self, hidden, target, rows)

    def log_prob(self, hidden: Tensor) -> Tensor:
        """Return the log-probabilities (R, V) of all tokens after hidden states (R, E)."""
        first = _scores(self, _project(self, hidden, 0), 0)
        head = F.log_softmax(torch.cat([first, _cluster_scores(self, hidden)], dim=-1), dim=-1)
        parts = [head[:, : self.shortlist_size]]
        for cluster in range(1, self.n_clusters + 1):
            of_cluster = head[:, self.shortlist_size + cluster - 1, None]
            parts.append(
                F.log_softmax(_scores(self, _project(self, hidden, cluster), cluster), dim=-1)
                + of_cluster
            )
        return torch.cat(parts, dim=-1)


def _losses(softmax: Any, hidden: Tensor, target: Tensor, members: Sequence[Tensor]) -> Tensor:
    """Compute ``-log_prob(hidden)`` only at the target; rows without a label are 0.

    The members are the rows whose target is in each cluster, or nothing where that is not known.

    The first softmax is split in two: the first cluster's share is the sum over its tokens.
    So the loss of a token is always the loss of its cluster plus the loss within it.
    """
    narrow = _project(softmax, hidden, 0)
    first_sum = _log_sum(softmax, narrow, 0)
    shares = torch.cat([first_sum[:, None], _wide(_cluster_scores(softmax, hidden))], dim=-1)
    cluster_losses = -F.log_softmax(shares, dim=-1)  # (R, 1 + further clusters)
    losses, last = torch.zeros_like(first_sum), softmax.cutoff_ends[-1]
    for cluster, (first, end) in enumerate(pairwise(softmax.cutoff_ends)):
        inside = (target >= first) & (target < end)
        # Where no shape may depend on the target, every cluster scores every row.
        rows = members[cluster] if members else torch.arange(len(target), device=target.device)
        inner = (target[rows] - first).clamp(0, end - first - 1)
        if not members:  # nor are wrong targets known; one past the end is an error
            inner = inner.where(~is_labelled(target) | (target >= 0) & (target < last), end - first)
        if cluster > 0:
            narrow = _project(softmax, hidden[rows], cluster)
            log_sum, score = (
                _log_sum(softmax, narrow, cluster),
                _score(softmax, narrow, inner, cluster),
            )
        else:
            log_sum, score = first_sum[rows], _score(softmax, narrow[rows], inner, cluster)
        loss = cluster_losses[rows, cluster] + log_sum - score
        losses = losses.index_add(0, rows, loss.where(inside[rows], 0.0))
    return losses


def _cluster_scores(softmax: Any, hidden: Tensor) -> Tensor:
    """Score the further clusters: (R, E) → (R, number of them)."""
    if softmax.n_clusters == 0:
        return hidden.new_zeros(hidden.size(0), 0)
    return F.linear(_project(softmax, hidden, 0), softmax.cluster_weight, softmax.cluster_bias)


def _scores(softmax: Any, narrow: Tensor, cluster: int) -> Tensor:
    """Score all tokens of one cluster: (R, d) → (R, tokens of the cluster)."""
    table = _table(softmax, cluster)
    if table is not None:
        return F.linear(narrow, *table)
    scores = _layer(softmax, cluster)(narrow)
    return scores[:, _tokens(softmax, cluster)] if softmax.div_val == 1 else scores


def _log_sum(softmax: Any, narrow: Tensor, cluster: int) -> Tensor:
    """Return the logarithm of the sum of all tokens' exponentiated scores: (R, d) → (R,).

    On the CPU the tokens are scored in blocks, so that the scores stay in its cache. Very many
    scores, or those of a compiled model, are not kept for the gradients.
    """
    table = _table(softmax, cluster)
    if table is None:
        return _wide(_scores(softmax, narrow, cluster)).logsumexp(dim=-1)
    weight, bias = table
    if suits_log_sums(narrow, weight):
        return log_sums(narrow, weight, bias)
    size = _SCORED_TOGETHER if narrow.is_cpu and values_are_known() else weight.size(0)
    sums = [
        _wide(F.linear(narrow, some, some_bias)).logsumexp(dim=-1)
        for some, some_bias in zip(torch.split(weight, size), torch.split(bias, size), strict=True)
    ]
    return torch.stack(sums).logsumexp(dim=0)


def _score(softmax: Any, narrow: Tensor, tokens: Tensor, cluster: int) -> Tensor:
    """Score one token of a cluster in each row: (R, d), (R,) → (R,)."""
    table = _table(softmax, cluster)
    if table is None:
        return _wide(_scores(softmax, narrow, cluster)).gather(1, tokens[:, None]).squeeze(1)
    weight, bias = table
    return _wide((narrow * weight[tokens]).sum(dim=-1) + bias[tokens])


def _table(softmax: Any, cluster: int) -> tuple[Tensor, Tensor] | None:
    """Return the vectors and biases of a cluster's tokens, or None if a layer must be called."""
    layer = _layer(softmax, cluster)
    if not has_usual_weight(layer) or layer.bias is None:
        return None
    if softmax.div_val > 1:
        return layer.weight, layer.bias
    tokens = _tokens(softmax, cluster)
    return layer.weight[tokens], layer.bias[tokens]


def _layer(softmax: Any, cluster: int) -> Any:
    return softmax.out_layers[0 if softmax.div_val == 1 else cluster]


def _tokens(softmax: Any, cluster: int) -> slice:
    return slice(softmax.cutoff_ends[cluster], softmax.cutoff_ends[cluster + 1])


def _project(softmax: Any, hidden: Tensor, cluster: int) -> Tensor:
    """Project to the width of a cluster's vectors: (R, E) → (R, d)."""
    return hidden @ softmax.out_projs[cluster] if len(softmax.out_projs) > 0 else hidden


def resize_last_cluster(
    embedding: AdaptiveEmbedding, tokens: int, initialize: Callable[[nn.Module], None]
) -> tuple[nn.Module, nn.Module]:
    """Give an embedding another number of tokens: those of its last cluster, which are the rarest.

    Returns:
        The layer of that cluster before and now.
    """
    old = embedding.emb_layers[-1]
    new = resized_embedding(old, _set_tokens(embedding, tokens), initialize)
    embedding.emb_layers[-1] = new
    return old, new


def resize_softmax(
    softmax: ProjectedAdaptiveLogSoftmax, tokens: int, initialize: Callable[[nn.Module], None]
) -> None:
    """Give a softmax another number of tokens, as ``resize_last_cluster`` does."""
    resize_scores(softmax.out_layers[-1], _set_tokens(softmax, tokens), initialize)
    softmax.shortlist_size = softmax.cutoffs[0]
    softmax.head_size = softmax.shortlist_size + softmax.n_clusters


def _set_tokens(part: Any, tokens: int) -> int:
    """Set the number of tokens, and return how many the last layer has."""
    part.n_token = part.cutoffs[-1] = part.cutoff_ends[-1] = tokens
    return tokens if part.div_val == 1 else tokens - part.cutoff_ends[-2]


def smallest_softmax(clusters: int, div_val: int, projects: bool) -> ProjectedAdaptiveLogSoftmax:
    """Make a softmax that only shows its parts: its clusters have one token each."""
    width = div_val**clusters  # so that the last cluster has a width
    cutoffs = range(1, clusters + 1)
    return ProjectedAdaptiveLogSoftmax(clusters + 1, width, width + projects, cutoffs, div_val)


def _new_projection(width: int, cluster_width: int) -> nn.Parameter:
    return nn.Parameter(torch.zeros(width, cluster_width))


def _wide(scores: Tensor) -> Tensor:
    """Give half-precision scores single precision: their sums have too few digits for a loss."""
    return scores.to(torch.promote_types(scores.dtype, torch.float32))
