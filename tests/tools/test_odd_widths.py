"""The benchmark model with odd widths."""

import pytest


def test_every_width_of_the_cut_network_is_odd():
    torch = pytest.importorskip("torch")
    from tenonc.tools.models.residual import odd_resnet

    def widths() -> list[int]:
        with torch.device("meta"):  # nothing is drawn
            net = odd_resnet((3, 4, 6, 3))
        return [m.out_channels for m in net.modules() if isinstance(m, torch.nn.Conv2d)]

    found = widths()
    assert len(found) == 53 and all(width % 2 for width in found)
    assert max(found) < 2048 and 64 * 7 // 8 <= min(found) < 64 and len(set(found)) > 20
    assert widths() == found
