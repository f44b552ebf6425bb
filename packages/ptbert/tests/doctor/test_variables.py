"""A variable is known by where it is set, so one name may be several things."""

import ast
import time
from textwrap import dedent

import pytest

from ptbert.doctor.program import Program
from ptbert.doctor.variables import Variables

TWO_CLASSES = """
    from pytorch_pretrained_bert import BertModel, BertTokenizer, GPT2Model, GPT2Tokenizer
    class Bert:
        def __init__(self):
            self.tokenizer = BertTokenizer.from_pretrained("a")
            self.model = BertModel.from_pretrained("a").eval()
        def first(self, text):
            return self.model(self.tokenizer.encode_plus(text)).pooler_output
    class GPT:
        def __init__(this):
            this.tokenizer = GPT2Tokenizer.from_pretrained("a")
            this.model = GPT2Model.from_pretrained("a").eval()
        def first(self, ids):
            hidden, past = self.model(ids)
    """


def test_two_classes_may_have_attributes_of_one_name(diagnosis):
    found = [(each.line, each.what.split()[0]) for each in diagnosis(TWO_CLASSES).findings]
    assert found == [
        (8, ".pooler_output"),
        (8, "BertTokenizer.encode_plus"),
        (14, "GPT2Model"),
    ]


def test_two_functions_may_have_variables_of_one_name(diagnosis):
    found = diagnosis("""
        from pytorch_pretrained_bert import BertModel, GPT2Model
        def bert():
            net = BertModel.from_pretrained("a").eval()
            net(ids).logits
        def gpt2():
            net = GPT2Model.from_pretrained("a").eval()
            net(ids)
        def other():
            net = Other()
            net(ids).logits
        """)
    assert [each.line for each in found.findings] == [5, 8]


def test_an_argument_is_what_variables_of_its_name_are(diagnosis):
    found = diagnosis("""
        from pytorch_pretrained_bert import BertModel
        def scores(net, ids):
            return net(ids).logits
        def main():
            net = BertModel.from_pretrained("a").eval()
            scores(net, ids)
        """)
    assert [each.line for each in found.findings] == [4]


PLACES = {
    "in a function that sets it": ("def f():\n    a = 1\n    a", ["1"]),
    "in a function inside": ("def f():\n    a = 1\n    def g(): return a", ["1"]),
    "in a function that sets another": ("a = 1\ndef f():\n    a = 2\ndef g(): return a", ["1"]),
    "of the program, set by a function": (
        "a = 1\ndef f():\n    global a\n    a = 2\na",
        ["1", "2"],
    ),
    "of a class is no name of its methods": (
        "a = 1\nclass C:\n    a = 2\n    def f(self): return a",
        ["1"],
    ),
    "in a lambda": ("a = 1\nlambda: a", ["1"]),
    "an argument": ("a = 1\ndef f(b):\n    a = 2\ndef g(a): return a", ["1", "2"]),
    "an argument that is set again": ("a = 1\ndef f(a):\n    a = 2\n    return a", ["1", "2"]),
    "set in several ways": ("a, b = 1, 2\na: int = 3\n(a := 4)\na", ["1", "3", "4"]),
}


@pytest.mark.parametrize(("text", "wanted"), PLACES.values(), ids=PLACES)
def test_the_values_of_a_name_are_those_that_it_can_have(text, wanted):
    tree = ast.parse(dedent(text))
    loads = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and node.id == "a" and isinstance(node.ctx, ast.Load)
    ]
    values = Variables(tree).values_of(loads[-1])
    assert [ast.unparse(value) for value in values] == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("def f(a): return a", True),
        ("def f(*a): return a", True),
        ("def f(a):\n    def g(): return a", True),
        ("def f(b):\n    a = b\n    return a", False),
        ("a = 1\ndef f(): return a", False),
        ("def f(a): return a.b", False),
    ],
)
def test_an_argument_is_told_from_other_names(text, wanted):
    tree = ast.parse(text)
    (node,) = (each.value for each in ast.walk(tree) if isinstance(each, ast.Return))
    assert Variables(tree).is_given(node) is wanted


def test_a_variable_that_is_set_often_is_looked_at_once(diagnosis, monkeypatch):
    asked = []
    kind_of = Program.kind_of
    monkeypatch.setattr(Program, "kind_of", lambda *given: asked.append(given) or kind_of(*given))
    counts = []
    for times in (100, 200):
        asked.clear()
        model = "from pytorch_pretrained_bert import BertModel\nm = BertModel(c)\n"
        diagnosis(model + "a = m(ids)\n" * times)
        counts.append(len(asked))
    assert counts[1] < 3 * counts[0]


def test_many_variables_take_no_longer_for_each():
    """A set that is copied for each of 20,000 variables copies 400 million names."""
    text = "\n".join(f"v{number} = v{number - 1}" for number in range(20_000))
    start = time.process_time()
    variables = Variables(ast.parse(text))
    assert len(variables.values) == 2 * 20_000  # by key, and by text
    assert time.process_time() - start < 4
