import pytest
import torch
import torch.nn.functional as F

from ptbert_models.transfo_xl import AdaptiveEmbedding, ProjectedAdaptiveLogSoftmax, adaptive

LAYOUTS = {
    "clusters": {"d_embed": 12, "cutoffs": [5, 11], "div_val": 3},
    "one cluster": {"d_embed": 12, "cutoffs": [], "div_val": 3},
    "one width": {"d_embed": 8, "cutoffs": [5, 11], "div_val": 1},
    "one width, projected": {"d_embed": 6, "cutoffs": [5, 11], "div_val": 1},
    "ordinary": {"d_embed": 8, "cutoffs": [], "div_val": 1},
    "ordinary, projected": {"d_embed": 6, "cutoffs": [], "div_val": 1},
    "a cluster without width": {"d_embed": 8, "cutoffs": [5, 11], "div_val": 4},
}
# PyTorch says that it cannot initialise a cluster without width.
pytestmark = pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
TOKENS, WIDTH = 20, 8


def randomized(module):
    torch.manual_seed(0)
    for parameter in module.parameters():
        parameter.data.normal_()
    return module


@pytest.fixture(params=LAYOUTS)
def layout(request):
    return LAYOUTS[request.param]


@pytest.fixture
def embedding(layout):
    return randomized(AdaptiveEmbedding(TOKENS, d_proj=WIDTH, **layout))


@pytest.fixture
def softmax(layout):
    return randomized(ProjectedAdaptiveLogSoftmax(TOKENS, d_proj=WIDTH, **layout))


@pytest.fixture
def hidden():
    torch.manual_seed(1)
    return torch.randn(40, WIDTH)


@pytest.fixture
def target():
    return torch.arange(40) % TOKENS


@pytest.fixture
def _unknown_values(monkeypatch):
    monkeypatch.setattr(adaptive, "values_are_known", lambda *_: False)


def test_embedding_is_looking_up_and_projecting(embedding, layout):
    ids = torch.arange(TOKENS).view(4, 5)
    ends = [0, *layout["cutoffs"], TOKENS] if layout["div_val"] > 1 else [0, TOKENS]

    embedded = embedding(ids)

    for token in range(TOKENS):
        cluster = next(c for c in range(len(ends) - 1) if token < ends[c + 1])
        vector = embedding.emb_layers[cluster].weight[token - ends[cluster]]
        if len(embedding.emb_projs) > 0:
            vector = embedding.emb_projs[cluster] @ vector
        torch.testing.assert_close(embedded.view(-1, WIDTH)[token], vector * WIDTH**0.5)


@pytest.mark.usefixtures("_unknown_values")
def test_embedding_by_all_clusters_is_embedding_by_its_own(embedding, monkeypatch):
    ids = torch.tensor([[0, 19, 4], [5, 11, 10]])
    by_all = embedding(ids)
    monkeypatch.undo()
    torch.testing.assert_close(embedding(ids), by_all)


def test_probabilities_sum_to_one(softmax, hidden):
    log_probs = softmax(hidden)
    assert log_probs.shape == (40, TOKENS)
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(40))


def test_log_probabilities_are_those_of_two_softmaxes(hidden):
    """The softmax over clusters and the first cluster's tokens, times that within a cluster."""
    softmax = randomized(ProjectedAdaptiveLogSoftmax(TOKENS, d_proj=WIDTH, **LAYOUTS["clusters"]))
    first, second, third = (
        hidden @ projection @ layer.weight.T + layer.bias
        for projection, layer in zip(softmax.out_projs, softmax.out_layers, strict=True)
    )
    clusters = hidden @ softmax.out_projs[0] @ softmax.cluster_weight.T + softmax.cluster_bias
    head = torch.cat([first, clusters], -1).softmax(-1)

    expected = torch.cat(
        [head[:, :5], head[:, 5:6] * second.softmax(-1), head[:, 6:] * third.softmax(-1)], -1
    )
    torch.testing.assert_close(softmax(hidden), expected.log(), atol=1e-5, rtol=1e-5)


def test_without_cutoffs_it_is_the_ordinary_softmax(hidden):
    softmax = randomized(ProjectedAdaptiveLogSoftmax(TOKENS, d_proj=WIDTH, **LAYOUTS["ordinary"]))
    logits = softmax.out_layers[0](hidden)
    torch.testing.assert_close(softmax(hidden), F.log_softmax(logits, -1))


