"""Pictures of tokens, attention, next words and schedules: what is in them, and what is not."""

import base64
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
import torch

from ptbert import (
    BertModel,
    BertTokenizer,
    GPT2LMHeadModel,
    GPT2Model,
    GPT2Tokenizer,
    OpenAIGPTLMHeadModel,
    OpenAIGPTTokenizer,
    TransfoXLLMHeadModel,
    TransfoXLTokenizer,
)
from ptbert.__main__ import main
from ptbert.see import (
    Attention,
    Prediction,
    SeenToken,
    attention_of,
    coloured_lines,
    next_words,
    next_words_page,
    schedule_picture,
    tokens_of,
    tokens_page,
)
from ptbert.see.page import embedded
from ptbert_optim.schedules import WarmupLinearSchedule

EVIL = '</script><script>alert("x")</script>&\x1b[2J\N{RIGHT-TO-LEFT OVERRIDE}'


class Elements(HTMLParser):
    """The names, attributes and texts of a page."""

    def __init__(self, page):
        super().__init__()
        self.names, self.links, self.data = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.links += [value for name, value in attrs if name in {"src", "href", "action"}]
        assert not [name for name, _ in attrs if name.startswith("on")]

    def handle_data(self, data):
        self.data.append(data)


def check_page(page, *, scripts):
    """A page needs nothing else, and holds only the scripts of our own."""
    elements = Elements(page)
    assert elements.names.count("script") == scripts
    assert elements.links == ["data:,"]
    assert "default-src 'none'" in page
    assert "img-src data:;" in page  # for the icon, which a browser would complain of otherwise
    assert "prefers-color-scheme: dark" in page
    assert "width=device-width" in page
    assert not re.search(r"@import|url\(|https?:", page)
    assert "\x1b" not in page
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in page
    return elements


@pytest.fixture
def bert(model_folder):
    return BertModel.from_pretrained(
        model_folder, output_attentions=True
    ), BertTokenizer.from_pretrained(model_folder)


def weights_in(page):
    (text,) = re.findall(r'<script type="application/json" id="attention">(.*?)</script>', page)
    data = json.loads(text)
    raw = torch.tensor(list(base64.b64decode(data["weights"])))
    size = len(data["tokens"])
    return data, raw.view(data["layers"], data["heads"], size, size) / 255


def test_the_attention_is_that_of_the_model(bert):
    model, tokenizer = bert
    model.train()

    found = attention_of(model, tokenizer, "the key is")

    assert model.training
    ids = torch.tensor([tokenizer.encode("the key is")])
    expected = torch.cat(model.eval()(ids)[0])
    assert found.tokens == ["[CLS]", "the", "key", "is", "[SEP]"]
    torch.testing.assert_close(found.weights, expected)
    data, shown = weights_in(found.page())
    assert data["tokens"] == found.tokens
    torch.testing.assert_close(shown, expected, atol=0.5 / 255 + 1e-6, rtol=0)


def test_the_second_text_of_a_pair_has_its_own_type(bert):
    model, tokenizer = bert
    found = attention_of(model, tokenizer, "the key", "a cat")
    ids = torch.tensor([tokenizer.encode("the key", "a cat")])
    kinds = torch.tensor([[0, 0, 0, 0, 1, 1, 1]])
    torch.testing.assert_close(found.weights, torch.cat(model.eval()(ids, kinds)[0]))


def test_what_a_text_holds_is_only_shown():
    check_page(Attention([EVIL], torch.ones(1, 1, 1, 1)).page(EVIL), scripts=2)
    tokens = [SeenToken(EVIL, 1, 0, len(EVIL))]
    elements = check_page(tokens_page(EVIL, tokens, EVIL), scripts=0)
    shown = '</script><script>alert("x")</script>&?[2J?'
    assert elements.data.count(shown) >= 3
    assert "</script" not in embedded("name", [EVIL]).removesuffix("</script>")


