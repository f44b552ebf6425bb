"""Pickles of strangers: what is plain is read, everything else stays a record or is refused."""

import collections
import pickle
import struct
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ptbert_hub.errors import BadContent
from ptbert_hub.readers.pickles import Call, ForeignName, Name, PickleReader, make_values

PROTOCOLS = range(5)


def read(data, encoding="utf-8"):
    return PickleReader(data, encoding).read()


def text(value):
    raw = value.encode()
    return b"X" + struct.pack("<I", len(raw)) + raw


def named(path):
    module, _, name = path.rpartition(".")
    return f"c{module}\n{name}\n".encode()


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(st.one_of(st.text(), st.integers(), st.none()), inner),
        st.dictionaries(st.text(), inner).map(collections.OrderedDict),
        st.dictionaries(st.text(), st.integers()).map(collections.Counter),
        st.sets(st.one_of(st.text(), st.integers(-1000, 1000))),
    ),
)


@settings(max_examples=50)
@given(VALUES, st.sampled_from(PROTOCOLS))
def test_plain_values_come_back_from_every_protocol(value, protocol):
    found = make_values(read(pickle.dumps(value, protocol)))

    assert found == value
    assert type(found) is type(value)


def test_a_value_that_is_there_twice_is_one_value():
    inner = ["a"]
    first, second = read(pickle.dumps([inner, inner]))
    assert first is second


def test_long_lists_and_texts_come_back():
    value = {f"word {i}é": list(range(i, i + 3)) for i in range(5000)} | {"long": "xé" * 5000}
    for protocol in PROTOCOLS:
        assert read(pickle.dumps(value, protocol)) == value


def test_texts_of_python_2_are_in_the_encoding_that_was_asked_for():
    data = b"U\x02\xc3\xa9."  # SHORT_BINSTRING
    assert read(data) == "é"
    assert read(data, "latin1") == "Ã©"
    assert read(b"S'\\xc3\\xa9'\n.") == "é"
    with pytest.raises(BadContent, match="it has a text in another encoding"):
        read(b"U\x01\xe9.")


def test_bools_of_the_oldest_protocol_are_bools():
    assert read(b"(I00\nI01\nI1\nl.") == [False, True, 1]
    assert [type(value) for value in read(b"(I00\nI01\nI1\nl.")] == [bool, bool, int]


CALLS = {
    "reduce": named("os.system") + b"(" + text("id") + b"tR.",
    "new": b"\x80\x02" + named("os.system") + text("id") + b"\x85\x81.",
    "new with keywords": b"\x80\x04" + named("os.system") + text("id") + b"\x85}\x92.",
    "instance": b"(" + text("id") + b"ios\nsystem\n.",
    "object": b"(" + named("os.system") + text("id") + b"o.",
    "name from texts": b"\x80\x04" + text("os") + text("system") + b"\x93" + text("id") + b"\x85R.",
}


@pytest.mark.parametrize("way", CALLS)
def test_a_call_is_a_record_whatever_the_way_to_ask_for_it(way, monkeypatch):
    monkeypatch.setattr("os.system", pytest.fail)

    call = read(CALLS[way])

    assert (call.name, call.arguments) == ("os.system", ("id",))
    with pytest.raises(ForeignName, match=r"^it asks for os\.system$") as caught:
        make_values([{"deep": (call,)}])
    assert caught.value.name == "os.system"


def test_a_name_alone_imports_nothing():
    assert read(named("no_such_module.thing") + b".") == Name("no_such_module.thing")
    with pytest.raises(ForeignName, match=r"it asks for antigravity\.geohash"):
        make_values([read(named("antigravity.geohash") + b".")])
    assert "antigravity" not in sys.modules


def test_what_is_done_with_a_result_is_in_the_record():
    data = named("m.f") + b")R(" + text("a") + b"K\x01uK\x02a" + text("state") + b"b."

    call = read(data)

    assert isinstance(call, Call)
    assert (call.name, call.pairs, call.items, call.state) == ("m.f", {"a": 1}, [2], "state")


def test_no_class_of_this_process_is_changed():
    state = b"N}(" + text("most_common") + b"N" + text("__init__") + b"Nu\x86"
    before = dict(vars(collections.Counter))

    with pytest.raises(BadContent, match="it sets attributes of something that has none"):
        read(b"\x80\x02" + named("collections.Counter") + state + b"b0}.")

    assert dict(vars(collections.Counter)) == before


