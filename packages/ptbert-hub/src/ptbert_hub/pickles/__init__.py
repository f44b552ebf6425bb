"""Reading pickles of strangers: nothing that they name is ever imported or called"""

from ptbert_hub.pickles.plain import ForeignName, make_values, plain_value
from ptbert_hub.pickles.reader import PickleReader
from ptbert_hub.pickles.records import Call, Name, Record, Reference

__all__ = [
    "Call",
    "ForeignName",
    "Name",
    "PickleReader",
    "Record",
    "Reference",
    "make_values",
    "plain_value",
]
