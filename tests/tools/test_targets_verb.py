"""tenonc targets, from the command line."""

from tenonc.targets.record import records
from tenonc.tools.tenonc import main


def test_every_machine_is_listed(capfd):
    assert main(["targets"]) == 0
    lines = [line.split() for line in capfd.readouterr().out.splitlines() if line.strip()]
    assert {line[0] for line in lines} >= {"host", *records()}
    assert ["alderlake"] in [line[:1] for line in lines if line[-2:] == ["avxvnni,", "gfni"]]


def test_the_instructions_of_a_machine_have_a_status(capfd):
    assert main(["targets", "sapphirerapids"]) == 0
    out = capfd.readouterr().out
    rows = {line.split()[0]: line.strip() for line in out.splitlines() if line.strip()}
    assert rows["tdpbusd_16x16xi32"].endswith("assembled only")
    assert "i: parallel 16, j: parallel 16, r: reduction 64" in rows["tdpbusd_16x16xi32"]
    assert rows["fma_1xf32"].endswith("hardware")


def test_an_unknown_machine_is_bad_usage(capfd):
    assert main(["targets", "z80"]) == 2
    assert capfd.readouterr().err.startswith("error: unknown target 'z80': expected one of host, x86-64, ")
