import copy
import io
import pickle

import pytest
import torch
from tiny_models import tensors

KINDS = ["Model", "LMHeadModel", "DoubleHeadsModel"]
IDS = torch.tensor([[3, 4, 5, 6, 7], [7, 8, 9, 1, 2]])


def call(model, ids=IDS, **arguments):
    """Run a model of any kind on rows of ids."""
    if "DoubleHeads" in type(model).__name__:
        return model(ids[:, None], torch.full((len(ids), 1), ids.size(1) - 1), **arguments)
    return model(ids, **arguments)


def assert_same(got, want):
    for one, other in zip(tensors(got), tensors(want), strict=True):
        torch.testing.assert_close(one, other, atol=2e-6, rtol=1e-5)


@pytest.fixture(params=KINDS)
def model(request, build):
    return build(request.param)


def test_hidden_states_begin_with_the_embeddings(build, config):
    model = build("Model")
    output = model(IDS)
    hidden_states = output[0] if isinstance(output, tuple) else output

    assert [states.shape for states in hidden_states] == [(2, 5, 16)] * 3
    embedded = model.token_embedding()(IDS) + model.position_embedding()(torch.arange(5))
    torch.testing.assert_close(hidden_states[0], embedded)


def test_attentions_come_first(model, build, family):
    with_weights = build(type(model).__name__.removeprefix(family), output_attentions=True)

    weights, *outputs = call(with_weights)

    assert [w.shape for w in weights] == [(2, 4, 5, 5)] * 2
    assert all(w.triu(1).eq(0).all() for w in weights)
    assert_same(outputs, call(model))


def test_one_keeps_a_head_and_zero_silences_it(model):
    plain = call(model)

    assert_same(call(model, head_mask=torch.ones(4)), plain)
    silenced = call(model, head_mask=torch.tensor([1, 0, 1, 1]))
    assert not torch.allclose(tensors(silenced)[-1], tensors(plain)[-1])


def test_copies_and_whole_model_files_are_equal(model):
    file = io.BytesIO()
    torch.save(model, file)
    file.seek(0)

    for again in (copy.deepcopy(model), torch.load(file, weights_only=False)):
        for got, want in zip(tensors(call(again)), tensors(call(model)), strict=True):
            assert torch.equal(got, want)


def test_whole_model_files_of_the_release_run(build):
    """Pickles of release 0.6.2 lack modules and attributes that came later."""
    model = build("LMHeadModel")
    expected = tensors(model(IDS))
    later = {"output_attentions", "keep_multihead_output", "multihead_output", "n_ctx"}
    for module in model.modules():
        for name in later & vars(module).keys():
            delattr(module, name)
        for name, child in list(module.named_children()):
            if isinstance(child, torch.nn.Dropout):
                delattr(module, name)
    del model.lm_head.vocab_size, model.lm_head.predict_special_tokens

    again = pickle.loads(pickle.dumps(model))

    assert_same(again(IDS), expected)
    assert_same(again.train()(IDS), expected)  # the release dropped nothing in these places
    runs = []
    again.transformer.h[0].register_forward_pre_hook(lambda *_: runs.append(1))
    again.gradient_checkpointing = True
    again(IDS, lm_labels=IDS).backward()
    assert len(runs) == 2


@pytest.mark.parametrize("kind", ["Model", "LMHeadModel"])
def test_no_token_sees_a_later_one(build, kind):
    model = build(kind)
    changed = IDS.clone()
    changed[:, -1] = 0

    got, want = model(changed), model(IDS)

    assert_same(
        [tensor[..., :-1, :] for tensor in tensors(got)],
        [tensor[..., :-1, :] for tensor in tensors(want)],
    )
    assert not torch.allclose(tensors(got)[-1][..., -1, :], tensors(want)[-1][..., -1, :])


def test_blocks_differ_from_each_other(build):
    first, second = build("Model").h
    assert not torch.equal(first.mlp.c_fc.weight, second.mlp.c_fc.weight)
    assert not torch.equal(first.attn.c_attn.weight, second.attn.c_attn.weight)


def test_the_head_shares_the_embeddings(build):
    model = build("LMHeadModel")
    assert model.lm_head.decoder.weight is model.transformer.token_embedding().weight


def test_the_loss_is_that_of_the_following_tokens(build):
    model = build("LMHeadModel")
    output = model(IDS)
    scores = (output[0] if isinstance(output, tuple) else output).log_softmax(-1)
    labels = IDS.clone()
    labels[0, :3] = -1

    loss = model(IDS, lm_labels=labels)

    positions = [(0, 2), (0, 3), (1, 0), (1, 1), (1, 2), (1, 3)]
    expected = -sum(scores[row, at, IDS[row, at + 1]] for row, at in positions) / len(positions)
    torch.testing.assert_close(loss, expected)


