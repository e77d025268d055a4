import pytest

from tenonc.dialects.errors import UsageError
from tenonc.targets.attach_target import AttachTargetPass, declared_instructions
from tenonc.targets.record import find_target, host, records


def test_host_is_the_most_capable_record_the_cpu_covers():
    found = host()
    covered = [r for r in records().values() if r.enabled <= found.enabled]
    assert found.vector_bytes == max(r.vector_bytes for r in covered)
    assert found.l1_bytes >= 16 << 10 and found.l2_bytes > found.l1_bytes


def test_each_machine_stands_behind_those_with_fewer_features():
    """So the last one that a CPU covers is the most capable one."""
    machines = list(records().values())
    for place, machine in enumerate(machines):
        assert not any(later.enabled <= machine.enabled for later in machines[place + 1 :])
        assert machine.enabled > machines[0].enabled or not place


def test_unknown_target_is_named():
    with pytest.raises(UsageError, match="^unknown target 'pdp-11': expected one of host, x86-64, "):
        find_target("pdp-11")


@pytest.mark.parametrize("name", records())
def test_every_target_multiplies_and_adds_in_full_and_scalar_width(name: str):
    record = find_target(name)
    contractions = [i for i in declared_instructions(record) if len(list(i.body.block.ops)) == 3]
    bytes_ = {4 * i.extents[0] for i in contractions}
    assert {record.vector_bytes, 4} <= bytes_
    assert max(bytes_) == record.vector_bytes


def test_attach_target_prints_the_option_it_parses():
    from xdsl.passes import PassPipeline

    text = "attach-target{name=x86-64-v3}"
    pipeline = PassPipeline.parse_spec({"attach-target": lambda: AttachTargetPass}, text)
    (one,) = pipeline.passes
    assert isinstance(one, AttachTargetPass) and one.target == "x86-64-v3"
    assert str(one.spec()) == 'attach-target{name="x86-64-v3"}' or str(one.spec()) == text