def test_losses_are_the_log_probabilities_in_the_order_of_the_tokens(softmax, hidden, target):
    expected = -softmax(hidden).gather(1, target[:, None])[:, 0]
    torch.testing.assert_close(softmax(hidden, target), expected, atol=1e-5, rtol=1e-5)


def test_scoring_a_few_tokens_at_a_time_changes_nothing(softmax, hidden, target, monkeypatch):
    together = softmax(hidden, target)
    monkeypatch.setattr(adaptive, "_SCORED_TOGETHER", 2)
    torch.testing.assert_close(softmax(hidden, target), together, atol=1e-5, rtol=1e-5)


@pytest.mark.usefixtures("_unknown_values")
def test_losses_by_all_clusters_are_losses_by_its_own(softmax, hidden, target, monkeypatch):
    target[3] = -1
    by_all = softmax(hidden, target)
    monkeypatch.undo()
    torch.testing.assert_close(softmax(hidden, target), by_all, atol=1e-5, rtol=1e-5)


def test_gradients_are_those_of_the_log_probabilities(softmax, hidden, target):
    parameters = list(softmax.parameters())
    plain = -softmax(hidden).gather(1, target[:, None]).sum()

    expected = torch.autograd.grad(plain, parameters)
    got = torch.autograd.grad(softmax(hidden, target).sum(), parameters)

    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_what_is_not_labelled_costs_nothing(softmax, hidden, target):
    partly = target.clone()
    partly[::3] = -1

    losses = softmax(hidden, partly)

    assert losses[::3].eq(0).all()
    torch.testing.assert_close(losses[1::3], softmax(hidden, target)[1::3])


def test_half_precision_losses_are_computed_in_single_precision(layout, hidden, target):
    softmax = randomized(ProjectedAdaptiveLogSoftmax(TOKENS, d_proj=WIDTH, **layout))
    softmax.bfloat16()
    losses = softmax(hidden.bfloat16(), target)

    assert losses.dtype == torch.float32
    exact = softmax.float()(hidden.bfloat16().float(), target)
    torch.testing.assert_close(losses, exact, atol=0.3, rtol=0.05)


def test_a_cluster_that_does_not_occur_has_a_gradient_of_zero(layout):
    """Otherwise training on several devices would wait for a gradient."""
    embedding = randomized(AdaptiveEmbedding(TOKENS, d_proj=WIDTH, **layout))
    softmax = randomized(ProjectedAdaptiveLogSoftmax(TOKENS, d_proj=WIDTH, **layout))
    rare = torch.tensor([19, 18])

    softmax(embedding(rare), rare).sum().backward()

    for module in (embedding, softmax):
        unreached = [name for name, p in module.named_parameters() if p.grad is None]
        assert unreached == []


def test_an_unknown_token_is_named(embedding, softmax, hidden):
    with pytest.raises(ValueError, match=r"input_ids holds 20, and this model takes 0 to 19"):
        embedding(torch.tensor([3, 20]))
    with pytest.raises(ValueError, match=r"target holds -2, .* tokenizer that this model"):
        softmax(hidden, torch.full((40,), -2))


def test_a_target_for_each_row_is_asked_for(softmax, hidden):
    with pytest.raises(ValueError, match=r"hidden has 40 rows and target has shape \(3,\)"):
        softmax(hidden, torch.zeros(3, dtype=torch.long))


def test_the_gradient_of_one_table_may_be_sparse():
    embedding = AdaptiveEmbedding(TOKENS, 8, 8, [5], sample_softmax=True)
    embedding(torch.tensor([3])).sum().backward()
    assert embedding.emb_layers[0].weight.grad.is_sparse


def test_a_table_has_one_width_and_dense_gradients_unless_asked():
    embedding = AdaptiveEmbedding(TOKENS, 8, 8, [5])
    softmax = ProjectedAdaptiveLogSoftmax(TOKENS, 8, 8, [5])

    embedding(torch.tensor([3])).sum().backward()

    assert not embedding.emb_layers[0].weight.grad.is_sparse
    assert (embedding.div_val, softmax.div_val) == (1, 1)
    assert not softmax.keep_order