def test_attributes_of_containers_are_left_out():
    odd = (
        named("collections.OrderedDict") + b")R" + text("a") + b"K\x01s}" + text("items") + b"Nsb."
    )
    assert list(make_values(read(odd)).items()) == [("a", 1)]


DEEP = 200_000
REFUSED = {  # what: pickle, message
    "a deep tuple as key": (
        b"\x80\x02})" + b"\x85" * DEEP + b"Ns.",
        "it has a tuple as a key; keys are texts and numbers",
    ),
    "a deep tuple": (b"\x80\x02)" + b"\x85" * 101 + b".", "it has more than 100 containers in"),
    "a very deep tuple": (b"\x80\x02)" + b"\x85" * DEEP + b".", "it has more than 100 conta"),
    "a tuple as key of an ordered dictionary": (
        named("collections.OrderedDict") + b"(((()NtlltR.",
        "it asks for collections.OrderedDict with something that does not belong there",
    ),
    "a tuple in a set": (
        named("__builtin__.set") + b"((()tltR.",
        "it asks for __builtin__.set with something that does not belong there",
    ),
    "a counter of a list": (
        named("collections.Counter") + b"((K\x01ltR.",
        "it asks for collections.Counter with something that does not belong there",
    ),
    "keys in a set": (named("builtins.set") + b")R" + text("a") + b"Ns.", "does not belong there"),
    "a list in itself": (b"]q\x00h\x00a.", "it has a container that contains itself"),
    "a call of itself": (
        named("collections.Counter") + b")Rq\x00" + text("a") + b"h\x00s.",
        "it has a container that contains itself",
    ),
    "a value of a large number": (
        b"\x80\x02Nr" + struct.pack("<I", 120_000_000) + b".",
        "it gives the number 120000000 to a value after 0 others",
    ),
    "a number of many bytes": (
        b"\x80\x02\x8b" + struct.pack("<I", 300) + bytes(300) + b".",
        "it has a number of 300 bytes",
    ),
    "a number of many digits": (b"L" + b"9" * 300 + b"L\n.", "it has a number of 300 digits"),
    "digits that are none": (b"Ix\n.", "it has a line that is not the number it should be"),
    "a text of more bytes than there are": (b"\x80\x02\x8d" + b"\xff" * 8 + b".", "it ends early"),
    "bytes, more than there are": (b"\x80\x04\x8e" + b"\x7f" * 8 + b".", "it ends early"),
    "no end": (b"\x80\x02N", "it ends early"),
    "no line end": (b"cos", "it ends early"),
    "nothing": (b"", "it ends early"),
    "a value that is not there": (b"0.", "it ends early, or takes a value that is not there"),
    "an unknown number": (b"h\x05.", "it ends early, or takes a value that is not there"),
    "no quotation marks": (b"Sx\n.", "it has a text without quotation marks"),
    "a wrong escape": (b"S'\\x'\n.", "it has a text with a wrong escape sequence"),
    "an extension": (b"\x80\x02\x82\x01.", "it has a step of the unknown kind 0x82"),
    "a buffer of protocol 5": (b"\x80\x05\x97.", "it has a step of the unknown kind 0x97"),
    "a name that is none": (b"cos\nsys\x1b[31mtem\n.", r"it asks for 'os.sys\\x1b\[31mtem'"),
    "a long name": (b"cos\n" + b"n" * 300 + b"\n.", r"it asks for 'os\.n+', which is no name"),
    "a number as name": (b"\x80\x04K\x01K\x02\x93.", "it asks for something that has no name"),
    "a call of a number": (b"K\x01)R.", "it has a call without a name, or with keywords"),
    "keywords": (named("m.f") + b")}" + text("a") + b"Ns\x92.", "without a name, or with keywords"),
    "a negative number": (b"Np0\ng-1\n.", "it ends early, or takes a value that is not there"),
    "a first value before the first": (b"Np1\ng0\n.", "it asks for a value that is not there"),
    "an odd dictionary": (b"(" + text("a") + b"d.", "it has a key without a value, or puts one"),
    "keys in a list": (b"]" + text("a") + b"Ns.", "it has a key without a value, or puts one"),
    "an appended dictionary": (b"}Na.", "it appends to a dict"),
    "a set of lists": (b"\x80\x04\x8f(]\x90.", "it has a list as a key; keys are texts"),
    "values in no set": (b"\x80\x04](N\x90.", "it puts values into a list, which is no set"),
    "attributes twice": (named("m.f") + b")RNb" + text("x") + b"b" + text("y") + b"b.", "it sets"),
    "a reference": (b"N\x80\x02Q.", "it holds a tensor, or something else that is no plain value"),
}


