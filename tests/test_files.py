"""Files are written whole or not at all."""

import pytest

from lostproof.errors import BadInput
from lostproof.files import write_whole, writing_into


def test_a_file_is_written_with_its_folders_and_nothing_beside_it(tmp_path):
    path = write_whole(tmp_path / "a" / "b" / "file.txt", "□ one\n")
    assert path.read_text(encoding="utf-8") == "□ one\n"
    assert list(path.parent.iterdir()) == [path]
    write_whole(path, "two\n")
    assert path.read_text(encoding="utf-8") == "two\n"


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(OSError, match="Is a directory"):
        write_whole(tmp_path / "taken", "text")
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_folder_that_takes_no_files_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(BadInput) as told, writing_into(tmp_path / "file" / "races"):
        write_whole(tmp_path / "file" / "races" / "one.txt", "text")
    assert str(told.value) == f"{tmp_path}/file/races: cannot be written to (Not a directory)"