def test_attention_needs_a_model_that_gives_it(model_folder):
    tokenizer = BertTokenizer.from_pretrained(model_folder)
    with pytest.raises(
        TypeError, match=r"BertModel gives no attention weights; load .*output_attentions=True"
    ):
        attention_of(BertModel.from_pretrained(model_folder), tokenizer, "a")


def test_attention_has_a_limit(bert):
    with pytest.raises(ValueError, match=r"the text has 302 tokens; give one of 1 to 256"):
        attention_of(*bert, "a " * 300)


@pytest.mark.parametrize(
    ("folder", "model_class", "tokenizer_class", "text"),
    [
        ("gpt2_folder", GPT2LMHeadModel, GPT2Tokenizer, "the key"),
        ("gpt_folder", OpenAIGPTLMHeadModel, OpenAIGPTTokenizer, "my cat"),
        ("transfo_xl_folder", TransfoXLLMHeadModel, TransfoXLTokenizer, "the cat"),
    ],
)
def test_next_words_are_what_the_model_expects(folder, model_class, tokenizer_class, text, request):
    place = request.getfixturevalue(folder)
    model, tokenizer = model_class.from_pretrained(place), tokenizer_class.from_pretrained(place)
    ids = tokenizer.encode(text)

    first, *others = next_words(model, tokenizer, text, top_k=3)

    assert (first.probability, first.candidates) == (None, [])
    shown = "".join(each.text for each in (first, *others))
    assert shown.strip() == text
    for number, found in enumerate(others, 1):
        prefix = torch.tensor([ids[:number]])
        outputs = model.eval()(prefix)
        scores = outputs if isinstance(outputs, torch.Tensor) else outputs[0]
        chances = scores[0, -1].log_softmax(-1).exp()
        wanted = chances[ids[number]].item() if number < len(ids) else None
        assert found.probability == (None if wanted is None else pytest.approx(wanted, rel=1e-4))
        values = [value for _, value in found.candidates]
        assert values == pytest.approx(chances.topk(3).values.tolist(), rel=1e-4)


def test_a_page_of_next_words_has_the_text_and_the_candidates(gpt2_folder):
    model, tokenizer = (
        GPT2LMHeadModel.from_pretrained(gpt2_folder),
        GPT2Tokenizer.from_pretrained(gpt2_folder),
    )
    found = next_words(model, tokenizer, "a<b> c", top_k=2)
    elements = check_page(next_words_page(found), scripts=0)
    assert elements.names.count("li") == 2 * 6
    assert elements.data.count("<") >= 1


def luminance(colour):
    parts = [each / 255 for each in colour]
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_a_word_on_the_strongest_colour_can_be_read(theme):
    """WCAG 2.1, success criterion 1.4.3: a contrast of at least 4.5."""
    words = next_words_page([Prediction("a", None, []), Prediction("b", 1.0, [])])
    heads = Attention(["a"], torch.ones(1, 1, 1, 1)).page()
    shares = [max(map(float, re.findall(r"rgba\(var\(--strong\), ([\d.]+)\)", words)))]
    shares += [json.loads(re.search(r'"strongest":([\d.]+)', heads)[1])]

    def colours(name):
        return [bytes.fromhex(each) for each in re.findall(rf"--{name}: #(\w{{6}});", words)]

    strong = re.findall(r"--strong: (\d+), (\d+), (\d+);", words)[theme]
    ink, paper = colours("ink")[theme], colours("paper")[theme]
    for share in shares:
        behind = [share * int(a) + (1 - share) * b for a, b in zip(strong, paper, strict=True)]
        low, high = sorted([luminance(ink), luminance(behind)])
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_next_words_refuse_what_they_cannot_show(gpt2_folder):
    model, tokenizer = (
        GPT2LMHeadModel.from_pretrained(gpt2_folder),
        GPT2Tokenizer.from_pretrained(gpt2_folder),
    )
    with pytest.raises(ValueError, match="the text has no tokens"):
        next_words(model, tokenizer, "")
    with pytest.raises(ValueError, match="top_k=0 must be at least 1"):
        next_words(model, tokenizer, "a", top_k=0)
    with pytest.raises(TypeError, match=r"such as GPT2LMHeadModel, and not a GPT2Model"):
        next_words(GPT2Model.from_pretrained(gpt2_folder), tokenizer, "a")


