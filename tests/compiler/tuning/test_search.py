"""The search with scripted times: the best is kept, failures are skipped, it goes on where it stopped."""

from pathlib import Path

import pytest

from tenonc.compiler.cache.settings import Settings
from tenonc.compiler.options import CompileOptions
from tenonc.compiler.tuning import search, work
from tenonc.compiler.tuning.kept import Kept, TunedSchedules
from tenonc.compiler.tuning.search import Search
from tenonc.compiler.tuning.work import Built
from tenonc.compiler.tuning.workers import DIED
from tenonc.dialects import tensorized
from tenonc.targets.record import host


class Script:
    """Stands for the processes: a build is its schedule, `times` says how long a schedule takes."""

    def __init__(self):
        self.times: dict[str | None, float] = {}
        self.fails: dict[str, str] = {}
        self.deviations: dict[str, float] = {}
        self.order: list[str] = []
        self.stop_after: int | None = None

    def __call__(self, executor):
        return self

    def start(self) -> None: ...

    def close(self) -> None: ...

    def build(self, function, items):
        assert function is work.build
        return [self.fails.get(w.schedule) or self._built(w.schedule) for w in items]

    def _built(self, schedule: str | None) -> Built:
        return Built(str(schedule).encode(), host(), 0, 0, (), ())

    def measure(self, function, *arguments):
        if function is work.deviation:
            return self.deviations.get(arguments[1].schedule, 0.0)
        assert function is work.side_by_side
        names = [built.code.decode() for built in arguments[:2]]
        self.order.append(names[1])
        if self.stop_after is not None and len(self.order) > self.stop_after:
            raise KeyboardInterrupt
        if self.fails.get(names[1]) == DIED:
            return DIED
        return tuple(self.times.get(None if n == "None" else n, 1.0) for n in names)


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    made = Script()
    monkeypatch.setattr(search, "Workers", made)
    monkeypatch.setattr(search, "_bound", lambda built: 1e-5)
    return made


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "cache")


def searching(module, settings: Settings, **shares: float) -> Search:
    return Search(module, CompileOptions("x86-64-v3"), Kept(settings), shares, 1 << 20)


def quiet(_: str) -> None: ...


def state(found: Search, name: str):
    (one,) = [t for t in found.results() if t.kernel == name]
    return one


def schedules(module, settings: Settings, name: str = "block1_norm1") -> list[str]:
    (task,) = [t for t in searching(module, settings)._tasks if t.name == name]
    found = dict.fromkeys(c.schedule for c in task.space.candidates(None) if c.schedule != task.space.ruled)
    return list(found)


def test_the_best_is_kept(lone, script, settings):
    tried = schedules(lone, settings)
    script.times = {tried[2]: 0.9, tried[5]: 0.7, tried[9]: 0.8, tried[12]: 0.69}
    found = searching(lone, settings, block1_norm1=0.9)
    found.run(60, quiet)
    one = state(found, "block1_norm1")
    assert (one.schedule, one.before, one.after) == (tried[5], 1.0, 0.7)  # 0.69 is not faster enough to tell
    assert one.tried >= len(tried) - 1 and one.skipped == ()
    assert script.order[:3] == tried[:3]  # in the model's order


def test_the_kernel_that_takes_longest_comes_first(matched, script, settings):
    found = searching(matched, settings, dense=0.1, block1_norm2=0.6, down_norm=0.3)
    steps: list[str] = []
    found.run(60, steps.append)
    order = [step.split()[0] for step in steps]
    assert order[:4] == ["block1_norm2", "block1_norm2", "down_norm", "block1_norm2"]
    assert [one.kernel for one in found.results()][:3] == ["block1_norm2", "down_norm", "dense"]
    assert steps[0] == "block1_norm2 (60.0 %): 0 tried, none better; 0 of 11 done"
    assert all(task.found.done for task in found._tasks)


def test_later_compiles_take_it(matched, lone, script, settings):
    tried = schedules(lone, settings)
    none = TunedSchedules(settings, CompileOptions("x86-64-v3"))
    none.apply(matched.clone())
    assert none.keys is None and none.stamp_of(None) == "none"
    script.times = {tried[1]: 0.5}
    searching(lone, settings, block1_norm1=0.9).run(60, quiet)
    assert none.stamp_of(None) == "unknown"
    tuned, module = TunedSchedules(settings, CompileOptions("x86-64-v3")), matched.clone()
    tuned.apply(module)
    by_name = {k.sym_name.data: k.schedule for k in tensorized.kernels(module)}
    assert by_name.pop("block1_norm1") is not None and set(by_name.values()) == {None}
    other = TunedSchedules(settings, CompileOptions("x86-64-v4"))
    other.apply(again := matched.clone())
    assert all(k.schedule is None for k in tensorized.kernels(again))
    assert tuned.stamp_of(tuned.keys) not in (other.stamp_of(other.keys), "none", "unknown")


def test_it_goes_on_where_it_stopped(lone, script, settings):
    tried = schedules(lone, settings)
    script.times, script.stop_after = {tried[0]: 0.8}, 13
    with pytest.raises(KeyboardInterrupt):
        searching(lone, settings, block1_norm1=1.0).run(60, quiet)
    first, script.order, script.stop_after = script.order[:8], [], None
    second = searching(lone, settings, block1_norm1=1.0)
    assert state(second, "block1_norm1").schedule == tried[0]
    second.run(60, quiet)
    assert not set(first) & set(script.order)
    assert state(second, "block1_norm1").schedule == tried[0]
    script.order = []
    third = searching(lone, settings, block1_norm1=1.0)
    third.run(60, quiet)
    assert script.order == []  # nothing is left to try


def test_what_fails_is_reported_and_skipped(lone, script, settings):
    tried = schedules(lone, settings)
    script.fails = {tried[0]: "TenonError: does not fit", tried[1]: DIED}
    script.times = {tried[1]: 0.1, tried[2]: 0.5}
    found = searching(lone, settings, block1_norm1=1.0)
    found.run(60, quiet)
    one = state(found, "block1_norm1")
    assert one.schedule == tried[2]
    assert set(one.skipped) == {f"{tried[0]}: TenonError: does not fit", f"{tried[1]}: {DIED}"}


def test_a_winner_that_computes_something_else_is_no_winner(lone, script, settings):
    tried = schedules(lone, settings)
    script.times, script.deviations = {tried[0]: 0.5, tried[9]: 0.9}, {tried[0]: 0.25}
    found = searching(lone, settings, block1_norm1=1.0)
    found.run(60, quiet)
    one = state(found, "block1_norm1")
    assert one.schedule == tried[9]
    assert one.skipped == (f"{tried[0]}: its results differ by 0.25",)


def test_time_is_kept(lone, script, settings, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(search.time, "perf_counter", lambda: clock[0])
    measure = script.measure

    def slow(function, *arguments):
        clock[0] += 1
        return measure(function, *arguments)

    script.measure = slow
    searching(lone, settings, block1_norm1=1.0).run(5, quiet)
    assert len(script.order) == 6
