import gzip

import pytest

from ptbert.training.rows import read_rows


def rows(path, content, **options):
    path.write_bytes(content)
    return [(row.place, dict(row.values)) for row in read_rows(path, **options)]


def test_csv_has_quotes_and_lines_in_values(tmp_path):
    path = tmp_path / "a.csv"
    found = rows(path, b'text,label\r\n"one, ""two""\nthree",1\r\n\r\nfour,2\r\n')
    assert found == [
        (f"{str(path)!r}, line 3,", {"text": 'one, "two"\nthree', "label": "1"}),
        (f"{str(path)!r}, line 5,", {"text": "four", "label": "2"}),
    ]


def test_tsv_has_no_quotes(tmp_path):
    found = rows(tmp_path / "a.tsv", b'text\tlabel\n"so" he said\t1\n')
    assert [values for _, values in found] == [{"text": '"so" he said', "label": "1"}]


def test_a_table_without_header_has_numbers_as_columns(tmp_path):
    found = rows(tmp_path / "a.tsv", b"good\t1\n", header=False)
    assert [values for _, values in found] == [{"1": "good", "2": "1"}]


def test_lines_of_json(tmp_path):
    path = tmp_path / "a.jsonl"
    found = rows(path, b'{"text": "good", "label": 1}\n\n{"text": "bad", "label": 0}\n')
    assert found[1] == (f"{str(path)!r}, line 3,", {"text": "bad", "label": 0})


def test_a_compressed_file_with_a_byte_order_mark(tmp_path):
    found = rows(tmp_path / "a.csv.gz", gzip.compress(b"\xef\xbb\xbftext,label\ngood,1\n"))
    assert [values for _, values in found] == [{"text": "good", "label": "1"}]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"good\n", r"has the ending '.txt', .* one of .csv, .tsv, .jsonl"),
        ("a.csv", b"", "has no rows; give a file with examples"),
        ("a.csv", b"text,label\n", "has no rows; give a file with examples"),
        ("a.csv", b"text,label\na,b,c\n", "line 2, has 3 values for 2 columns; correct it"),
        ("a.csv", b'text,label\n"a,b\nc,d\n', "line 3, is no CSV .*; correct it"),
        ("a.csv", b"text,text\na,b\n", "two columns of the name 'text'; rename one of them"),
        ("a.csv", b"text,label\na\xff,b\n", "is not UTF-8: line 2 has the byte 0xff"),
        ("a.tsv", b"text\tlabel\na\n", "line 2, has 1 value for 2 columns; correct it"),
        ("a.jsonl", b'{"text": "a"}\n{"text"\n', "line 2, is no JSON .*; correct it"),
        ("a.jsonl", b'["a"]\n', "line 1, is no JSON object; give one such as"),
    ],
)
def test_wrong_files_are_told_with_their_row(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=message):
        rows(tmp_path / name, content)


def test_a_missing_column_is_told_with_those_that_are_there(tmp_path):
    (tmp_path / "a.csv").write_text("sentence,label\ngood,1\n")
    (row,) = read_rows(tmp_path / "a.csv")
    message = "line 2, has no column 'text', only 'sentence', 'label'; name the columns with --text"
    with pytest.raises(ValueError, match=message):
        row.text("text")


@pytest.mark.parametrize("value", ["null", "true", "[1]"])
def test_a_value_that_is_no_text_is_told(tmp_path, value):
    (tmp_path / "a.jsonl").write_text(f'{{"text": {value}}}\n')
    (row,) = read_rows(tmp_path / "a.jsonl")
    with pytest.raises(ValueError, match="in the column 'text'; give a text or a number"):
        row.text("text")


def test_nan_is_neither_a_text_nor_a_number(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text('{"text": NaN}\n')
    (row,) = read_rows(path)
    with pytest.raises(ValueError, match="line 1, has nan in the column 'text'; give a text or a"):
        row.text("text")
