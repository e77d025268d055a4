"""Pruning in rounds: how far it goes, budgets, what failing callables cost, and going on after a stop."""

import json
import re
import time
from types import SimpleNamespace

import numpy as np
import pytest
from xdsl.dialects.builtin import ArrayAttr

from tenonc.compiler import Model, TenonError, UsageError
from tenonc.compiler.pruning import objectives
from tenonc.compiler.pruning.attempts import Settings, Unreachable
from tenonc.compiler.pruning.kept import keep_model, kept_model, model_text
from tenonc.compiler.pruning.methods import METHODS
from tenonc.compiler.pruning.objectives import BUDGETS, Objectives
from tenonc.compiler.pruning.record import LOG, STATE
from tenonc.compiler.pruning.rounds import prune_in_rounds
from tenonc.compiler.pruning.size import size_of
from tenonc.dialects import nn

LOSS = Objectives(max_loss=0.01)


def by_size(least: int):
    """Accuracy that holds down to so many parameters."""
    return lambda model: 0.9 if size_of(model).params >= least else 0.7


@pytest.mark.parametrize("method", ["aap", "ilp", "attention_uniform"])
def test_accuracy_is_the_limit(residual, images, method):
    least = size_of(residual).params // 2
    found = prune_in_rounds(residual, method, LOSS, evaluate=by_size(least), data={"x": images[:4]})
    assert least <= found.best.params < size_of(residual).params
    assert size_of(found.model).params == found.best.params
    assert found.best.params == min(r.params for r in found.rounds if r.kept)
    assert found.best.params < (1.35 if method == "aap" else 1.8) * least
    log = found.model.module.attributes[LOG]
    assert isinstance(log, ArrayAttr) and len(log) == len(found.rounds)
    assert log.data[0].data["decision"].data == "as it was"
    alive = {name: len(channels) for name, channels in found.best.alive.items()}
    convs = {op.location.desc.data: op.shape[1] for op in found.model.main.body.block.ops
             if isinstance(op, nn.ConvOp)}  # fmt: skip
    assert all(alive[name] == convs[name] for name in alive if name in convs)


def test_a_round_takes_no_more_than_a_part(residual):
    """A first step of twice the median score would leave hardly a channel."""
    settings = Settings(rounds=4, first=2.0)
    found = prune_in_rounds(residual, "l1_aap", LOSS, evaluate=lambda model: 0.9, settings=settings)
    sizes = [r.params for r in found.rounds]
    single = max(sizes) // 10  # what one channel takes of this network, at most
    assert len(sizes) == 5
    for before, after in zip(sizes, sizes[1:], strict=False):
        assert 0.7 * before - single <= after <= 0.7 * before


def test_branches_that_nothing_reads_any_more(residual, tmp_path):
    """What they had stays written down, so that the state is read again."""
    wanted, settings = Objectives(max_loss=0.5), Settings(14, residuals="indexed")
    found, again = (
        prune_in_rounds(
            residual, "ilp", wanted, evaluate=lambda model: 0.9, settings=settings, folder=tmp_path
        )
        for _ in range(2)
    )
    assert all(r.alive.keys() == found.rounds[0].alive.keys() for r in found.rounds)
    assert again.removed == found.removed and again.best == found.best


def test_rounds_train_what_the_last_one_left(residual, images):
    """Train sees the smaller model; with early weights, those of the channels that are left."""
    seen: list[int] = []

    def train(model: Model, number: int) -> Model:
        seen.append(size_of(model).params)
        return model

    settings = Settings(rounds=3)
    found = prune_in_rounds(
        residual, "ilp", LOSS, evaluate=lambda model: 0.9, train=train, settings=settings, early=residual
    )
    assert [r.params for r in found.rounds[1:]] == seen and seen == sorted(seen, reverse=True)
    assert found.ended == "3 rounds are done" and [r.base for r in found.rounds] == [0, 0, 1, 2]
    alive = found.rounds[-1].alive
    op = next(op for op in found.model.main.body.block.ops if isinstance(op, nn.ConvOp))
    kept = residual.store.get(residual.values["stem.w"].owner.value)[alive["stem"]]
    assert np.array_equal(_weights(found.model, op), kept)


