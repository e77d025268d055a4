"""What rounds of pruning did: a record each, in a folder that a later run goes on from."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from xdsl.dialects.builtin import ArrayAttr, DictionaryAttr, FloatAttr, IntegerAttr, StringAttr, f64, i64
from xdsl.ir import Attribute

from ...dialects.errors import TenonError
from ..atomic import write_files
from ..model import Model
from .kept import keep_model, kept_model
from .masks_file import is_channels
from .size import size_of

STATE = "rounds.json"
FORMAT = "tenonc rounds 1"
LOG = "prune.rounds"
"""The module attribute that says how a model came about."""


@dataclass(frozen=True)
class Round:
    """Round 0 is the model as it was. Another began with the model of round `base` and took what was worth no
    more than `level`; `alive` are the original channels left in each group, `accuracy` what was evaluated,
    None where training or evaluation failed; `kept`: whether it lost little enough; `over`: the part of each
    budget that it takes; `model`: the round that holds its weights."""

    number: int
    base: int
    level: float
    params: int
    multiplications: int
    accuracy: float | None
    kept: bool
    decision: str
    seconds: float
    model: int
    over: Mapping[str, float] = field(default_factory=dict)
    alive: Mapping[str, list[int]] = field(default_factory=dict)


class Records:
    """The rounds so far and their models, in memory and, where there is one, in `folder`."""

    def __init__(self, folder: Path | None, made_of: Mapping[str, Any], dense: Model):
        self.folder, self.made_of, self.dense = folder, dict(made_of), dense
        self.rounds: list[Round] = []
        self.unit: float | None = None
        self._models: dict[int, Model] = {0: dense}
        if folder is not None and (folder / STATE).exists():
            self._read(folder / STATE)

    def add(self, found: Round, model: Model | None) -> None:
        """A finished round, and the model that it made, if it is to be kept."""
        if model is not None:
            self._models[found.number] = model
            if self.folder is not None:
                keep_model(self.folder, f"round-{found.number}", model)
        self.rounds.append(found)
        if self.folder is not None:
            text = json.dumps(self._state(), indent=1) + "\n"
            write_files(self.folder, {STATE: partial(_write, text)})

    def model(self, found: Round) -> Model:
        """The model of a round that was kept."""
        if found.model not in self._models:
            assert self.folder is not None
            model = kept_model(self.folder, f"round-{found.model}", self.dense)
            if size_of(model).params != found.params:
                text = f"{size_of(model).params:,} parameters, expected the {found.params:,} of its round"
                raise TenonError(f"{self.folder / f'round-{found.model}.mlir'}: has {text}")
            self._models[found.model] = model
        return self._models[found.model]

    def _state(self) -> dict[str, Any]:
        rounds = [asdict(found) for found in self.rounds]
        return {"format": FORMAT, "of": self.made_of, "unit": self.unit, "rounds": rounds}

    def _read(self, path: Path) -> None:
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            if state["format"] != FORMAT:
                raise ValueError(f"format is {state['format']!r}")
            of, self.unit = dict(state["of"]), state["unit"]
            self.rounds = [Round(**found) for found in state["rounds"]]
            _check(self.rounds, self.unit)
        except (OSError, ValueError, KeyError, TypeError, RecursionError, AttributeError) as error:
            raise TenonError(f"{path}: is no state of pruning in rounds: {error}") from None
        found = _leaves(of)
        for key, value in _leaves(self.made_of).items():
            if found.get(key) != value:
                text = f"{path}: its {key} is {_short(found.get(key))}, here it is {_short(value)}"
                raise TenonError(f"{text}; go on with what began there, or give another folder")


def _leaves(of: Mapping[str, Any]) -> dict[str, Any]:
    """What a run is made of, one by one."""
    found: dict[str, Any] = {}
    for key, value in of.items():
        found |= value if isinstance(value, dict) else {key: value}
    return found


_NUMBER = (int, float)

_TYPES: dict[str, tuple[type, ...]] = dict.fromkeys(("number", "base", "model"), (int,))
_TYPES |= dict.fromkeys(("params", "multiplications"), (int,)) | dict.fromkeys(("level", "seconds"), _NUMBER)
_TYPES |= {"accuracy": (*_NUMBER, type(None)), "kept": (bool,), "decision": (str,)}
_TYPES |= {"over": (dict,), "alive": (dict,)}
"""Field of a round -> what its value may be."""


def _check(rounds: Sequence[Round], unit: Any) -> None:
    """Raises for what no run can have written."""
    if rounds and not (isinstance(unit, float) and 0 < unit < math.inf):
        raise ValueError(f"unit is {unit!r}")
    if rounds and rounds[0].accuracy is None:
        raise ValueError("round 0 has no accuracy")
    for number, found in enumerate(rounds):
        for name, types in _TYPES.items():
            if type(getattr(found, name)) not in types:
                raise ValueError(f"{name} of round {number} is {_short(repr(getattr(found, name)))}")
        if any(type(part) not in _NUMBER for part in found.over.values()):
            raise ValueError(f"over of round {number} is {_short(found.over)}")
        if not all(is_channels(channels) and channels for channels in found.alive.values()):
            raise ValueError(f"alive of round {number} is no table of groups and their ascending channels")
        before = range(max(1, number))
        if found.number != number or found.base not in before or found.model not in (number, *before):
            raise ValueError(
                f"round {number} has number {found.number}, base {found.base}, model {found.model}"
            )
        if found.accuracy is not None and not 0 <= found.accuracy <= 1:
            raise ValueError(f"accuracy of round {number} is {found.accuracy!r}")
        first = rounds[0].alive
        if found.alive.keys() != first.keys() or any(set(found.alive[n]) - set(first[n]) for n in first):
            raise ValueError(f"round {number} has channels that round 0 has not")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:12]}..."


def _write(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")


def log_rounds(model: Model, rounds: Sequence[Round]) -> None:
    """Writes how it came about into the model."""
    model.module.attributes[LOG] = ArrayAttr([_entry(found) for found in rounds])


def _entry(found: Round) -> DictionaryAttr:
    entry: dict[str, Attribute] = {
        "round": IntegerAttr(found.number, i64),
        "base": IntegerAttr(found.base, i64),
        "level": FloatAttr(found.level, f64),
        "params": IntegerAttr(found.params, i64),
        "decision": StringAttr(found.decision),
    }
    if found.accuracy is not None:
        entry["accuracy"] = FloatAttr(found.accuracy, f64)
    return DictionaryAttr(entry)
