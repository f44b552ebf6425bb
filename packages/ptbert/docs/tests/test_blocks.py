"""The runner of blocks notices what it should notice."""

import pytest
from blocks import Page, blocks_of, commands_in


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run_text(text, makers=None):
        page = tmp_path / "page.md"
        page.write_text(text, encoding="utf-8")
        state = Page(tmp_path, makers or {})
        for block in blocks_of(page):
            state.run(block)
        return state.names

    return run_text


def test_blocks_share_their_names(run):
    names = run("```python\na = 2\n```\n\ntext\n\n```python\nb = a + 1\n```\n")
    assert names["b"] == 3


def test_what_is_printed_is_compared(run):
    run("```python\nprint('one two')\n```\n```text\none ...\n```\n")
    with pytest.raises(AssertionError, match="three"):
        run("```python\nprint('one two')\n```\n\n```text\nthree\n```\n")


def test_a_block_of_text_further_below_is_not_compared(run):
    run("```python\nprint('one')\n```\n\nThe file looks like this:\n\n```text\nthree\n```\n")


def test_lines_with_a_prompt_are_compared(run):
    assert run("```python\n>>> a = 2\n>>> a\n2\n```\n")["a"] == 2
    with pytest.raises(AssertionError, match="Expected"):
        run("```python\n>>> 2\n3\n```\n")


def test_an_error_shows_the_line_of_the_page(run):
    with pytest.raises(ZeroDivisionError) as caught:
        run("a\n\n```python\nx = 1\n1 / 0\n```\n")
    assert caught.traceback[-1].lineno == 4  # counted from 0


def test_a_command_that_fails_is_an_error(run):
    run("```console\n$ true\n```\n")
    with pytest.raises(AssertionError, match="false: 1"):
        run("```console\n$ false\n```\n")


def test_the_exit_code_of_a_failure_may_be_shown(run):
    run("```console\n$ false\nexit code 1\n```\n")


def test_what_a_command_prints_is_compared(run):
    run("```console\n$ echo one\none\n```\n")
    with pytest.raises(AssertionError, match="two"):
        run("```console\n$ echo one\ntwo\n```\n")


def test_our_commands_run_in_this_process(run):
    run("```console\n$ ptbert --version\nptbert ...\n```\n")
    with pytest.raises(AssertionError, match="no-such-folder"):
        run("```console\n$ ptbert tokenize ./no-such-folder --text a\n```\n")


def test_a_remark_leaves_a_block_out_or_makes_what_it_needs(run):
    made = []
    left_out = "<!-- not run: it installs -->\n```bash\nfalse\n```\n"
    text = f"{left_out}<!-- given: a b -->\n```bash\ntrue\n```\n"
    run(text, {"a": lambda _: made.append("a"), "b": lambda _: made.append("b")})
    assert made == ["a", "b"]


def test_commands_are_separated_from_what_they_print():
    assert list(commands_in("$ a \\\n  b\nx\ny\n$ c\n")) == [("a b", "x\ny\n"), ("c", "")]
    assert list(commands_in("a\n# remark\n\nb\n")) == [("a", ""), ("b", "")]