def _weights(model: Model, op: nn.ConvOp) -> np.ndarray:
    value = op.w.owner.value
    return model.store.get(value) if isinstance(value, nn.WeightAttr) else nn.dense_array(value)


@pytest.mark.parametrize("method", ["aap", "ilp"])
def test_budgets_are_met_from_the_right_side(residual, images, method):
    """Never above, and at most a channel below."""
    whole, rng = size_of(residual), np.random.default_rng(0)
    least = 150
    for budget in rng.integers(least, whole.params, 1).tolist():
        wanted = Objectives(max_params=budget)
        found = prune_in_rounds(residual, method, wanted, evaluate=lambda model: 0.5, data={"x": images[:4]})
        assert size_of(found.model).params <= budget
        assert found.ended == "the budgets are met" and len(found.rounds) == 2
        if method == "aap":
            assert size_of(found.model).params > 0.6 * budget
    wanted = Objectives(max_flops=whole.multiplications // 3, max_params=whole.params // 2)
    trained = prune_in_rounds(
        residual, method, wanted, evaluate=lambda model: 0.5, train=lambda model, number: model,
        data={"x": images[:4]}, settings=Settings(rounds=3),
    )  # fmt: skip
    sizes = [r.multiplications for r in trained.rounds]
    assert len(sizes) == 4 and sizes == sorted(sizes, reverse=True)
    assert all(part <= 1 for part in trained.best.over.values())


def test_branches_of_a_sum_lose_their_own(residual):
    """Round after round, also in a network that gathers already."""
    sizes = {}
    for residuals in ("coupled", "indexed"):
        settings = Settings(rounds=2, residuals=residuals)
        found = prune_in_rounds(residual, "ilp", LOSS, evaluate=lambda model: 0.9, settings=settings)
        sizes[residuals] = [r.params for r in found.rounds]
        assert size_of(found.model).params == sizes[residuals][2]
    assert all(a > b for a, b in zip(sizes["coupled"][1:], sizes["indexed"][1:], strict=True))


def test_bytes_of_the_compiled_model(residual, monkeypatch):
    """Random budgets: not a byte more, at levels of a coarse grid."""
    monkeypatch.setattr("tenonc.compiler.pruning.step.RATES_TRIED", 5)
    whole = BUDGETS["max_bytes"](residual, "host")
    for part in (0.8, *np.random.default_rng(0).uniform(0.5, 1, 2)):
        budget = int(part * whole)
        found = prune_in_rounds(residual, "ilp", Objectives(max_bytes=budget), evaluate=lambda model: 0.5)
        assert BUDGETS["max_bytes"](found.model, "host") <= budget
        assert size_of(found.model).params < size_of(residual).params


def test_where_time_counts_whole_registers_stay(residual, monkeypatch):
    """Unless then nothing fits. Layers are weighed by their multiplications."""
    wanted = Objectives(max_latency=0.9, target="x86-64-v3")
    assert wanted.grain == 8 and Objectives(max_params=9).grain == 1
    assert wanted.suited(METHODS["aap"]).share == "flops"
    assert Objectives(max_loss=0.1, max_flops=9).suited(METHODS["aap"]).share == "flops"
    assert Objectives(max_params=9, max_flops=9).suited(METHODS["aap"]).share == "params"
    assert Objectives(max_loss=0.1).suited(METHODS["aap"]).share == "params"
    whole = size_of(residual).params

    def left(part: float, measure) -> set[int]:
        monkeypatch.setitem(BUDGETS, "max_latency", lambda model, target: measure(model))
        wanted = Objectives(max_latency=part, target="x86-64-v3")
        found = prune_in_rounds(residual, "l1_aap", wanted, evaluate=lambda model: 0.5)
        assert measure(found.model) <= part
        return {len(channels) for channels in found.best.alive.values()}

    def registers(model: Model) -> int:
        convs = [op for op in model.main.body.block.ops if isinstance(op, nn.ConvOp)]
        return sum(-(-op.shape[1] // 8) for op in convs)

    assert registers(residual) == 4 and left(3.5, registers) == {8}
    assert 10 in left(0.9, lambda model: size_of(model).params / whole)
    assert left(0.3, lambda model: size_of(model).params / whole) != {8}


def test_a_latency_that_wavers_is_met_all_the_same(residual, monkeypatch):
    """Measured again after a round it may be a few percent more: then another round follows."""
    whole, number = size_of(residual).params, 0

    def wavering(model: Model, target: str) -> float:
        nonlocal number
        number += 1
        return size_of(model).params / whole * (1.04 if number % 3 == 0 else 0.99)

    monkeypatch.setitem(BUDGETS, "max_latency", wavering)
    found = prune_in_rounds(residual, "l1_aap", Objectives(max_latency=0.5), evaluate=lambda model: 0.5)
    assert found.best.over["max_latency"] <= 1 and 0.25 * whole < found.best.params < 0.51 * whole


def test_a_wrong_measurement_misleads_no_search(residual, monkeypatch):
    """Whichever single one says half as much again."""
    whole, number, wrong = size_of(residual).params, 0, 0

    def measured(model: Model, target: str) -> float:
        nonlocal number
        number += 1
        return size_of(model).params / whole * (1.5 if number == wrong else 1)

    monkeypatch.setitem(BUDGETS, "max_latency", measured)
    wanted = Objectives(max_latency=0.5, target="x86-64-v3")
    found: list[int] = []
    while number >= wrong:  # at first none is wrong, then each in turn but for that of the whole model
        number, wrong = 0, wrong + (1 if wrong else 2 * len(found))
        run = prune_in_rounds(residual, "l1_aap", wanted, evaluate=lambda model: 0.5)
        found.append(run.best.params)
    assert len(found) > 8 and len(set(found)) == 1 and 0.4 * whole < found[0] <= 0.5 * whole


def test_a_latency_is_that_of_the_undisturbed_model(monkeypatch):
    """Most of its stretches are disturbed; or all, for a while in which everything is slow."""
    port = SimpleNamespace(shape=(2,), dtype=np.dtype(np.float32))
    calls, begin, busy = 0, 0, False

    def run(x: np.ndarray) -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.004 if busy else 0.002 if calls % 7 else 0.0005)

    class Pace:
        least = 1.0

        def measured(self) -> float:
            nonlocal busy
            busy = calls < begin + 20
            return 2.0 if busy else 1.1

    monkeypatch.setattr(objectives, "SECONDS", 0.0001)
    monkeypatch.setattr(objectives, "APART", 0.0)
    run.inputs = [port]
    assert 0.0005 <= objectives.latency(run) < 0.0015  # pyright: ignore
    monkeypatch.setattr(objectives, "Pace", Pace)
    begin, busy = calls, True
    assert 0.0005 <= objectives.latency(run) < 0.0015  # pyright: ignore
    assert calls > begin + 20
    monkeypatch.setattr(objectives, "WAITING", 0.05)
    monkeypatch.setattr(Pace, "measured", lambda self: 2.0)
    assert objectives.latency(run) < 0.01  # pyright: ignore


def test_what_cannot_be_met_says_how_close(residual, images):
    with pytest.raises(
        Unreachable,
        match=r"^max_params is 10, but a model with one channel in each of 2 groups, the least .*, has 67$",
    ) as raised:
        prune_in_rounds(residual, "aap", Objectives(max_params=10), evaluate=lambda m: 1, data={"x": images})
    assert raised.value.status == 3
    both = Objectives(max_loss=0.01, max_params=size_of(residual).params // 3)
    with pytest.raises(
        Unreachable, match=r"the closest that lost little enough is round \d+ with \d+, accur"
    ):
        prune_in_rounds(residual, "ilp", both, evaluate=by_size(size_of(residual).params // 2))
    met = prune_in_rounds(residual, "ilp", both, evaluate=lambda model: 1.0)
    assert met.ended == "the budgets are met" and met.best.params <= size_of(residual).params // 3


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (lambda model: 1 / 0, "evaluate failed: ZeroDivisionError: division by zero"),
        (lambda model: float("nan"), "evaluate returned nan, expected a number from 0 to 1"),
        (lambda model: 95.0, "evaluate returned 95.0, expected a number from 0 to 1"),
        (lambda model: "good", "evaluate returned str, expected a number"),
        (lambda model: time.sleep(30), "evaluate took more than 0.3 s"),
    ],
)
def test_failing_callables_keep_the_best_round(residual, bad, reason):
    calls = 0

    def evaluate(model: Model) -> float:
        nonlocal calls
        calls += 1
        return 0.9 if calls <= 2 else bad(model)

    found = prune_in_rounds(
        residual,
        "ilp",
        LOSS,
        evaluate=evaluate,
        settings=Settings(time_limit=0.3 if "took" in reason else None),
    )
    assert found.best.number == 1
    assert found.ended == f"3 rounds in a row failed, the last: {reason}"
    assert [r.accuracy for r in found.rounds] == [0.9, 0.9, None, None, None]
    with pytest.raises(TenonError, match="^the model as it is cannot be judged: evaluate"):
        prune_in_rounds(residual, "ilp", LOSS, evaluate=bad, settings=Settings(time_limit=0.3))


def test_training_that_returns_another_model(residual):
    found = prune_in_rounds(
        residual, "ilp", LOSS, evaluate=lambda model: 0.9, train=lambda model, number: None  # pyright: ignore
    )  # fmt: skip
    assert found.best.number == 0
    assert found.rounds[-1].decision == "train returned NoneType, expected a Model"


def test_training_that_returns_the_model_as_it_was(residual):
    """Its size is not that of the round."""
    found = prune_in_rounds(
        residual, "ilp", LOSS, evaluate=lambda model: 0.9, train=lambda model, number: residual
    )  # fmt: skip
    assert found.best.number == 0
    assert found.rounds[1].decision.startswith("train returned a model of 2,101 parameters")
    assert found.rounds[1].decision.endswith(" that it was given")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"accuracy": "x"}, "is no state of pruning in rounds: accuracy of round 1 is 'x'"),
        ({"params": "many"}, "params of round 1 is 'many'"),
        ({"level": None}, "level of round 1 is None"),
        ({"decision": 5}, "decision of round 1 is 5"),
        ({"model": True}, "model of round 1 is True"),
        ({"over": [3]}, "over of round 1 is [3]"),
        ({"over": {"max_params": "a"}}, "over of round 1 is {'max_params': 'a'}"),
        ({"alive": {"stem": []}}, "alive of round 1 is no table of groups and their ascending channels"),
        ({"accuracy": 95.0}, "accuracy of round 1 is 95.0"),
        ({"base": 7}, "round 1 has number 1, base 7, model 1"),
        ({"model": 7}, "round 1 has number 1, base 0, model 7"),
        ({"alive": {"nope": [1]}}, "round 1 has channels that round 0 has not"),
        ({"params": 7}, "parameters, expected the 7 of its round"),
    ],
)
def test_a_folder_that_no_run_has_written(residual, tmp_path, changes, text):
    def run(rounds: int):
        few = Settings(rounds=rounds)
        prune_in_rounds(residual, "ilp", LOSS, evaluate=lambda m: 0.9, folder=tmp_path, settings=few)

    run(1)
    state = json.loads((tmp_path / STATE).read_text())
    state["rounds"][1] |= changes
    (tmp_path / STATE).write_text(json.dumps(state))
    with pytest.raises(TenonError, match=re.escape(text)):
        run(2)


