"""CIFAR-10's formats on small files, and files that mean harm."""

import struct
import tarfile

import numpy as np
import pytest

from tenonc.dialects.errors import TenonError
from tenonc.tools.data.cifar import BATCHES, TEST, cifar10

RNG = np.random.default_rng(1)


@pytest.fixture(scope="module")
def parts():
    """Batch -> pixels [4, 3072] and labels."""
    return {
        name: (RNG.integers(0, 256, (4, 3072), np.uint8), RNG.integers(0, 10, 4)) for name in (*BATCHES, TEST)
    }


def binary(pixels, labels):
    return np.concatenate([labels[:, None].astype(np.uint8), pixels], axis=1).tobytes()


def text(value):
    return b"U" + bytes([len(value)]) + value


def array(pixels, dtype=b"u1", shape=None):
    """What Python 2's cPickle writes for an array of bytes, protocol 2."""
    rows, columns = shape or pixels.shape
    size = b"K%c" % rows + b"M" + struct.pack("<H", columns) + b"\x86"
    kind = b"cnumpy\ndtype\n" + text(dtype) + b"K\x00K\x01\x87R(K\x03" + text(b"|") + b"NNN"
    kind += b"J\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    content = b"T" + struct.pack("<i", pixels.size) + pixels.tobytes()
    made = b"cnumpy.core.multiarray\n_reconstruct\nq\x01cnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
    return made + b"(K\x01" + size + kind + b"\x89" + content + b"tb"


def pickled(pixels, labels, **changes):
    listed = b"](" + b"".join(b"K%c" % int(label) for label in labels) + b"e"
    entries = text(b"batch_label") + text(b"a batch") + text(b"labels") + listed
    return b"\x80\x02}(" + entries + text(b"data") + array(pixels, **changes) + b"u."


FORMATS = {".bin": binary, "": pickled}


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("archived", [False, True])
def test_published_formats(parts, suffix, archived, tmp_path):
    for name, part in parts.items():
        (tmp_path / (name + suffix)).write_bytes(FORMATS[suffix](*part))
    source = tmp_path
    if archived:
        source = tmp_path / "cifar-10.tar.gz"
        with tarfile.open(source, "w:gz") as file:
            for name in parts:
                file.add(tmp_path / (name + suffix), f"cifar-10-batches/{name}{suffix}")
    data = cifar10(source)
    pixels, labels = (np.concatenate(arrays) for arrays in zip(*(parts[name] for name in BATCHES)))
    found = np.concatenate([data.train.images, data.control.images])
    np.testing.assert_array_equal(np.round(found * 255).reshape(20, -1), pixels)
    np.testing.assert_array_equal(np.concatenate([data.train.labels, data.control.labels]), labels)
    assert data.train.images.shape == (10, 3, 32, 32) and data.train.images.dtype == np.float32
    np.testing.assert_array_equal(data.test.labels, parts[TEST][1])


PIXELS, LABELS = np.zeros((2, 3072), np.uint8), np.array([3, 9])
GOOD = pickled(PIXELS, LABELS)

BAD = {
    "binary": (".bin", b"\0" * 3072, "3072 bytes are no records of 3073"),
    "label": (".bin", binary(PIXELS, np.array([3, 10])), "label 10 is not below 10"),
    "system": ("", b"\x80\x02cposix\nsystem\nU\x04true\x85R.", "it names posix.system"),
    "protocol 0": ("", b"cos\nsystem\n(S'true'\ntR.", "instruction STRING at byte"),
    "extension": ("", b"\x80\x02\x82\x01.", "instruction EXT1 at byte 2"),
    "memo": ("", b"\x80\x02}r\xff\xff\xff\x7f.", "value 2147483647 is kept at byte 3, 3 instructions in"),
    "cut": ("", GOOD[:-20], "expected 6144 bytes in a string4, but only 6128 remain"),
    "empty": ("", b"", "pickle exhausted"),
    "no dict": ("", b"\x80\x02K\x01.", "'int' object is not subscriptable"),
    "no images": ("", b"\x80\x02}.", "b'data'"),
    "objects": ("", pickled(PIXELS, LABELS, dtype=b"O8"), "the images are no array of bytes"),
    "shape": ("", pickled(PIXELS, LABELS, shape=(3, 3072)), "6144 bytes of images, expected 3 times 3072"),
    "class": ("", pickled(PIXELS, np.array([3, 10])), "labels are no numbers of classes"),
    "count": ("", pickled(PIXELS, np.array([3])), r"images \[2, 3072\] and 1 labels"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files(case, tmp_path):
    suffix, data, message = BAD[case]
    (tmp_path / f"data_batch_1{suffix}").write_bytes(data)
    with pytest.raises(TenonError, match=f"data_batch_1{suffix}: .*{message}"):
        cifar10(tmp_path)


def test_missing_files(tmp_path):
    with pytest.raises(TenonError, match=r"there is no data_batch_1.bin and no data_batch_1$"):
        cifar10(tmp_path)
    (tmp_path / "x.tar.gz").write_bytes(b"no archive")
    with pytest.raises(TenonError, match="x.tar.gz: not a readable archive: "):
        cifar10(tmp_path / "x.tar.gz")
