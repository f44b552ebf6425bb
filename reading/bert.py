"""BERT: a vector for each token of a text, made from all of the text around it.

A text comes as *tokens*, words or pieces of words, each replaced by its number in a vocabulary (see
wordpiece.py). BERT looks up a vector for each token and improves the vectors layer by layer.

The idea to take away: BERT learned by filling gaps. About one token in seven was hidden, and had to
be guessed from both sides. That takes no labels, only text. And to guess well, the vectors must say
what each word means in its place, so that they help in other tasks too.

Papers: Devlin et al. 2018, arXiv:1810.04805; Vaswani et al. 2017, arXiv:1706.03762; section 3 of
both. Shapes: B texts, L tokens in each, E numbers per token, H heads, D = E / H, V tokens known.

Example:
    >>> model = MaskedLanguageModel(Bert(vocabulary=10, width=8, layers=2, heads=2, longest=6))
    >>> ids = torch.tensor([[2, 7, 5, 3]])  # one text of four tokens
    >>> model(ids, torch.zeros_like(ids), torch.ones_like(ids)).shape  # how well each fits where
    torch.Size([1, 4, 10])
"""

import torch
from torch import Tensor, nn


class Embeddings(nn.Module):
    """Look up each token's first vector: what it is, where it stands, and in which of two texts."""

    def __init__(self, vocabulary: int, width: int, longest: int) -> None:
        super().__init__()
        # The odd names, here and below, are those of the weights files of 2019. So these fit.
        self.word_embeddings = nn.Embedding(vocabulary, width)
        self.position_embeddings = nn.Embedding(longest, width)
        self.token_type_embeddings = nn.Embedding(2, width)
        # eps keeps LayerNorm from dividing by 0. BERT was trained with 1e-12, not PyTorch's 1e-5.
        self.LayerNorm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, ids: Tensor, segments: Tensor) -> Tensor:
        x = self.word_embeddings(ids) + self.token_type_embeddings(segments)  # (B, L) → (B, L, E)
        # Nothing below knows of order, so only this tells "dog bites man" from "man bites dog".
        return self.LayerNorm(x + self.position_embeddings.weight[: ids.size(1)])


class SelfAttention(nn.Module):
    """Let every token collect information from all tokens of its text.

    Each token makes a *query* (what it looks for), a *key* (how others find it) and a *value* (what
    it gives). Where a query and a key fit, their product is high, and more of that value is taken.
    H heads do this side by side, so that a token can look for several things at once.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:  # the bias hides padding, see Bert
        query = self.query(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)  # → (B, H, L, D)
        key = self.key(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        value = self.value(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
        # Sums of D products grow like sqrt(D), and softmax of large numbers has hardly a gradient.
        scores = query @ key.transpose(-2, -1) / query.size(-1) ** 0.5  # → (B, H, L, L)
        shares = (scores + bias).softmax(dim=-1)  # row i: what share token i takes of each token
        return (shares @ value).transpose(1, 2).flatten(2)  # (B, H, L, D) → (B, L, E)


class AddAndNormalize(nn.Module):
    """End a step: add its result to what it began with, so that it only has to learn a change."""

    def __init__(self, size: int, width: int) -> None:
        super().__init__()
        self.dense = nn.Linear(size, width)
        self.LayerNorm = nn.LayerNorm(width, eps=1e-12)

    def forward(self, result: Tensor, start: Tensor) -> Tensor:
        return self.LayerNorm(start + self.dense(result))


class Layer(nn.Module):
    """Two steps: tokens look at each other, then each is worked on alone."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        parts = {"self": SelfAttention(width, heads), "output": AddAndNormalize(width, width)}
        self.attention = nn.ModuleDict(parts)
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, 4 * width)})
        self.output = AddAndNormalize(4 * width, width)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        x = self.attention["output"](self.attention["self"](x, bias), x)
        # GELU is a ReLU without the corner. BERT uses its exact form, GPT-2 an approximation.
        return self.output(nn.functional.gelu(self.intermediate["dense"](x)), x)


class Bert(nn.Module):
    """The model up to its vectors. ``bert-base-uncased`` is ``Bert(30522, 768, 12, 12, 512)``."""

    def __init__(self, vocabulary: int, width: int, layers: int, heads: int, longest: int) -> None:
        super().__init__()
        self.embeddings = Embeddings(vocabulary, width, longest)
        stack = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.encoder = nn.ModuleDict({"layer": stack})
        self.pooler = nn.ModuleDict({"dense": nn.Linear(width, width)})

    def forward(self, ids: Tensor, segments: Tensor, real: Tensor) -> tuple[list[Tensor], Tensor]:
        """Return each layer's vectors (B, L, E), and one vector for each text (B, E).

        Inputs are (B, L): the tokens' numbers; 0 for tokens of a first text and 1 for those of a
        second, as BERT can read two texts at once; 1 for real tokens and 0 for padding.
        """
        # -10000 makes the share of padding 0. So would minus infinity, but an empty text be 0 / 0.
        bias = (1.0 - real[:, None, None, :]) * -10000.0  # (B, L) → (B, 1, 1, L)
        states = [self.embeddings(ids, segments)]
        for layer in self.encoder["layer"].children():
            states.append(layer(states[-1], bias))
        # From the first token, [CLS], BERT had to tell whether the second text follows the first.
        return states[1:], self.pooler["dense"](states[-1][:, 0]).tanh()


class PredictionHead(nn.Module):
    """Score the tokens of the vocabulary: the vector of a place times each token's own vector."""

    def __init__(self, tokens: nn.Embedding) -> None:
        super().__init__()
        vocabulary, width = tokens.weight.shape
        linear, norm = nn.Linear(width, width), nn.LayerNorm(width, eps=1e-12)
        self.transform = nn.ModuleDict({"dense": linear, "LayerNorm": norm})
        self.decoder = nn.Linear(width, vocabulary, bias=False)
        # Tied: the vectors that `Embeddings` looks up also score. That saves 23 million weights.
        self.decoder.weight = tokens.weight
        self.bias = nn.Parameter(torch.zeros(vocabulary))

    def forward(self, x: Tensor) -> Tensor:
        x = self.transform["LayerNorm"](nn.functional.gelu(self.transform["dense"](x)))
        return self.decoder(x) + self.bias  # (B, L, E) → (B, L, V)


class MaskedLanguageModel(nn.Module):
    """BERT with its head, as it was trained: with cross entropy at the places that were hidden."""

    def __init__(self, bert: Bert) -> None:
        super().__init__()
        self.bert = bert
        self.cls = nn.ModuleDict({"predictions": PredictionHead(bert.embeddings.word_embeddings)})

    def forward(self, ids: Tensor, segments: Tensor, real: Tensor) -> Tensor:
        states, _ = self.bert(ids, segments, real)
        return self.cls["predictions"](states[-1])


# Beyond this page, ptbert_models has dropout (random zeros, in training only), initial weights,
# other tasks, the loading of files, and faster ways to the same results. Start at `BertModel`.
