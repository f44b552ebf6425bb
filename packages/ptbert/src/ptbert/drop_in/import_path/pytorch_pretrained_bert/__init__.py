"""The package that child processes import by the old name; see ``ptbert.drop_in.children``."""

from ptbert.drop_in.children import replace_by_ptbert

replace_by_ptbert(__name__)
