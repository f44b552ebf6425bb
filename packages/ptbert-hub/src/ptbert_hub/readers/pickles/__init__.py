"""Reading pickles of strangers: nothing that they name is ever imported or called"""

from ptbert_hub.readers.pickles.plain import ForeignName, make_values, plain_value
from ptbert_hub.readers.pickles.reader import PickleReader
from ptbert_hub.readers.pickles.records import Call, EndsEarly, Name, Record, Reference

__all__ = [
    "Call",
    "EndsEarly",
    "ForeignName",
    "Name",
    "PickleReader",
    "Record",
    "Reference",
    "make_values",
    "plain_value",
]
