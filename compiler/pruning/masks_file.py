"""Which channels leave, as a file: made for one model, refused for another."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from operator import index
from pathlib import Path

from xdsl.dialects.builtin import ModuleOp

from ...dialects import prune
from ...dialects.errors import TenonError

FORMAT = "tenonc masks 1"

MAX_BYTES = 64 * 2**20

Removed = Mapping[str, Sequence[int]]
"""Group -> channels, ascending."""


def digest_of(module: ModuleOp) -> str:
    """Of a module without groups: its text names weights by their content."""
    return sha256(str(module).encode()).hexdigest()


def masks_text(digest: str, removed: Removed) -> str:
    """The content of a mask file."""
    content = {"format": FORMAT, "model": digest, "removed": {k: list(v) for k, v in removed.items()}}
    return json.dumps(content, indent=1) + "\n"


def read_masks(path: Path, digest: str) -> dict[str, list[int]]:
    """The channels that a mask file removes. Raises TenonError where it was made for another model, or is no
    mask file."""
    try:
        with path.open("rb") as file:  # a device has no size, but content without end
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise TenonError(f"{path}: more than {MAX_BYTES} bytes, expected a mask file")
        content = json.loads(text)
    except FileNotFoundError:
        raise TenonError(f"{path}: no such file") from None
    except (OSError, ValueError, RecursionError) as error:
        raise TenonError(f"{path}: cannot be read as a mask file: {str(error).splitlines()[0]}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise TenonError(f'{path}: is no mask file, expected "format": "{FORMAT}"')
    if content.get("model") != digest:
        found = str(content.get("model"))[:12]
        raise TenonError(f"{path}: was made for a model of digest {found}, this one has {digest[:12]}")
    removed = content.get("removed")
    if not isinstance(removed, dict) or not all(is_channels(channels) for channels in removed.values()):
        raise TenonError(f'{path}: "removed" is no table of groups and their ascending channels')
    return removed


def is_channels(found: object) -> bool:
    """Whether it is a list of ascending whole numbers."""
    if not isinstance(found, list) or not all(type(channel) is int for channel in found):
        return False
    return found == sorted(set(found))


def set_removed(module: ModuleOp, removed: Removed) -> None:
    """Tells the groups of a module what they lose. Raises TenonError for what no group can."""
    groups = {group.label: group for group in prune.groups(module)}
    if not isinstance(removed, Mapping):
        raise TenonError(
            f"masks are a {type(removed).__name__}, expected a table of groups and their channels"
        )
    leaving = {name: _whole_numbers(name, channels) for name, channels in removed.items()}
    for name, channels in leaving.items():
        if name not in groups:
            raise TenonError(f"masks: there is no group '{name}' in the model")
        group = groups[name]
        if group.pinned is not None and channels:
            raise TenonError(f"masks: group '{name}' cannot shrink: {group.pinned.data}")
        outside = [channel for channel in channels if not 0 <= channel < group.channels]
        if outside:
            raise TenonError(f"masks: channel {outside[0]} of group '{name}', which has {group.channels}")
        if len(channels) == group.channels:
            raise TenonError(f"masks: all {len(channels)} channels of group '{name}' leave, one has to stay")
    for group in groups.values():
        if group.pinned is None:
            group.remove(leaving.get(group.label, []))


def _whole_numbers(name: str, channels: Sequence[int]) -> list[int]:
    """The channels in order, each once."""
    try:
        return sorted({index(channel) for channel in channels})
    except TypeError:
        raise TenonError(f"masks: group '{name}' loses {channels!r}, expected numbers of channels") from None
