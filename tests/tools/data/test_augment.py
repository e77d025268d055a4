"""Images that are moved and mirrored."""

import numpy as np

from tenonc.tools.data.augment import shifted


def test_pictures_are_moved_and_mirrored():
    images = np.random.default_rng(0).random((40, 2, 6, 7)).astype(np.float32)
    made = shifted(images, np.random.default_rng(1))
    padded = np.pad(images, [(0, 0), (0, 0), (4, 4), (4, 4)])
    for index, image in enumerate(made):
        cuts = [padded[index, :, i : i + 6, j : j + 7] for i in range(9) for j in range(9)]
        assert any(np.array_equal(image, cut) or np.array_equal(image, cut[:, :, ::-1]) for cut in cuts)
    assert (made != images).any() and not np.array_equal(made, shifted(images, np.random.default_rng(2)))
