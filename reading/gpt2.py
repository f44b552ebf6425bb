"""GPT-2: guess the next token of a text, append it, and guess again.

A text comes as *tokens*, numbered pieces of words (see byte_pair_encoding.py). As in bert.py,
layers improve a vector for each token. But here a token sees only itself and those before it.

The idea to take away: every text sets the task of guessing its next token, and gives the solution,
at each of its places. To do this well a model must learn grammar, facts and style. And a model that
does it well can write: give it a beginning, and its guesses go on from there.

Papers: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.3, and
Vaswani et al. 2017, arXiv:1706.03762, section 3. Shapes: B texts, L new tokens in each, T tokens
with those before, E numbers per token, H heads, D = E / H, V tokens known.

Example:
    >>> _ = torch.manual_seed(0)
    >>> model = GPT2(vocabulary=10, width=8, layers=2, heads=2, longest=6)
    >>> ids = torch.tensor([[7, 1, 4]])
    >>> scores, past = model(ids)
    >>> scores.shape  # after each token, how well each of the 10 known ones would follow
    torch.Size([1, 3, 10])
    >>> torch.equal(continued(model, ids, 1)[0, 3], scores[0, -1].argmax())
    True
"""

import torch
from torch import Tensor, nn

KeyValue = tuple[Tensor, Tensor]  # keys and values of one layer, each (B, H, T, D)
Past = list[KeyValue]  # of all layers


class Linear(nn.Module):
    """A linear layer whose weights lie (in, out), as in OpenAI's files; in nn.Linear (out, in)."""

    def __init__(self, size: int, new_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(size, new_size) * 0.02)
        self.bias = nn.Parameter(torch.zeros(new_size))

    def forward(self, x: Tensor) -> Tensor:
        return x @ self.weight + self.bias


class Attention(nn.Module):
    """Let every token collect information from itself and the tokens before it.

    As in bert.py, a token takes most of those values whose keys fit its query. Nothing depends on
    later tokens, so keys and values never change while a text grows. They are handed back, to be
    the ``past`` of the next token. In BERT each new token would change all others.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.c_attn = Linear(width, 3 * width)  # queries, keys and values at once
        self.c_proj = Linear(width, width)

    def forward(self, x: Tensor, past: KeyValue | None) -> tuple[Tensor, KeyValue]:
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)  # (B, L, E) → (B, H, L, D)
            for part in self.c_attn(x).chunk(3, dim=-1)
        )
        if past is not None:
            key = torch.cat((past[0], key), dim=-2)  # → (B, H, T, D)
            value = torch.cat((past[1], value), dim=-2)
        scores = query @ key.transpose(-2, -1) / query.size(-1) ** 0.5  # → (B, H, L, T)
        places = torch.arange(key.size(-2), device=x.device)
        is_later = places > places[-query.size(-2) :, None]  # (L, T): what each may not see
        # Minus infinity makes a share 0. That is safe here, since each token sees at least itself.
        shares = scores.masked_fill(is_later, -torch.inf).softmax(dim=-1)
        mixed = (shares @ value).transpose(1, 2).flatten(2)  # (B, H, L, D) → (B, L, E)
        return self.c_proj(mixed), (key, value)


class FeedForward(nn.Module):
    """Work on each token alone."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.c_fc = Linear(width, 4 * width)
        self.c_proj = Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        # GELU is a ReLU without the corner. OpenAI's weights expect its approximation by tanh.
        return self.c_proj(nn.functional.gelu(self.c_fc(x), approximate="tanh"))


class Block(nn.Module):
    """A layer: two steps, each of which adds to the vectors.

    BERT normalizes each sum. Here only what goes into a step is normalized, so that x runs through
    all layers unchanged but for additions, and deep models train well. ``ln_f`` normalizes the end.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps=1e-5)  # BERT has 1e-12
        self.attn = Attention(width, heads)
        self.ln_2 = nn.LayerNorm(width, eps=1e-5)
        self.mlp = FeedForward(width)

    def forward(self, x: Tensor, past: KeyValue | None) -> tuple[Tensor, KeyValue]:
        attended, present = self.attn(self.ln_1(x), past)
        x = x + attended
        return x + self.mlp(self.ln_2(x)), present


class GPT2(nn.Module):
    """Score the next token. The smallest ``gpt2`` is ``GPT2(50257, 768, 12, 12, 1024)``."""

    def __init__(self, vocabulary: int, width: int, layers: int, heads: int, longest: int) -> None:
        super().__init__()
        # The odd names, here and above, are those of the weights files of 2019. So these fit.
        wte, wpe = nn.Embedding(vocabulary, width), nn.Embedding(longest, width)  # what and where
        h = nn.ModuleList(Block(width, heads) for _ in range(layers))
        parts = {"wte": wte, "wpe": wpe, "h": h, "ln_f": nn.LayerNorm(width, eps=1e-5)}
        self.transformer = nn.ModuleDict(parts)
        self.lm_head = nn.ModuleDict({"decoder": nn.Linear(width, vocabulary, bias=False)})
        self.lm_head["decoder"].weight = wte.weight  # tied, as in bert.py

    def forward(self, ids: Tensor, past: Past | None = None) -> tuple[Tensor, Past]:
        """Read new tokens (B, L); return scores (B, L, V), and the past for the next call."""
        before = past[0][0].size(-2) if past else 0
        places = torch.arange(before, before + ids.size(1), device=ids.device)
        x = self.transformer["wte"](ids) + self.transformer["wpe"](places)  # (B, L) → (B, L, E)
        present = []
        for index, block in enumerate(self.transformer["h"].children()):
            x, key_value = block(x, past[index] if past else None)
            present.append(key_value)
        return self.lm_head["decoder"](self.transformer["ln_f"](x)), present

    def loss(self, ids: Tensor) -> Tensor:
        """Return what training makes small: how badly each token is guessed from those before."""
        scores, _ = self(ids[:, :-1])
        return nn.functional.cross_entropy(scores.flatten(0, 1), ids[:, 1:].flatten())


@torch.no_grad()
def continued(model: GPT2, ids: Tensor, number: int) -> Tensor:
    """Append the best next token, a number of times: (B, L) → (B, L + number)."""
    new, past = ids, None
    for _ in range(number):
        scores, past = model(new, past)  # only the newest token is read; the past has the others
        new = scores[:, -1:].argmax(dim=-1)  # (B, L, V) → (B, 1)
        ids = torch.cat((ids, new), dim=1)
    return ids


# Beyond this page, ptbert_models has dropout, initial weights, padding, other tasks, the loading
# of files, and `generate`, which can also draw tokens or search. Start at `GPT2LMHeadModel`.