def test_each_label_brings_its_own_loss(build):
    model = build("DoubleHeadsModel")
    ids, ends = IDS[None], torch.tensor([[4, 3]])
    both = model(ids, ends, lm_labels=ids, mc_labels=torch.tensor([1]))

    (language,) = model(ids, ends, lm_labels=ids)
    (choice,) = model(ids, ends, mc_labels=torch.tensor([1]))

    assert torch.equal(both[0], language)
    assert torch.equal(both[1], choice)
    torch.testing.assert_close(choice, -model(ids, ends)[1].log_softmax(-1)[0, 1])


def test_dropout_of_choices_drops_features_of_all_choices_together(build):
    head = build("DoubleHeadsModel").multiple_choice_head.train()
    head.linear = torch.nn.Identity()
    states = torch.ones(1, 2, 3, 200)

    chosen = head.dropout(states[:, :, 0].transpose(1, 2)).transpose(1, 2)

    assert torch.equal(chosen[0, 0], chosen[0, 1])
    assert 0 < chosen.eq(0).sum() < chosen.numel()


def test_each_head_s_output_and_gradient_are_kept(build):
    for arguments in ({}, {"output_attentions": True}):
        model = build("Model", keep_multihead_output=True, **arguments)
        assert model.get_multihead_outputs() == [None, None]

        tensors(model(IDS))[-3].sum().backward()

        outputs = model.get_multihead_outputs()
        assert [output.shape for output in outputs] == [(2, 4, 5, 4)] * 2


def test_outputs_of_heads_are_kept_on_request_only(model, build, family):
    keeping = build(type(model).__name__.removeprefix(family), keep_multihead_output=True)
    for each, kept in ((model, False), (keeping, True)):
        call(each)
        outputs = getattr(each, "transformer", each).get_multihead_outputs()
        assert [output is not None for output in outputs] == [kept, kept]


def test_gradients_of_kept_outputs_are_there_with_checkpointing_too(build):
    model = build("LMHeadModel", keep_multihead_output=True).train()
    model.gradient_checkpointing = True

    model(IDS, lm_labels=IDS).backward()

    outputs = model.transformer.get_multihead_outputs()
    assert all(output.grad.abs().sum() > 0 for output in outputs)


def test_nothing_is_computed_again_in_evaluation(build):
    model = build("LMHeadModel")
    assert not model.gradient_checkpointing
    model.gradient_checkpointing = True
    runs = []
    model.transformer.h[0].register_forward_pre_hook(lambda *_: runs.append(1))

    model(IDS, lm_labels=IDS).backward()

    assert len(runs) == 1


def test_gradients_of_kept_outputs_reach_every_head(build):
    model = build("LMHeadModel", keep_multihead_output=True)

    model(IDS, lm_labels=IDS).backward()

    outputs = model.transformer.get_multihead_outputs()
    assert all(output.grad.abs().sum((0, 2, 3)).gt(0).all() for output in outputs)


def test_pruning_is_silencing(build):
    model = build("LMHeadModel")
    mask = torch.tensor([[1, 0, 0, 1], [0, 1, 1, 1]])
    silenced = tensors(model(IDS, head_mask=mask))[0]

    model.transformer.prune_heads({0: [1, 2], 1: [0]})

    torch.testing.assert_close(tensors(model(IDS))[0], silenced, atol=2e-6, rtol=1e-5)
    assert model.transformer.h[0].attn.c_attn.weight.shape == (16, 24)
    assert model.transformer.h[0].attn.split_size == 8


def test_pruning_nothing_changes_nothing(build):
    model = build("Model")
    before = model.state_dict()
    model.prune_heads({0: []})
    assert model.state_dict().keys() == before.keys()


def test_checkpointing_saves_memory_and_changes_no_gradient(build):
    plain, frugal = build("LMHeadModel").train(), build("LMHeadModel").train()
    frugal.gradient_checkpointing = True
    assert frugal.transformer.gradient_checkpointing

    runs = []
    for block in frugal.transformer.h:
        block.register_forward_pre_hook(lambda *_: runs.append(1))
    for model in (plain, frugal):
        torch.manual_seed(1)
        model(IDS, lm_labels=IDS, attention_mask=torch.ones(2, 5)).backward()

    assert len(runs) == 4  # two blocks, each run again for its gradients
    for one, other in zip(plain.parameters(), frugal.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad)


def test_a_replica_without_parameters_runs(build):
    """DataParallel makes replicas whose parameters are plain tensors."""
    model = build("LMHeadModel")
    expected = tensors(model(IDS))[0]
    weights = {key: tensor.detach() for key, tensor in model.state_dict().items()}

    output = torch.func.functional_call(model, weights, (IDS,), tie_weights=False)

    torch.testing.assert_close(tensors(output)[0], expected)