def test_it_goes_on_after_a_stop(residual, images, tmp_path):
    least, data = size_of(residual).params // 2, {"x": images[:4]}

    def stop(found) -> None:
        if found.number == 3:
            raise KeyboardInterrupt

    few = Settings(rounds=4)
    whole = prune_in_rounds(residual, "aap", LOSS, evaluate=by_size(least), data=data, settings=few)
    with pytest.raises(KeyboardInterrupt):
        prune_in_rounds(
            residual, "aap", LOSS, evaluate=by_size(least), data=data, settings=few, folder=tmp_path,
            on_round=stop,
        )  # fmt: skip
    evaluated = 0

    def evaluate(model: Model) -> float:
        nonlocal evaluated
        evaluated += 1
        return by_size(least)(model)

    again = prune_in_rounds(
        residual, "aap", LOSS, evaluate=evaluate, data=data, settings=few, folder=tmp_path
    )
    facts = [[(r.base, r.level, r.params, r.decision, r.alive) for r in o.rounds] for o in (whole, again)]
    assert facts[0] == facts[1] and again.best.number == whole.best.number
    assert evaluated <= len(whole.rounds) - 4
    texts = {model_text(o.model) for o in (whole, again)}
    assert len(texts) == 1 and dict(whole.model.store).keys() == dict(again.model.store).keys()