def test_tokens_are_where_they_are_in_the_text(model_folder):
    tokenizer = BertTokenizer.from_pretrained(model_folder)
    assert tokens_of(tokenizer, "The  keys.") == [
        SeenToken("the", 5, 0, 3),
        SeenToken("key", 6, 5, 8),
        SeenToken("##s", 18, 8, 9),
        SeenToken(".", 17, 9, 10),
    ]


def test_a_terminal_shows_the_whole_text_in_colours(model_folder):
    tokenizer = BertTokenizer.from_pretrained(model_folder)
    text = "The  keys\x1b[2J\nis."
    lines = list(coloured_lines(text, tokens_of(tokenizer, text)))
    assert lines[0].startswith("\x1b[30;48;5;194mThe\x1b[0m  \x1b[30;48;5;223mkey\x1b[0m")
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    assert plain == ["The  keys?[2J", "is."]


def test_a_character_of_several_tokens_is_shown_once(gpt2_folder):
    tokenizer = GPT2Tokenizer.from_pretrained(gpt2_folder)
    tokens = tokens_of(tokenizer, "aéb")
    assert [(each.start, each.end) for each in tokens] == [(0, 1), (1, 2), (1, 2), (2, 3)]
    page = tokens_page("aéb", tokens)
    shown = re.sub("<[^>]+>", "", re.findall(r'<div class="text">(.*?)</div>', page)[0])
    assert shown == "aéb"


