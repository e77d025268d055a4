"""The pruning experiment: which jobs run, what is made of their results, and the verb."""

import json
from concurrent.futures import BrokenExecutor, Future
from dataclasses import replace

import pytest

from tenonc.compiler.pruning.methods import METHODS
from tenonc.dialects.errors import TenonError
from tenonc.tools import reproduce_pruning as module
from tenonc.tools import reproduce_pruning_cifar, reproduce_pruning_residual, tenonc
from tenonc.tools.reproduce_pruning import QUICK, Job, run_jobs, run_safely, same_recipe
from tenonc.tools.reproduce_pruning_table import rows, spread, summary


def result(job: Job, compression: float) -> dict:
    sizes = {"dense_multiplications": 900, "multiplications": 300, "test_dense": 0.95, "test": 0.943}
    rounds = [[0, 900, 0.95, "as it was"], [1, 450, 0.95, "kept"], [2, 300, 0.94, "kept"]]
    return {"arm": job.arm, "seed": job.seed, "compression": compression, "rounds": rounds, **sizes}


class Here:
    """An executor that works at once, and says what it was given."""

    def __init__(self):
        self.jobs = []

    def submit(self, function, job):
        self.jobs.append(job)
        done = Future()
        done.set_result(function(job))
        return done


@pytest.fixture
def jobs(tmp_path):
    return [Job(str(tmp_path), QUICK, seed, arm) for seed in range(3) for arm in ("ilp", "aap")]


def test_finished_jobs_are_not_done_again(jobs, monkeypatch):
    def work(job):
        job.place.mkdir(exist_ok=True)
        job.result.write_text(json.dumps(result(job, 4.0)))

    monkeypatch.setattr(module, "work", work)
    work(jobs[1])
    pool, steps = Here(), []
    run_jobs(jobs, pool, steps.append)
    assert pool.jobs == [job for job in jobs if job is not jobs[1]]
    assert sorted(steps)[0].startswith("aap-1 is done, ") and len(steps) == 5
    again = Here()
    run_jobs(jobs, again, steps.append)
    assert again.jobs == []


def test_the_summary_has_what_is_done(jobs):
    results = [result(job, c) for job, c in zip(jobs[:5], (3, 8, 5, 9, 4), strict=True)]
    found = summary(results)
    assert found["compression"] == {
        "ilp": {"median": 4, "low": 3, "high": 5, "seeds": 3},
        "aap": {"median": 8.5, "low": 8, "high": 9, "seeds": 2},
    }
    assert found["lossless"]["aap"] == {"median": 2, "low": 2, "high": 2, "seeds": 2}
    assert rows(results)[0] == ("ilp", "4.00", "3.00 to 5.00", "3", "3.00", "0.70", "2.00", "4.77")
    assert rows(results, {})[0][-1] == ""
    assert len(found["results"]) == 5
    assert spread([7.0]) == {"median": 7.0, "low": 7.0, "high": 7.0, "seeds": 1}


def test_results_of_another_recipe_are_not_mixed_in(tmp_path):
    same_recipe(QUICK, tmp_path)
    same_recipe(replace(QUICK, seeds=9), tmp_path)
    with pytest.raises(
        TenonError, match=r"results of another recipe \(retrain 3, not 4\), expected a folder of"
    ):
        same_recipe(replace(QUICK, retrain=4), tmp_path)
    (tmp_path / "recipe.json").unlink()
    (tmp_path / "ilp-0").mkdir()
    (tmp_path / "ilp-0" / "result.json").touch()
    with pytest.raises(TenonError, match=r"\(unknown recipe\)"):
        same_recipe(QUICK, tmp_path)


def test_killed_processes_are_replaced(jobs, monkeypatch):
    """What is finished by then is not done again; a job that always kills its process ends the run."""

    def work(job):
        if not job.place.exists():
            job.place.mkdir()
            raise BrokenExecutor
        job.result.write_text(json.dumps(result(job, 4.0)))

    monkeypatch.setattr(module, "work", work)
    pools, steps = [], []

    class Pool(Here):
        def __enter__(self):
            pools.append(self)
            return self

        def __exit__(self, *error):
            pass

    run_safely(jobs[:2], Pool, steps.append)
    assert [pool.jobs for pool in pools] == [jobs[:1], jobs[:2], jobs[1:2]]
    assert all(job.result.exists() for job in jobs[:2])
    with pytest.raises(BrokenExecutor):
        run_safely(jobs[2:], Pool, steps.append)


def test_cifar_is_asked_for(tmp_path):
    with pytest.raises(TenonError, match=r"data\.npz: no such file, make it: tenonc data cifar10 --so"):
        reproduce_pruning_cifar.run(True, 1, tmp_path)


def test_the_verb(tmp_path, monkeypatch, capsys):
    given = []

    def run(quick, processes, folder):
        given.append((quick, processes, folder))
        return {"compression": {"x": 1}}

    monkeypatch.setattr(module, "run", run)
    path = tmp_path / "out.json"
    arguments = ["reproduce", "pruning", "--quick", "--json", str(path), "--work", str(tmp_path)]
    assert tenonc.main([*arguments, "--threads", "2"]) == 0
    assert given == [(True, 2, tmp_path)]
    assert json.loads(path.read_text()) == {"compression": {"x": 1}}
    path.write_text("")
    assert tenonc.main([*arguments[:-1], str(path / "inside")]) == 1
    assert "out.json" in capsys.readouterr().err and len(given) == 1


def test_arms_of_a_recipe():
    """Every method, unless some are named; indexed ones after them."""
    assert QUICK.arms == list(METHODS)
    assert reproduce_pruning_residual.FULL.arms == ["ilp", "aap", "aiap", "ilp_indexed", "aap_indexed"]
