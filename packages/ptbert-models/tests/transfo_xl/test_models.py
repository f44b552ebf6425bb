import pytest
import torch

from ptbert_models import TransfoXLConfig, TransfoXLLMHeadModel, TransfoXLModel

ATTENTIONS = [0, 1, 2, 3]


@pytest.mark.parametrize("attn_type", [0, 1])
def test_a_memory_is_a_longer_context(make_model, ids, attn_type):
    """In one layer, where the memory holds exactly what a longer segment would."""
    model = make_model(
        attn_type=attn_type, n_layer=1, same_length=False, clamp_len=-1, mem_len=12, tgt_len=12
    )
    whole, _ = model(ids, mems=[torch.zeros(0, 2, 16)])

    mems = [torch.zeros(0, 2, 16)]
    parts = []
    for segment in (ids[:, :5], ids[:, 5:9], ids[:, 9:]):
        log_probs, mems = model(segment, mems=mems)
        parts.append(log_probs)

    torch.testing.assert_close(torch.cat(parts, 1), whole, atol=1e-5, rtol=1e-4)


def test_memories_reach_as_far_in_many_layers(make_model, ids):
    """Each position attends to all before it in every layer, so that nothing is lost either."""
    model = make_model(same_length=False, clamp_len=-1, mem_len=12)
    whole, _ = model(ids, mems=[torch.zeros(0, 2, 16)] * 3)

    mems, steps = [torch.zeros(0, 2, 16)] * 3, []
    for position in range(12):
        log_probs, mems = model(ids[:, position : position + 1], mems=mems)
        steps.append(log_probs)

    torch.testing.assert_close(torch.cat(steps, 1), whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("attn_type", ATTENTIONS)
def test_later_tokens_do_not_matter(make_model, ids, attn_type):
    model = make_model(attn_type=attn_type)
    other = ids.clone()
    other[:, 3:] = 29 - other[:, 3:]

    got, expected = model(other[:, :5])[0], model(ids[:, :5])[0]

    torch.testing.assert_close(got[:, :3], expected[:, :3])
    assert not torch.allclose(got[:, 3:], expected[:, 3:])


def test_a_window_forgets_what_lies_beyond(make_model, ids):
    """With one layer and a memory of 7, a token sees itself and six positions before it."""
    model = make_model(n_layer=1, same_length=True)
    other = ids.clone()
    other[:, 2] = 29 - other[:, 2]

    (got, _), (expected, _) = (model(text, mems=[torch.zeros(0, 2, 16)]) for text in (other, ids))

    changed = (got - expected).abs().amax((0, 2)) > 1e-4
    assert changed.tolist() == [2 <= position <= 8 for position in range(12)]


def test_a_memory_may_be_one_position_long(make_model, ids):
    """Then a window is one position too: every token sees itself only."""
    model = make_model(n_layer=1, mem_len=1)
    other = ids.clone()
    other[:, 4] = 29 - other[:, 4]

    (got, mems), (expected, _) = model(other), model(ids)

    assert [memory.shape for memory in mems] == [(1, 2, 16)]
    changed = (got - expected).abs().amax((0, 2)) > 1e-4
    assert changed.nonzero().flatten().tolist() == [4]


def test_without_a_memory_every_token_sees_all_before_it(make_model, ids):
    """A window of no positions would leave nothing to attend to."""
    with_window, without = (make_model(mem_len=0, same_length=same) for same in (True, False))
    (got, mems), (expected, _) = with_window(ids), without(ids)
    assert mems is None
    assert torch.equal(got, expected)


def test_far_distances_count_as_the_farthest(make_model, ids):
    def scores(clamp_len):
        return make_model(clamp_len=clamp_len)(ids)[0]

    torch.testing.assert_close(scores(18), scores(-1))  # 7 remembered, 12 new: at most 18 away
    assert torch.equal(scores(0), scores(-1))
    assert not torch.allclose(scores(2), scores(-1))


@pytest.mark.parametrize("attn_type", ATTENTIONS)
def test_what_the_caller_gave_is_not_changed(make_model, ids, attn_type):
    model = make_model(attn_type=attn_type)
    _, mems = model(ids)
    before = [memory.clone() for memory in mems]

    _, after = model(ids, mems=mems)

    assert all(torch.equal(old, memory) for old, memory in zip(before, mems, strict=True))
    assert not any(memory.requires_grad for memory in after)


@pytest.mark.parametrize("attn_type", ATTENTIONS)
@pytest.mark.parametrize("untie_r", [True, False])
def test_new_parameters_are_small_numbers(attn_type, untie_r, make_config):
    config = make_config(attn_type=attn_type, untie_r=untie_r, init_std=0.02, proj_init_std=0.01)
    for name, parameter in TransfoXLLMHeadModel(config).named_parameters():
        assert parameter.isfinite().all(), name
        centre = 1 if name.endswith("layer_norm.weight") else 0
        assert (parameter - centre).abs().max() < 0.15, name
        zero = name.endswith(("bias", "cluster_bias")) and not name.endswith(
            ("r_r_bias", "r_w_bias")
        )
        assert (parameter.std() == 0 or parameter.numel() == 1) == zero, name


def test_new_parameters_may_be_uniform(make_config):
    config = make_config(init="uniform", init_range=0.5)
    weight = TransfoXLModel(config).layers[0].dec_attn.qkv_net.weight
    assert 0.45 < weight.abs().max() <= 0.5


@pytest.mark.parametrize("attn_type", ATTENTIONS)
def test_gradients_reach_every_parameter(make_model, ids, attn_type):
    model = make_model(attn_type=attn_type, tgt_len=12, mem_len=4).train()

    losses, _ = model(ids, target=ids.flip(1))
    losses.sum().backward()

    unreached = {name.split(".")[-1] for name, p in model.named_parameters() if p.grad is None}
    kept_for_files = {"r_r_bias", "r_w_bias"} if attn_type in {2, 3} else set()
    assert unreached == kept_for_files


def test_learned_positions_differ_between_layers(make_model):
    model = make_model(attn_type=1).transformer
    assert model.r_w_bias.shape == (3, 4, 4)
    assert model.r_emb.shape == (3, 12, 4, 4)
    assert model.r_bias.shape == (3, 12, 4)


@pytest.mark.parametrize("changes", [{}, {"div_val": 1}, {"cutoffs": [], "div_val": 1}])
def test_losses_are_log_probabilities_of_the_target(make_model, ids, changes):
    model = make_model(**changes)
    target = ids.flip(0)

    losses, _ = model(ids, target)
    log_probs, _ = model(ids)

    expected = -log_probs.gather(2, target[..., None])[..., 0]
    torch.testing.assert_close(losses, expected, atol=1e-5, rtol=1e-4)


def test_softmax_and_embedding_share_weights(make_model):
    model = make_model()
    embedding, softmax = model.transformer.word_emb, model.crit
    for cluster in range(3):
        assert softmax.out_layers[cluster].weight is embedding.emb_layers[cluster].weight
        shared = softmax.out_projs[cluster] is embedding.emb_projs[cluster]
        assert shared == model.config.tie_projs[cluster]


def test_one_projection_is_shared_by_all_clusters_of_one_width(make_model):
    model = make_model(div_val=1, d_embed=8)
    own, *shared = model.crit.out_projs
    assert own is not model.transformer.word_emb.emb_projs[0]
    assert all(each is model.transformer.word_emb.emb_projs[0] for each in shared)


def test_nothing_is_shared_where_nothing_should(make_model):
    model = make_model(tie_weight=False, proj_share_all_but_first=False)
    names = [name for name, _ in model.named_parameters()]
    assert sum("emb_layers" in name or "out_layers" in name for name in names) == 3 + 6
    assert sum("_projs" in name for name in names) == 6


@pytest.mark.parametrize("changes", [{}, {"div_val": 1}])
def test_a_sampled_loss_trains_an_ordinary_softmax(make_model, ids, changes):
    model = make_model(sample_softmax=2000, dropout=0.0, **changes)
    tied = model.out_layer.weight is model.transformer.word_emb.emb_layers[0].weight
    target = ids.flip(0)
    target[0, 0] = -1

    log_probs, _ = model(ids)
    exact, _ = model(ids, target)
    estimate, _ = model.train()(ids, target)
    estimate.sum().backward()

    assert tied == (changes == {"div_val": 1})
    torch.testing.assert_close(log_probs.exp().sum(-1), torch.ones(2, 12))
    expected = -log_probs.gather(2, target.clamp(min=0)[..., None])[..., 0]
    expected[0, 0] = 0
    torch.testing.assert_close(exact, expected)
    # 4000 draws of 30 tokens find them all.
    torch.testing.assert_close(estimate, exact, atol=1e-3, rtol=1e-3)
    assert model.out_layer.weight.grad.isfinite().all()


def test_no_samples_mean_the_adaptive_softmax(make_model, ids):
    model, usual = make_model(sample_softmax=0), make_model(sample_softmax=-1)
    assert torch.equal(model(ids)[0], usual(ids)[0])
    assert torch.equal(model(ids, ids)[0], usual(ids, ids)[0])


def test_lengths_can_be_changed(make_model, ids):
    model = make_model()
    model.reset_length(tgt_len=3, ext_len=2, mem_len=4)
    assert [memory.shape for memory in model.init_mems(ids.t())] == [(4, 2, 16)] * 3
    assert [memory.shape for memory in model(ids)[1]] == [(4, 2, 16)] * 3
    model.reset_length(3, 0, 0)
    assert model.init_mems(ids.t()) is None


def test_an_empty_memory_has_the_type_of_the_weights(make_model, ids):
    model = make_model().to(torch.bfloat16)
    assert {memory.dtype for memory in model.init_mems(ids.t())} == {torch.bfloat16}
    model.transformer.float()
    assert {memory.dtype for memory in model.init_mems(ids.t())} == {torch.float32}


def test_bad_input_is_named(make_model, ids):
    model = make_model()
    with pytest.raises(ValueError, match="input_ids holds 30, and this model takes 0 to 29"):
        model(ids.clone().fill_(30))
    with pytest.raises(ValueError, match=r"shapes \[\(7, 2, 16\)\]; this call takes 3 of shape"):
        model(ids, mems=[torch.zeros(7, 2, 16)])
    with pytest.raises(ValueError, match=r"shapes \[\]; this call takes 3 of shape"):
        model(ids, mems=[])
    with pytest.raises(ValueError, match="give back what the last call returned"):
        model(ids, mems=[torch.zeros(7, 1, 16)] * 3)
    with pytest.raises(ValueError, match="give one target for each token"):
        model(ids, target=ids[:, 1:])


def test_special_tokens_have_no_place(make_model):
    model = make_model()
    size = model.crit.n_token
    model.set_num_special_tokens(5)
    assert model.crit.n_token == size


def test_the_default_configuration_has_the_size_of_2019():
    with torch.device("meta"):
        model = TransfoXLLMHeadModel(TransfoXLConfig())
    # counted by the library of 2019
    assert sum(parameter.numel() for parameter in model.parameters()) == 285_205_322