def test_models_are_kept(residual, images, tmp_path, worst):
    from tenonc.compiler import compile

    keep_model(tmp_path, "m", residual)
    found = kept_model(tmp_path, "m", residual)
    assert str(found.module) == str(residual.module)
    assert worst(compile(found)(images[:2])[0], compile(residual)(images[:2])[0]) == 0
    (tmp_path / "m.mlir").write_text("builtin.module { nonsense }")
    with pytest.raises(TenonError, match=r"m\.mlir: cannot be read: "):
        kept_model(tmp_path, "m", residual)


def test_folders_of_something_else(residual, images, tmp_path):
    few = Settings(rounds=1)
    prune_in_rounds(residual, "ilp", LOSS, evaluate=lambda m: 1, folder=tmp_path, settings=few)
    with pytest.raises(
        TenonError, match=r"rounds.json: its method is ilp, here it is l1_aap; go on with wha"
    ):
        prune_in_rounds(residual, "l1_aap", LOSS, evaluate=lambda m: 1, folder=tmp_path, settings=few)
    other = Objectives(max_loss=0.02)
    with pytest.raises(TenonError, match=r"its max_loss is 0\.01, here it is 0\.02; go on"):
        prune_in_rounds(residual, "ilp", other, evaluate=lambda m: 1, folder=tmp_path, settings=few)
    found = prune_in_rounds(residual, "ilp", LOSS, evaluate=lambda m: 1, settings=few).model
    with pytest.raises(TenonError, match="its model is [0-9a-f]{12}..., here it is [0-9a-f]{12}..."):
        prune_in_rounds(found, "ilp", LOSS, evaluate=lambda m: 1, folder=tmp_path, settings=few)
    state = json.loads((tmp_path / STATE).read_text())
    state["rounds"][0]["accuracy"] = None
    (tmp_path / STATE).write_text(json.dumps(state))
    with pytest.raises(TenonError, match="is no state of pruning in rounds: round 0 has no accuracy"):
        prune_in_rounds(residual, "ilp", LOSS, evaluate=lambda m: 1, folder=tmp_path, settings=few)
    (tmp_path / STATE).write_text('{"format": "x"}')
    with pytest.raises(TenonError, match="is no state of pruning in rounds: format is 'x'"):
        prune_in_rounds(residual, "ilp", LOSS, evaluate=lambda m: 1, folder=tmp_path, settings=few)


def test_bad_wishes(residual):
    with pytest.raises(UsageError, match="time_limit is nan, expected seconds above 0"):
        Settings(time_limit=float("nan"))
    with pytest.raises(UsageError, match="method is 'magic', expected one of ilp, iap, aiap, aap"):
        prune_in_rounds(residual, "magic", LOSS, evaluate=lambda model: 1)
    for wish, text in (
        ({}, "nothing is asked for, expected one of max_params, max_flops"),
        ({"max_loss": 1.0}, "max_loss is 1.0, expected a part of 1"),
        ({"max_params": 0}, "max_params is 0, expected a number above 0"),
        ({"max_latency": float("nan")}, "max_latency is nan, expected a number above 0"),
    ):
        with pytest.raises(UsageError, match=text):
            Objectives(**wish)
