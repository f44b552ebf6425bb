"""Run a command of the hub and look at what it prints."""

import json

from ptbert_hub.__main__ import main


def run(capsys, *arguments):
    code = main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def rows(capsys, *arguments):
    code, out, _ = run(capsys, *arguments, "--json")
    assert code == 0
    return json.loads(out)["rows"]
