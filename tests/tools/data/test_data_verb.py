"""`tenonc data`, and the file it writes."""

import numpy as np
import pytest

from tenonc.dialects.errors import TenonError
from tenonc.tools import tenonc
from tenonc.tools.data import DataSet, Split, read, save


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (3, 4, 1, 5, 6)).astype(np.float32) / np.float32(255)
    return DataSet(*(Split(images, rng.integers(0, 10, 4)) for images in pixels))


def test_files_keep_the_images(data, tmp_path):
    for name in ("a", "b"):
        save(data, tmp_path / f"{name}.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    for (_, split), (_, found) in zip(data.splits(), read(tmp_path / "a.npz").splits(), strict=True):
        np.testing.assert_array_equal(found.images, split.images)
        np.testing.assert_array_equal(found.labels, split.labels)
        assert found.images.dtype == np.float32


def test_other_files_are_refused(data, tmp_path):
    path = tmp_path / "x.npz"
    for content in (b"", b"PK\x03\x04", b"\x80\x02cos\nsystem\n"):
        path.write_bytes(content)
        with pytest.raises(TenonError, match="x.npz: not a data set of `tenonc data`"):
            read(path)
    np.savez(path, x=np.zeros(3))
    with pytest.raises(TenonError, match="train_images is not a file in the archive"):
        read(path)
    np.savez(path, train_images=np.zeros((2, 1, 4, 4)), train_labels=np.zeros(2, np.int64))
    with pytest.raises(TenonError, match=r"train has float64 \[2, 1, 4, 4\] and int64 \[2\], expected uint8"):
        read(path)


def test_the_verb(data, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("tenonc.tools.data.glyphs.glyphs", lambda seed: data if seed == 5 else None)
    path = tmp_path / "digits.npz"
    assert tenonc.main(["data", "glyphs", "--seed", "5", "-o", str(path)]) == 0
    assert "train" in capsys.readouterr().out
    np.testing.assert_array_equal(read(path).test.images, data.test.images)
    for arguments, line in (
        (["glyphs", "-o", str(tmp_path / "x.zip")], "expected a name that ends in .npz"),
        (["cifar10", "-o", str(path)], "cifar10 needs --source"),
    ):
        assert tenonc.main(["data", *arguments]) == 2
        assert line in capsys.readouterr().err
    assert tenonc.main(["data", "cifar10", "--source", str(tmp_path), "-o", str(path)]) == 1
    assert "there is no data_batch_1.bin" in capsys.readouterr().err
