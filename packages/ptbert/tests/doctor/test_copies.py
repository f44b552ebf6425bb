"""Copies of the library under other names are the library."""

import pytest

from ptbert.__main__ import main
from ptbert.commands.run import check_copy
from ptbert.doctor.diagnosis import diagnosis_of
from ptbert.doctor.reach import imported_by

COPY = """
class BertConfig: pass
class BertModel: pass
class BertEncoder: pass
class BertForMaskedLM: pass
"""


def write_copy(folder, more=""):
    (folder / "my_bert").mkdir()
    (folder / "my_bert" / "__init__.py").touch()
    (folder / "my_bert" / "modeling.py").write_text(COPY + more)
    (folder / "train.py").write_text(
        "from my_bert.modeling import BertModel\nscores = BertModel(config)(ids).logits\n"
        "print(scores)"
    )


@pytest.mark.parametrize("path", [".", "train.py"])
def test_a_copy_of_another_name_is_the_library(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    write_copy(tmp_path)
    found = diagnosis_of(path)
    (copy,) = found.copies
    assert (copy.name, copy.modules, copy.own) == ("my_bert", ("modeling",), ())
    assert found.using == ["train.py"]
    assert found.commands == ["ptbert run --as my_bert train.py"]
    (finding,) = found.findings
    assert ".logits" in finding.what


def test_a_changed_copy_is_told(tmp_path, capsys):
    write_copy(tmp_path, "class BertForRelations: pass\n")
    main(["doctor", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "changed: it adds BertForRelations\n" in printed
    assert "ptbert cannot take the place of my_bert" in printed
    assert "--as" not in printed
    assert f"\npython {tmp_path / 'train.py'}\n" in printed


def test_what_a_changed_copy_adds_is_there(tmp_path):
    write_copy(tmp_path, "class BertForRelations: pass\n")
    (tmp_path / "train.py").write_text(
        "from my_bert.modeling import BertForRelations, BertForAll\nprint(BertForRelations)"
    )

    found = diagnosis_of(tmp_path / "train.py")
    assert [each.what for each in found.findings] == [
        "no release of 2019 has BertForAll in pytorch_pretrained_bert.modeling"
    ]


@pytest.mark.parametrize("path", [".", "project"])
def test_a_program_of_a_package_is_run_as_a_module(tmp_path, monkeypatch, path):
    (tmp_path / path / "pack").mkdir(parents=True)
    (tmp_path / path / "pack" / "train.py").write_text(
        "from .parts import loss\nfrom pytorch_pretrained_bert import BertModel\n"
        "if __name__ == '__main__':\n    print(loss, BertModel)\n"
    )
    monkeypatch.chdir(tmp_path)

    (command,) = diagnosis_of(path).commands
    assert command == ("" if path == "." else f"cd {path} && ") + "ptbert run -m pack.train"


def test_the_code_of_the_authors_is_no_copy(tmp_path):
    write_copy(tmp_path)
    path = tmp_path / "my_bert" / "modeling.py"
    path.write_text("import tensorflow as tf\n" + path.read_text())
    assert diagnosis_of(tmp_path).copies == []


def test_two_copies_are_both_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_copy(tmp_path)
    (tmp_path / "my_bert").rename(tmp_path / "first")
    write_copy(tmp_path)
    (tmp_path / "train.py").write_text(
        "from first.modeling import BertModel\nfrom my_bert.modeling import BertConfig\n"
    )
    assert diagnosis_of("train.py").commands == ["ptbert run --as first --as my_bert train.py"]


# A file that the library had from elsewhere, as other projects had, says nothing about a folder.
FILE_UTILS = "".join(f"def {name}(): pass\n" for name in ("cached_path", "http_get", "s3_get"))
FILE_UTILS += "def get_from_cache(): pass\ndef url_to_filename(): pass\n"


def test_a_library_with_file_utils_is_no_copy(tmp_path):
    (tmp_path / "toolkit").mkdir()
    for name, text in {
        "__init__": "",
        "file_utils": FILE_UTILS,
        "data": "class Data: pass",
    }.items():
        (tmp_path / "toolkit" / f"{name}.py").write_text(text)
    (tmp_path / "train.py").write_text(
        "import toolkit\nfrom toolkit.data import Data\nfrom toolkit.file_utils import cached_path"
    )
    found = diagnosis_of(tmp_path)
    assert (found.copies, found.using, found.findings) == ([], [], [])


def test_other_modules_of_a_folder_with_copied_modules_are_its_own(tmp_path, capsys):
    write_copy(tmp_path)
    (tmp_path / "my_bert" / "data.py").write_text("import numpy as np\nx = np.int")
    (tmp_path / "train.py").write_text(
        "import my_bert\nfrom my_bert import data, helpers\nfrom my_bert.data import Data\n"
        "from my_bert.modeling import BertModel, BertModle\n"
    )
    main(["doctor", str(tmp_path)])
    found = diagnosis_of(tmp_path)
    assert sorted(each.what for each in found.findings) == [
        "no release of 2019 has BertModle in pytorch_pretrained_bert.modeling",
        "np.int is gone",
    ]
    assert "programs also need data of my_bert, which ptbert does not" in capsys.readouterr().out


def test_a_copied_module_beside_a_program_is_the_library(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "modeling.py").write_text(COPY)
    (tmp_path / "train.py").write_text(
        "from modeling import BertModel\nimport other\nprint(BertModel(config)(ids).logits)"
    )
    found = diagnosis_of(".")
    (finding,) = found.findings
    assert ".logits" in finding.what
    assert found.commands == ["python train.py"]


def test_imports_with_dots_name_modules_too(tmp_path):
    write_copy(tmp_path)
    (tmp_path / "my_bert" / "data.py").write_text("")
    (tmp_path / "train.py").write_text("import my_bert.modeling\nimport my_bert.data\nimport sub.a")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.py").write_text("import other.modeling")
    found = imported_by(tmp_path / "train.py", tmp_path)
    assert {"my_bert.data", "sub.a", "other.modeling"} <= found
    with pytest.raises(ValueError, match="programs also need data of my_bert"):
        check_copy("my_bert", str(tmp_path), found)
