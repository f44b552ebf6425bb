"""Reading programs of 2019, to say what differs for them, and reporting on this installation

Example:
    >>> from ptbert.doctor import diagnosis_of, lines_of
    >>> for line in lines_of(diagnosis_of("train.py")):  # doctest: +SKIP
    ...     print(line)
    1 file read, 1 of which uses pytorch_pretrained_bert
"""

from ptbert.doctor.copies import Copy
from ptbert.doctor.diagnosis import Diagnosis, diagnosis_of
from ptbert.doctor.findings import Effect, Finding
from ptbert.doctor.names import Evidence
from ptbert.doctor.report import json_of, lines_of
from ptbert.doctor.sources import Unread

__all__ = [
    "Copy",
    "Diagnosis",
    "Effect",
    "Evidence",
    "Finding",
    "Unread",
    "diagnosis_of",
    "json_of",
    "lines_of",
]