def test_tokens_need_no_torch(model_folder):
    code = (
        "import sys; from ptbert.see import tokens_of; from ptbert_tokenizers import BertTokenizer;"
        f"tokens_of(BertTokenizer.from_pretrained({str(model_folder)!r}), 'the key');"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_a_schedule_is_drawn_by_its_values():
    root = ElementTree.fromstring(schedule_picture("warmup_linear", warmup=0.5, t_total=4))
    (line,) = [each for each in root.iter() if each.tag.endswith("polyline")]
    points = [tuple(map(float, point.split(","))) for point in line.get("points").split()]
    heights = [y for _, y in points]
    # the multipliers of steps 0 to 3 are 0, 0.5, 1 and 0.5
    assert heights[0] > heights[1] > heights[2]
    assert heights[1] == heights[3]
    assert heights[0] - heights[1] == pytest.approx(heights[1] - heights[2], abs=0.11)


def test_the_five_schedules_of_2019_are_drawn():
    picture = schedule_picture()
    root = ElementTree.fromstring(picture)
    titles = [each.text for each in root.iter() if each.get("class") == "title"]
    assert [title.partition("(")[0] for title in titles] == [
        "WarmupConstantSchedule",
        "WarmupLinearSchedule",
        "WarmupCosineSchedule",
        "WarmupCosineWithHardRestartsSchedule",
        "WarmupCosineWithWarmupRestartsSchedule",
    ]
    assert schedule_picture([WarmupLinearSchedule(0.1, 5)] * 2).count("<polyline") == 2


@pytest.mark.parametrize("first", ["Prediction", "next_words_page", "next_words"])
def test_next_words_is_the_function_whatever_is_imported_first(first):
    code = f"from ptbert.see import {first}, next_words; print(callable(next_words))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_a_model_with_a_head_shows_attention_and_next_words():
    tokenizer = GPT2Tokenizer.from_pretrained("ptbert-tiny-gpt2")
    bare = GPT2Model.from_pretrained("ptbert-tiny-gpt2", output_attentions=True)
    head = GPT2LMHeadModel.from_pretrained("ptbert-tiny-gpt2", output_attentions=True)
    plain = GPT2LMHeadModel.from_pretrained("ptbert-tiny-gpt2")

    wanted = attention_of(bare, tokenizer, "the king").weights
    assert torch.equal(attention_of(head, tokenizer, "the king").weights, wanted)
    expected = next_words(plain, tokenizer, "the king")
    found = next_words(head, tokenizer, "the king")
    assert [each.text for each in found] == [each.text for each in expected]
    assert found[1].probability == pytest.approx(expected[1].probability)


def test_a_schedule_of_one_update_is_drawn():
    root = ElementTree.fromstring(schedule_picture("warmup_linear", warmup=0, t_total=1))
    assert "nan" not in ElementTree.tostring(root, encoding="unicode")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--warmup", "0.3"], "--warmup is of one schedule"),
        (["--t-total", "50"], "--t-total is of one schedule"),
        (["warmup_linear", "--cycles", "2"], "--cycles 2.0 has no effect on WarmupLinearSchedule"),
        (["--output", "nowhere/a.svg"], "there is no folder 'nowhere' for --output"),
        (["--output", "."], "--output . is a folder"),
    ],
)
def test_what_would_have_no_effect_is_refused(tmp_path, monkeypatch, capsys, words, reason):
    monkeypatch.chdir(tmp_path)

    assert main(["plot", *words]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert reason in line
    assert list(tmp_path.iterdir()) == []


def test_a_schedule_without_a_length_is_refused():
    with pytest.raises(ValueError, match="give it a t_total from 1 to 10,000,000"):
        schedule_picture(WarmupLinearSchedule(0, -1))
    with pytest.raises(ValueError, match="did you mean 'warmup_linear'"):
        schedule_picture("warmup_liner")


@pytest.fixture
def beside(request, tmp_path, model_folder):
    """Make the folder of another model, which would have the name of the first."""

    def make(fixture):
        model_folder.rename(tmp_path / "first")
        folder = request.getfixturevalue(fixture).rename(tmp_path / fixture)
        (tmp_path / "first").rename(model_folder)
        return str(folder)

    return make


def test_the_command_writes_pages(model_folder, beside, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    gpt2 = beside("gpt2_folder")
    for words, file in (
        (["attention", str(model_folder), "the key", "--pair", "a cat"], "attention.html"),
        (["attention", gpt2, "the key"], "attention.html"),
        (["next-words", gpt2, "the", "--output", "n.html"], "n.html"),
        (["tokens", str(model_folder), "the key", "--output", "t.html"], "t.html"),
        (["schedule"], "schedule.svg"),
    ):
        assert main(["see", *words]) == 0
        assert capsys.readouterr().out == f"{file}\n"
        assert (tmp_path / file).read_text(encoding="utf-8").startswith(("<!DOCTYPE html>", "<svg"))
    assert main(["plot", "warmup_cosine", "--cycles", "2", "--output", "p.svg"]) == 0
    assert "cycles=2" in (tmp_path / "p.svg").read_text(encoding="utf-8")


def test_the_command_prints_lines_where_no_page_is_asked_for(model_folder, capsys):
    assert main(["see", "tokens", str(model_folder), "the\tkeys"]) == 0
    assert capsys.readouterr().out == "0-3\t5\tthe\tthe\n4-7\t6\tkey\tkey\n7-8\t18\t##s\ts\n"


def test_next_words_are_printed(gpt2_folder, capsys):
    assert main(["see", "next-words", str(gpt2_folder), "a b", "--top", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[1] for line in lines] == ["a", "␣", "b", "(end)"]


def test_what_cannot_be_drawn_is_told_on_one_line(model_folder, beside, capsys):
    assert main(["see", "attention", beside("transfo_xl_folder"), "a cat"]) == 1
    assert "Transformer-XL gives no attention weights" in capsys.readouterr().err
    assert main(["see", "next-words", str(model_folder), "a cat"]) == 1
    assert "is a BERT, which does not continue texts" in capsys.readouterr().err


def test_gpt2_of_two_layers_has_its_own_attention(gpt2_folder):
    model = GPT2Model.from_pretrained(gpt2_folder, output_attentions=True)
    found = attention_of(model, GPT2Tokenizer.from_pretrained(gpt2_folder), "abc")
    assert found.weights.shape == (2, 2, 3, 3)
    assert torch.equal(found.weights, found.weights.tril())
