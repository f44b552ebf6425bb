"""What processes find that a program run by ``ptbert run`` starts; see `ptbert.drop_in`."""

from ptbert.drop_in import replace_by_ptbert

replace_by_ptbert(__name__)
