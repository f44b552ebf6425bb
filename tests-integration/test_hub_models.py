"""Models that transformers wrote, opened by ``user/model`` from a server that plays the Hub."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import transformers

import ptbert
from ptbert.__main__ import main
from ptbert.corpora import get_lm_corpus
from ptbert.tasks.writer import Writer
from ptbert_hub import GatedRepository, OfflineMiss, RevisionNotFound, pinned
from ptbert_models.errors import CheckpointNotFound
from ptbert_tokenizers.errors import MissingVocabulary
from ptbert_tokenizers.families import load_tokenizer

sys.path.insert(0, str(Path(__file__).parents[1] / "packages/ptbert-hub/tests"))

from hubserver import TOKEN, HubServer

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "jim", "hen", "##son", "was", "a", "man"]
IDS = torch.tensor([[2, 5, 6, 7, 3, 8, 9, 10, 3]])
SIZES = {
    "vocab_size": len(WORDS),
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 24,
    "max_position_embeddings": 16,
}
TEXT = "Jim Henson was a MAN"


@pytest.fixture
def hub(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("HF_", "PTBERT_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PYTORCH_PRETRAINED_BERT_CACHE", str(tmp_path / "cache"))
    with HubServer() as server:
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server


def files_of(folder):
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


@pytest.fixture
def bert(tmp_path):
    """A BERT classifier of transformers with its tokenizer, in evaluation mode, and its files."""
    torch.manual_seed(0)
    config = transformers.BertConfig(**SIZES, id2label={0: "no", 1: "yes", 2: "maybe"})
    model = transformers.BertForSequenceClassification(config).eval()
    folder = tmp_path / "bert"
    model.save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    settings = {"do_lower_case": True, "model_max_length": 16, "tokenizer_class": "BertTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return model, files_of(folder)


@pytest.fixture
def gpt2(tmp_path):
    torch.manual_seed(0)
    config = transformers.GPT2Config(
        vocab_size=11,
        n_embd=16,
        n_layer=2,
        n_head=4,
        n_positions=16,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    folder = tmp_path / "gpt2"
    model.save_pretrained(folder, max_shard_size="3KB")
    (folder / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate("abcdefgh")}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return model, files_of(folder)


def scores(model, ids=IDS):
    with torch.no_grad():
        output = model(ids)
    return getattr(output, "logits", output[0] if isinstance(output, tuple) else output)


def test_a_bert_opens_by_its_name_with_the_same_scores_and_ids(hub, bert):
    theirs, files = bert
    hub.create("user/model", files)

    ours = ptbert.BertForSequenceClassification.from_pretrained("user/model").eval()
    tokenizer = ptbert.BertTokenizer.from_pretrained("user/model")

    torch.testing.assert_close(scores(ours), scores(theirs), rtol=0, atol=1e-6)
    assert tokenizer.tokenize(TEXT) == ["jim", "hen", "##son", "was", "a", "man"]
    assert tokenizer.max_len == 16
    assert ours.config.id2label == {"0": "no", "1": "yes", "2": "maybe"}


def test_a_gpt2_in_several_files_opens_by_its_name(hub, gpt2):
    theirs, files = gpt2
    assert sum(name.endswith(".safetensors") for name in files) > 2
    hub.create("user/gpt2", files)

    ours = ptbert.GPT2LMHeadModel.from_pretrained("user/gpt2").eval()
    tokenizer = load_tokenizer("user/gpt2")

    torch.testing.assert_close(scores(ours), scores(theirs), rtol=0, atol=1e-6)
    assert isinstance(tokenizer, ptbert.GPT2Tokenizer)
    assert tokenizer.encode("abc") == [0, 1, 2]


def test_model_and_tokenizer_follow_the_revision(hub, bert):
    theirs, files = bert
    repository = hub.create("user/model", {**files, "vocab.txt": b"[UNK]\nnew\n"})
    repository.push(files, "v1.0")
    repository.push({"README.md": b"emptied"})

    ours = ptbert.BertForSequenceClassification.from_pretrained("user/model", revision="v1.0")
    torch.testing.assert_close(scores(ours.eval()), scores(theirs), rtol=0, atol=1e-6)
    tokenizer = ptbert.BertTokenizer.from_pretrained("user/model", revision="v1.0")
    assert len(tokenizer.vocab) == len(WORDS)
    assert ptbert.BertConfig.from_pretrained("user/model", revision="v1.0").hidden_size == 16
    with pytest.raises(RevisionNotFound, match=r"'user/model' has no branch, tag or commit 'v2.0'"):
        ptbert.BertModel.from_pretrained("user/model", revision="v2.0")
    with pytest.raises(CheckpointNotFound, match=r"has none of config.json, bert_config.json"):
        ptbert.BertModel.from_pretrained("user/model")
    with pytest.raises(OSError, match=r"has none of vocab.txt, vocab.json, vocab.bin"):
        ptbert.BertTokenizer.from_pretrained("user/model")


def test_a_corpus_and_its_vocabulary_are_of_one_commit(hub, tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    for split in ("train", "valid", "test"):
        (folder / f"{split}.txt").write_text("jim was <unk> jim\n")
    corpus = get_lm_corpus(folder, "wt103")
    corpus.vocab.save_vocabulary(folder)
    (name,) = {"vocab.bin", "vocab.txt"} & set(os.listdir(folder))
    torch.save(dict.fromkeys(("train", "valid", "test"), corpus.train), folder / "corpus.bin")
    files = {each: (folder / each).read_bytes() for each in (name, "corpus.bin")}
    repository = hub.create("user/corpus", files)

    def push(request):
        if request.path.endswith("corpus.bin"):
            repository.push({name: b"emptied"})

    hub.before = push

    again = ptbert.TransfoXLCorpus.from_pretrained("user/corpus")

    assert again.vocab.encode("jim was") == corpus.vocab.encode("jim was")
    assert torch.equal(again.train, corpus.train)


def test_a_training_begins_with_model_and_words_of_one_commit(hub, bert, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("train.csv").write_text("text,label\njim,no\nhenson,yes\nwas a man,maybe\n")
    repository = hub.create("user/model", bert[1])
    commit = repository.refs["main"]

    def push(request):
        if request.path.endswith("vocab.txt"):
            repository.push({"README.md": b"emptied"})

    hub.before = push

    arguments = ("--data", "train.csv", "--output", "out", "--epochs", "1")
    assert main(["train", "classify", "user/model", *arguments]) == 0

    files = [request.path for request in hub.requests if "resolve" in request.path]
    assert {path.split("/")[4] for path in files} == {commit}
    assert len(files) >= 3


def test_a_private_model_needs_the_token(hub, bert):
    hub.create("user/model", bert[1], is_private=True)

    with pytest.raises(CheckpointNotFound, match="If it is private, give a token"):
        ptbert.BertModel.from_pretrained("user/model")
    with pytest.raises(MissingVocabulary, match="If it is private, give a token"):
        ptbert.BertTokenizer.from_pretrained("user/model")
    ptbert.BertModel.from_pretrained("user/model", token=TOKEN)
    ptbert.BertTokenizer.from_pretrained("user/model", token=TOKEN)


def test_a_gated_model_says_where_to_ask(hub, bert):
    hub.create("user/model", bert[1], is_gated=True)
    with pytest.raises(
        GatedRepository, match=r"ask for access at https://huggingface.co/user/model"
    ):
        ptbert.BertModel.from_pretrained("user/model")


def test_after_one_load_no_network_is_needed(hub, bert):
    hub.create("user/model", bert[1])
    with pytest.raises(OfflineMiss):
        ptbert.BertModel.from_pretrained("user/model", local_files_only=True)
    ptbert.BertModel.from_pretrained("user/model")
    ptbert.BertTokenizer.from_pretrained("user/model")
    hub.forget()

    ptbert.BertModel.from_pretrained("user/model", local_files_only=True)
    ptbert.BertTokenizer.from_pretrained("user/model", local_files_only=True)

    assert hub.requests == []


def test_another_architecture_is_named_before_its_weights_are_downloaded(hub, bert):
    config = json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}).encode()
    hub.create("user/llama", {**bert[1], "config.json": config})

    with pytest.raises(ValueError, match=r"model_type='llama' .* open it with the library transf"):
        ptbert.BertModel.from_pretrained("user/llama")
    assert not [path for path in hub.asked() if "safetensors" in path]


def test_weights_for_other_libraries_are_named(hub, bert):
    config = bert[1]["config.json"]
    hub.create("user/onnx", {"config.json": config, "onnx/model.onnx": b"x", "m.Q4.gguf": b"x"})

    with pytest.raises(
        CheckpointNotFound,
        match=r"weights for other libraries: ONNX \(onnx/model.onnx\), GGUF \(m.Q4.gguf\)",
    ):
        ptbert.BertModel.from_pretrained("user/onnx")


def test_the_tokenizer_of_another_family_is_named_by_what_was_given(hub, bert):
    hub.create("user/model", bert[1])
    advice = r"^'user/model' has no vocab.json, .*load_tokenizer\('user/model'\) does$"
    with pytest.raises(MissingVocabulary, match=advice):
        ptbert.GPT2Tokenizer.from_pretrained("user/model")
    assert isinstance(load_tokenizer("user/model"), ptbert.BertTokenizer)


def test_a_repository_in_the_cache_is_no_archive_to_write(hub, bert, tmp_path, monkeypatch, capsys):
    hub.create("user/model", bert[1])
    ptbert.BertTokenizer.from_pretrained("user/model")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "user").mkdir()  # so that a file user/model could be written
    with pytest.raises(SystemExit, match="1"):
        main(["cache", "export", "user/model"])
    assert "write ptbert-hub export FILE user/model" in capsys.readouterr().err
    assert list((tmp_path / "user").iterdir()) == []


def test_a_tensorflow_checkpoint_of_a_repository_is_refused_in_words(hub, bert):
    hub.create("user/model", bert[1])
    with pytest.raises(ValueError, match="weights for PyTorch are read; leave out from_tf=True"):
        ptbert.BertModel.from_pretrained("user/model", from_tf=True)


def test_what_the_client_of_the_hub_has_stored_is_used(hub, bert, tmp_path, monkeypatch):
    theirs, files = bert
    hub.create("user/model", files)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "client"))
    code = (
        "import sys; from huggingface_hub import hf_hub_download\n"
        "for name in sys.argv[1:]: hf_hub_download('user/model', name)"
    )
    subprocess.run([sys.executable, "-c", code, *files], check=True, capture_output=True)
    hub.forget()

    ours = ptbert.BertForSequenceClassification.from_pretrained(
        "user/model", local_files_only=True
    ).eval()
    ptbert.BertTokenizer.from_pretrained("user/model", local_files_only=True)

    torch.testing.assert_close(scores(ours), scores(theirs), rtol=0, atol=1e-6)
    assert hub.requests == []


def run(capsys, *words):
    with pytest.raises(SystemExit) as ended:
        sys.exit(main([str(word) for word in words]))
    assert ended.value.code in {0, None}, capsys.readouterr().err
    return capsys.readouterr().out.splitlines()


def test_the_commands_take_the_name(hub, bert, tmp_path, capsys):
    theirs, files = bert
    repository = hub.create("user/model", files)
    repository.push({"README.md": b"emptied"})
    repository.refs["v1.0"] = next(iter(repository.commits))

    paths = run(capsys, "download", "user/model", "--revision", "v1.0")
    assert {Path(path).name for path in paths} == set(files) & {
        *("config.json", "model.safetensors", "vocab.txt", "tokenizer_config.json")
    }
    assert all(Path(path).read_bytes() == files[Path(path).name] for path in paths)
    facts = "\n".join(run(capsys, "info", "user/model", "--revision", "v1.0"))
    assert "BertForSequenceClassification" in facts
    assert "do_lower_case = True" in facts
    run(capsys, "convert", "user/model", tmp_path / "out", "--revision", "v1.0")
    ours = ptbert.BertForSequenceClassification.from_pretrained(tmp_path / "out").eval()
    torch.testing.assert_close(scores(ours), scores(theirs), rtol=0, atol=1e-6)
    assert json.loads((tmp_path / "out/tokenizer_config.json").read_text())["do_lower_case"]
    shown = "\n".join(run(capsys, "cache", "ls"))
    assert f"/user/model/resolve/{repository.refs['v1.0']}/model.safetensors" in shown
    assert run(capsys, "cache", "path", "user/model", "--revision", "v1.0")
    assert "good, 0 damaged" in run(capsys, "cache", "verify", "user/model")[-1]
    assert "deleted" in run(capsys, "cache", "rm", "user/model", "--yes")[-1]


def test_tasks_take_a_revision_for_model_and_tokenizer(hub, bert, gpt2):
    repository = hub.create("user/model", bert[1])
    repository.refs["v1.0"] = repository.refs["main"]
    repository.push({"README.md": b"emptied"})
    writing = hub.create("user/gpt2", gpt2[1])
    writing.refs["v1.0"] = writing.refs["main"]
    writing.push({"README.md": b"emptied"})

    classifier = ptbert.Classifier.from_pretrained("user/model", revision="v1.0")
    writer = Writer.from_pretrained("user/gpt2", revision="v1.0")

    assert set(classifier.model.config.id2label.values()) == {"no", "yes", "maybe"}
    assert writer.tokenizer.encode("abc") == [0, 1, 2]


def test_two_loads_of_one_commit_are_asked_for_once(hub, bert):
    repository = hub.create("user/model", {**bert[1], "vocab.txt": b"[UNK]\nold\n"})
    options = pinned("user/model")
    repository.push(bert[1])

    tokenizer = ptbert.BertTokenizer.from_pretrained("user/model", **options.arguments())

    assert list(tokenizer.vocab) == ["[UNK]", "old"]
    assert pinned("bert-base-uncased").revision is None
    assert pinned("no-such-model").revision is None