def test_the_class_of_an_old_file_of_a_whole_model_is_named():
    """There it is no name, but a reference to a class and its source."""
    reference = b"(" + text("module") + named("torch.nn.Linear") + text("file") + text("class")
    with pytest.raises(ForeignName, match=r"it asks for torch\.nn\.Linear"):
        read(b"\x80\x02" + reference + b"tQ)\x81.")


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_damaged_or_harmful_is_refused_with_the_reason(what):
    data, message = REFUSED[what]
    with pytest.raises(BadContent, match=message):
        make_values(read(data))


def test_tuples_that_double_are_followed_once():
    data = b"\x80\x02)" + b"q\x01h\x01\x86" * 90 + b"."
    start = time.process_time()

    make_values(read(data))

    assert time.process_time() - start < 1


def test_a_repeated_list_is_looked_at_once():
    """Thirty thousand times a list of thirty thousand would take a minute."""
    inner = [["a"]] * 30_000
    data = pickle.dumps([inner] * 30_000)
    start = time.process_time()

    make_values(read(data))

    assert time.process_time() - start < 1


def test_many_numbers_as_keys_are_refused():
    """Multiples of ``sys.hash_info.modulus`` have equal hashes, so each is compared with each."""
    assert len(read(pickle.dumps(dict.fromkeys(range(10_000))))) == 10_000
    for value in (
        dict.fromkeys(range(10_001)),
        [dict.fromkeys(range(6000)), dict.fromkeys([1.5, *range(5000)])],
        set(range(10_001)),
    ):
        with pytest.raises(BadContent, match="it has more than 10000 numbers as keys"):
            read(pickle.dumps(value, 4))
    for protocol in (2, 3):
        with pytest.raises(BadContent, match="set with something that does not belong there"):
            make_values(read(pickle.dumps({2**61 - 1, 0.5}, protocol)))


GREEDY = {  # steps that need more memory than bytes, repeated
    "empty sets": b"\x8f",
    "empty dictionaries": b"}",
    "marks": b"(",
    "numbers": b"M\xff\xff",
    "negative numbers": b"J\xff\xff\xff\xfe",
    "memo": b"\x94",
    "tuples": b"\x85",
    "texts": b"X\x01\x00\x00\x00a",
    "wide texts": b"X\x04\x00\x00\x00\xf0\x9f\x98\x80",
    "names": b"ca\nb\n",
    "lines": b"F0\n",
    "references": b"NQ",
}


@pytest.mark.parametrize("step", GREEDY)
def test_memory_has_a_budget(step, monkeypatch):
    monkeypatch.setattr("ptbert_hub.readers.pickles.arguments._ROOM", 1 << 20)
    data = b"N" + GREEDY[step] * (300_000 // len(GREEDY[step])) + b"."
    with pytest.raises(BadContent, match="it needs more memory than its length allows"):
        read(data)


def test_a_long_text_with_one_wide_character_counts_as_wide(monkeypatch):
    monkeypatch.setattr("ptbert_hub.readers.pickles.arguments._ROOM", 0)
    with pytest.raises(BadContent, match="it needs more memory than its length allows"):
        read(text("a" * 10_000 + "😀") + b".")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_pickle_that_is_cut_anywhere_is_refused(protocol):
    value = {"counter": collections.Counter(a=1, é=2), "x": [1.5, (None, True), 10**20, {"s"}]}
    data = pickle.dumps(value, protocol)
    for length in range(len(data)):
        with pytest.raises(BadContent):
            make_values(read(data[:length]))


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data):
    try:
        make_values(read(data))
    except BadContent as error:
        assert str(error).startswith("it ")  # noqa: PT017 - some damage goes unnoticed


@settings(max_examples=50)
@given(VALUES, st.sampled_from(PROTOCOLS), st.data())
def test_any_damage_is_read_or_refused(value, protocol, data):
    content = bytearray(pickle.dumps(value, protocol))
    for _ in range(3):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        make_values(read(bytes(content)))
    except BadContent as error:
        assert str(error).startswith("it ")  # noqa: PT017 - some damage goes unnoticed
