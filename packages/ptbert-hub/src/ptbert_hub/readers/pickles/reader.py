"""An interpreter of pickles that imports and calls nothing: plain values, and records of the rest

A pickle is a small program, and Python's unpickler imports and calls whatever it names. Here
numbers, texts, bytes, lists, tuples, dictionaries and sets become what they are. A name, a call and
a reference become records, which ``plain`` and the readers of files recognise or refuse. The
opcodes are those of the protocols 0 to 4.

Time grows with the length of the pickle: keys are texts, bytes or few numbers, so neither deep nor
repeated tuples are ever hashed. Memory has a budget, and so have steps, because each needs some.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from struct import Struct
from struct import error as StructError
from typing import Any

from ptbert_hub.errors import BadContent
from ptbert_hub.readers.pickles.arguments import NUMBER, SET, VALUE, Arguments
from ptbert_hub.readers.pickles.plain import ForeignName
from ptbert_hub.readers.pickles.records import Call, EndsEarly, Name, Reference

_UINT4, _UINT8, _INT4, _FLOAT = map(Struct, ("<I", "<Q", "<i", ">d"))
# What a step costs beside what it makes, in bytes of memory, so that there cannot be too many.
_QUICK_STEP, _STEP = 12, 24
# What is repeated instead of a value that was never numbered; no reader of files makes it a value.
_NO_VALUE = Name("a value that is not there")
_KEYS = frozenset({str, bytes, int, bool, float, type(None)})
# Numbers can be chosen so that a dictionary is slow; texts cannot, because their hashes are random.
_NUMBER_KEYS = 10_000
_LONGEST_NAME = 300


class PickleReader(Arguments):
    """Reads pickles that follow each other.

    Args:
        data: the bytes of the pickles.
        encoding: of texts that Python 2 wrote.

    Attributes:
        at: where the next pickle begins.
        references: all references in the pickles so far.

    Example:
        >>> PickleReader(b"(lp0\\nI1\\nacos\\nsystem\\n(S'id'\\ntRa.").read()
        [1, Call(name='os.system', arguments=('id',), state=None, items=[], pairs={})]
    """

    def __init__(self, data: bytes, encoding: str = "utf-8") -> None:
        super().__init__(data, encoding)
        self.references: list[Reference] = []
        self.stack: list[Any] = []
        self._outer: list[list[Any]] = []  # the stacks below the marks
        self.memo: list[Any] = []
        self._number_keys = 0

    def read(self) -> Any:
        """Return the value of the next pickle.

        Raises:
            BadContent: if it is damaged, or needs more memory than pickles of models do.
        """
        self.stack, self._outer, self.memo = [], [], []
        try:
            self._run()
            return self.stack.pop()
        except (IndexError, StructError):
            raise EndsEarly("it ends early, or takes a value that is not there") from None
        except UnicodeError as error:
            raise BadContent(f"it has a text in another encoding ({error})") from None

    def _run(self) -> None:
        """Take steps up to the end of a pickle. The frequent ones are here, without calls."""
        data, memo, makers, steps = self.data, self.memo, _MAKERS, _STEPS
        uint4, int4 = _UINT4.unpack_from, _INT4.unpack_from
        at, room, stack = self.at, self.room, self.stack
        while (code := data[at]) != 0x2E:  # STOP
            at += 1
            room -= _QUICK_STEP
            if room < 0:
                raise BadContent("it needs more memory than its length allows")
            if code == 0x6A:  # LONG_BINGET
                stack.append(memo[uint4(data, at)[0]])
                at += 4
            elif code == 0x72 and uint4(data, at)[0] == len(memo):  # LONG_BINPUT
                memo.append(stack[-1])
                at += 4
            elif code == 0x4A:  # BININT
                stack.append(int4(data, at)[0])
                at += 4
                room -= NUMBER
            elif code == 0x4D:  # BININT2
                stack.append(data[at] | data[at + 1] << 8)
                at += 2
                room -= NUMBER
            elif code == 0x58 and (raw := data[at + 4 : at + 4 + uint4(data, at)[0]]).isascii():
                stack.append(raw.decode())  # BINUNICODE
                at += 4 + len(raw)
                room -= VALUE
            else:
                self.at, self.room = at, room - _STEP
                if make := makers.get(code):
                    value = make(self)  # may go back to another stack
                    self.stack.append(value)
                elif step := steps.get(code):
                    step(self)
                else:
                    raise BadContent(f"it has a step of the unknown kind {code:#04x}")
                at, room, stack = self.at, self.room, self.stack
        self.at, self.room = at + 1, room

    # The stack

    def mark(self) -> None:
        """Begin a new stack above the present one."""
        self.room -= VALUE
        self._outer.append(self.stack)
        self.stack = []

    def marked(self) -> list[Any]:
        """Return the values since the last mark, which is taken away."""
        values, self.stack = self.stack, self._outer.pop()
        self.room += VALUE - 16 * len(values)
        return values

    def last(self, size: int) -> list[Any]:
        """Return the last values, which are taken away."""
        if len(self.stack) < size:
            raise IndexError
        values = self.stack[-size:]
        del self.stack[-size:]
        return values

    def drop(self) -> None:
        """Take the last value away, or the last mark."""
        if self.stack:
            self.stack.pop()
        else:
            self.marked()

    def remember(self, index: int) -> None:
        """Let later steps repeat the last value."""
        count = len(self.memo)
        self.room -= _STEP
        if index == count:
            self.memo.append(self.stack[-1])
        elif 0 <= index < count:
            self.memo[index] = self.stack[-1]
        elif (index, count) == (1, 0):  # where Python 2 begins
            self.memo += [_NO_VALUE, self.stack[-1]]
        else:
            raise BadContent(f"it gives the number {index} to a value after {count} others")

    def repeat(self, index: int) -> Any:
        """Return a value that was remembered."""
        if index < 0:
            raise IndexError
        return self.memo[index]

    # Containers

    def append(self, values: list[Any]) -> None:
        """Append values to the list that is the last value."""
        target = self.stack[-1]
        if type(target) is list:
            target.extend(values)
        elif type(target) is Call:
            target.items.extend(values)
        else:
            raise BadContent(f"it appends to a {type(target).__name__}")

    def put(self, values: Sequence[Any]) -> None:
        """Put keys and values, in turns, into the dictionary that is the last value."""
        target = self.stack[-1]
        if type(target) is Call:
            target = target.pairs
        if type(target) is not dict or len(values) % 2:
            raise BadContent("it has a key without a value, or puts one into no dictionary")
        keys = values[::2]
        self._check_keys(keys)
        target.update(zip(keys, values[1::2], strict=True))

    def put_into_set(self, values: list[Any]) -> None:
        """Put values into the set that is the last value."""
        target = self.stack[-1]
        if type(target) is not set:
            raise BadContent(f"it puts values into a {type(target).__name__}, which is no set")
        self._check_keys(values)
        target.update(values)

    def dictionary(self, values: list[Any]) -> dict[Any, Any]:
        """Return a dictionary of keys and values, in turns."""
        self.stack.append({})
        self.put(values)
        return dict(self.stack.pop())

    def frozen_set(self, values: list[Any]) -> frozenset[Any]:
        """Return a set that never changes."""
        self._check_keys(values)
        return frozenset(values)

    def empty_set(self) -> set[Any]:
        """Return an empty set, which is larger than other containers."""
        self.room -= SET
        return set()

    def container(self, value: Any) -> Any:
        """Return a new container."""
        self.room -= VALUE
        return value

    def _check_keys(self, keys: Sequence[Any]) -> None:
        self.room -= VALUE * len(keys)
        kinds = set(map(type, keys))
        if kinds <= {str}:
            return
        if not kinds <= _KEYS:
            wrong = ", ".join(sorted(kind.__name__.lower() for kind in kinds - _KEYS))
            raise BadContent(f"it has a {wrong} as a key; keys are texts and numbers")
        self._number_keys += sum(type(key) in {int, float} for key in keys)
        if self._number_keys > _NUMBER_KEYS:
            raise BadContent(f"it has more than {_NUMBER_KEYS} numbers as keys")

    # Records

    def name(self, module: Any, name: Any) -> Name:
        """Return the record of a function or class."""
        if type(module) is not str or type(name) is not str:
            raise BadContent("it asks for something that has no name")
        text = f"{module}.{name}"
        if not text.isprintable() or len(text) > _LONGEST_NAME:  # it will be shown
            raise BadContent(f"it asks for {text[:80]!a}, which is no name")
        self.room -= 2 * VALUE
        return Name(text)

    def call(self, function: Any, arguments: Any, keywords: Any = None) -> Call:
        """Return the record of a call."""
        match function:  # a class, with its source, in old files of whole models
            case Reference(("module", Name(text), *_)):
                raise ForeignName(text)
        if type(function) is not Name or type(arguments) is not tuple or keywords:
            raise BadContent("it has a call without a name, or with keywords")
        self.room -= 4 * VALUE
        return Call(function.name, arguments)

    def instance(self, values: list[Any]) -> Call:
        """Return the record of a call, whose name is the first value."""
        return self.call(values[0], tuple(values[1:]))

    def named_instance(self, arguments: list[Any]) -> Call:
        """Return the record of a call, whose name comes next."""
        return self.call(self.name(self.take_line(), self.take_line()), tuple(arguments))

    def build(self) -> None:
        """Give a state to the call below it."""
        state, target = self.stack.pop(), self.stack[-1]
        if type(target) is not Call or target.state is not None:
            raise BadContent("it sets attributes of something that has none")
        target.state = state

    def reference(self, to: Any) -> Reference:
        """Return the record of a reference."""
        self.room -= 2 * VALUE
        self.references.append(Reference(to))
        return self.references[-1]


# All opcodes of the protocols 0 to 4 but those of ``_run`` and of registered extensions: those that
# make a value, and the others.
_MAKERS: dict[int, Callable[[PickleReader], Any]] = {
    # Numbers, texts and bytes
    ord("N"): lambda r: None,
    0x88: lambda r: True,
    0x89: lambda r: False,
    ord("K"): lambda r: r.take(1)[0],
    ord("I"): lambda r: r.take_number_line(int),
    ord("L"): lambda r: r.take_number_line(int),
    ord("F"): lambda r: r.take_number_line(float),
    ord("G"): lambda r: r.take_number(_FLOAT),
    0x8A: lambda r: r.take_whole_number(r.take(1)[0]),
    0x8B: lambda r: r.take_whole_number(r.take_number(_UINT4)),
    ord("X"): lambda r: r.take_text(r.take_number(_UINT4)),
    0x8C: lambda r: r.take_text(r.take(1)[0]),
    0x8D: lambda r: r.take_text(r.take_number(_UINT8)),
    ord("V"): lambda r: r.take_escaped_line(),
    ord("S"): lambda r: r.take_quoted_line(),
    ord("U"): lambda r: r.take_old_text(r.take(1)[0]),
    ord("T"): lambda r: r.take_old_text(r.take_number(_UINT4)),
    ord("C"): lambda r: r.take(r.take(1)[0]),
    ord("B"): lambda r: r.take(r.take_number(_UINT4)),
    0x8E: lambda r: r.take(r.take_number(_UINT8)),
    # Values that are there already
    ord("2"): lambda r: r.stack[-1],
    ord("g"): lambda r: r.repeat(int(r.take_number_line(int))),
    ord("h"): lambda r: r.repeat(r.take(1)[0]),
    # Containers
    ord(")"): lambda r: (),
    ord("t"): lambda r: r.container(tuple(r.marked())),
    0x85: lambda r: r.container((r.stack.pop(),)),
    0x86: lambda r: r.container(tuple(r.last(2))),
    0x87: lambda r: r.container(tuple(r.last(3))),
    ord("]"): lambda r: r.container([]),
    ord("l"): lambda r: r.container(r.marked()),
    ord("}"): lambda r: r.container({}),
    ord("d"): lambda r: r.container(r.dictionary(r.marked())),
    0x8F: PickleReader.empty_set,
    0x91: lambda r: r.frozen_set(r.marked()),
    # Records
    ord("c"): lambda r: r.name(r.take_line(), r.take_line()),
    0x93: lambda r: r.name(*r.last(2)),
    ord("R"): lambda r: r.call(*r.last(2)),
    0x81: lambda r: r.call(*r.last(2)),
    0x92: lambda r: r.call(*r.last(3)),
    ord("o"): lambda r: r.instance(r.marked()),
    ord("i"): lambda r: r.named_instance(r.marked()),
    ord("P"): lambda r: r.reference(r.take_line()),
    ord("Q"): lambda r: r.reference(r.stack.pop()),
}
_STEPS: dict[int, Callable[[PickleReader], object]] = {
    0x80: lambda r: r.take(1),  # the protocol
    0x95: lambda r: r.take_number(_UINT8),  # how much could be read at once
    ord("("): PickleReader.mark,
    ord("0"): PickleReader.drop,
    ord("1"): PickleReader.marked,
    ord("p"): lambda r: r.remember(int(r.take_number_line(int))),
    ord("q"): lambda r: r.remember(r.take(1)[0]),
    ord("r"): lambda r: r.remember(r.take_number(_UINT4)),
    0x94: lambda r: r.remember(len(r.memo)),
    ord("a"): lambda r: r.append([r.stack.pop()]),
    ord("e"): lambda r: r.append(r.marked()),
    ord("s"): lambda r: r.put(r.last(2)),
    ord("u"): lambda r: r.put(r.marked()),
    0x90: lambda r: r.put_into_set(r.marked()),
    ord("b"): PickleReader.build,
}
