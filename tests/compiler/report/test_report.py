"""Reports: their content against the profile and the IR, and the page as a reader's program sees it."""

import builtins
import json
import shutil
import subprocess
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper

from tenonc import compiler
from tenonc.compiler.profile import profile
from tenonc.compiler.report import data, rendered
from tenonc.compiler.report.charts import roofline, timeline
from tenonc.compiler.report.collect import collect
from tenonc.compiler.report.flags import Evidence, flags_of
from tenonc.compiler.report.page import milliseconds, percent, size
from tenonc.compiler.steps import steps_of
from tenonc.dialects.errors import TenonError, UsageError
from tenonc.targets.attach_target import family_instructions
from tenonc.targets.bandwidth import data_caches
from tenonc.targets.llvm.elf import function_sizes
from tenonc.targets.record import host

ROOT = Path(__file__).parents[3]
ROWS, DEPTH = 96, 128


@pytest.fixture(scope="module")
def model() -> compiler.Model:
    """Two products of one shape, which share a kernel, then a softmax; a name that HTML must escape."""
    from onnx import helper

    rng = np.random.default_rng(0)
    weights = {n: rng.standard_normal((DEPTH, DEPTH)).astype(np.float32) for n in ("w0", "w1")}
    nodes = [
        helper.make_node("MatMul", ["x", "w0"], ["a"], name="first<&>"),
        helper.make_node("MatMul", ["a", "w1"], ["b"], name="second"),
        helper.make_node("Softmax", ["b"], ["y"], name="soft"),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "g",
        [info("x", TensorProto.FLOAT, [ROWS, DEPTH])],
        [info("y", TensorProto.FLOAT, [ROWS, DEPTH])],
        [numpy_helper.from_array(w, n) for n, w in weights.items()],
    )
    opset = [helper.make_opsetid("", 17)]
    return compiler.load(helper.make_model(graph, opset_imports=opset, ir_version=8))


@pytest.fixture(scope="module")
def exe(model):
    return compiler.compile(model)


@pytest.fixture(scope="module")
def report(exe, model) -> data.Report:
    return collect(exe, "two & a half", seconds=0.2, model=model)


def test_calls_are_those_of_the_profile(exe, report):
    found = profile(exe, None, 0.1)
    assert [(c.kernel, tuple(c.nodes)) for c in report.calls] == [(s.kernel, s.nodes) for s in found.sites]
    assert [(c.operations, c.bytes) for c in report.calls] == [(s.operations, s.bytes) for s in found.sites]
    assert [c.measured.bound for c in report.calls] == [s.bound for s in found.sites]
    assert sum(c.measured.ms for c in report.calls) == pytest.approx(report.kernels_ms)


def test_kernels_sum_their_calls(report):
    shared = next(k for k in report.kernels if k.calls == 2)
    assert shared.nodes == ["first<&>", "second"]
    of = [c for c in report.calls if c.kernel == shared.name]
    assert shared.operations == sum(c.operations for c in of) >= 2 * 2 * ROWS * DEPTH * DEPTH
    assert shared.measured.ms == pytest.approx(sum(c.measured.ms for c in of))
    assert shared.measured.peak == pytest.approx(
        shared.operations / shared.measured.ms / 1e6 / report.machine.gflops
    )
    assert shared.measured.lost_ms <= shared.measured.ms
    assert [k.measured.ms for k in report.kernels] == sorted(
        (k.measured.ms for k in report.kernels), reverse=True
    )
    assert sum(k.calls for k in report.kernels) == len(report.calls)


def test_machine_code_is_that_of_the_artifact(exe, report):
    shared = next(k for k in report.kernels if k.calls == 2)
    (instruction,) = shared.instructions
    assert instruction.startswith(("fma_", "muladd_"))
    (count,) = shared.mnemonics.values()
    assert count == shared.code.inner[0].applied + sum(i.applied for i in shared.code.inner[1:]) > 0
    assert shared.code.bytes == function_sizes(exe.artifact.object_code)[shared.name]
    assert shared.code.instructions == sum(shared.code.mnemonics.values())
    assert shared.lanes and any("tile" in level for level in shared.schedule)
    assert "schedule [" + shared.schedule[0] in exe.emit("mlir")
    assert not any(f.kind in ("call", "mnemonic") for k in report.kernels for f in k.flags)


def test_choices_are_those_of_the_remarks(report):
    """The chosen instruction is the one in the code; every other of the family is there, with a reason."""
    shared = next(k for k in report.kernels if k.calls == 2)
    (chosen,) = (choice for choice in shared.choices if choice.what == "chosen")
    assert [chosen.instructions] == shared.instructions and "cycles: i = " in chosen.why
    refused = {
        name
        for choice in shared.choices
        if choice.what == "refused"
        for name in choice.instructions.split(", ")
    }
    named = {i.sym_name.data for i in family_instructions(host())}
    assert {"dpbusd_16xi32", "tdpbf16_16x16xf32"} <= refused < named
    assert [reason.what for reason in shared.reasons][:3] == ["tile", "other tiles", "a step"]
    assert shared.reasons[0].why.startswith("p")


def test_a_report_without_the_model_has_no_reasons(exe):
    kernels = collect(exe, seconds=0.1).kernels
    assert kernels and not any(kernel.choices or kernel.reasons for kernel in kernels)


def test_whole_model(exe, report):
    assert report.weight_bytes == exe.artifact.weights.nbytes
    assert report.inputs == [f"x: {ROWS}x{DEPTH} float32"]
    assert report.options["target"] == "host" and "schedule-kernels" in report.compile_seconds
    assert report.peak == pytest.approx(report.operations / report.run_ms / 1e6 / report.machine.gflops)
    assert [level.name for level in report.machine.levels][-1] == "memory"
    assert all(1 < level.gbytes < 5000 for level in report.machine.levels)


def test_json_is_the_data(report, tmp_path):
    content = json.loads(rendered(report, Path("r.json")))
    assert content["schema"] == data.SCHEMA == 1
    assert content["kernels"][0]["name"] == report.kernels[0].name
    assert content["calls"][0]["measured"]["ms"] == report.calls[0].measured.ms
    assert set(content) == {"schema", *(field.name for field in fields(data.Report))}


def test_the_documentation_names_every_field():
    text = (ROOT / "docs" / "report.md").read_text()
    kinds = [data.Report, data.KernelReport, data.CallReport, data.MachineCode, data.InnerLoop, data.Measured]
    for kind in (*kinds, data.Flag, data.Target, data.MeasuredMachine, data.MemoryLevel):
        for field in fields(kind):
            assert f"`{field.name}`" in text, f"{kind.__name__}.{field.name}"


class Page(HTMLParser):
    """Checks that tags are closed in order; collects ids, links and text."""

    VOID = {"meta", "br", "line", "circle", "link", "hr"}

    def __init__(self, text: str):
        super().__init__()
        self.open: list[str] = []
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.text: list[str] = []
        self.sources: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids |= {given["id"]} if "id" in given else set()
        self.links |= {given["href"]} if "href" in given else set()
        self.sources += [given[k] for k in ("src", "srcset") if k in given]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        assert tag in self.VOID

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}>"

    def handle_data(self, data):
        self.text.append(data)


def test_page_holds_every_kernel(report):
    text = rendered(report, Path("r.html"))
    page = Page(text)
    words = " ".join(page.text)
    for number, kernel in enumerate(report.kernels, 1):
        assert kernel.name in words and f"k{number}" in page.ids
        assert "; ".join(kernel.schedule) in words
    assert "first<&>" in words and "two & a half" in words
    assert "http" not in text and page.sources == []
    assert {link.removeprefix("#") for link in page.links} <= page.ids


def test_page_lists_what_stays_float(report):
    rows = [data.StaysFloat("<node>", "nn.softmax", "its result is not quantized"),
            data.StaysFloat("", "nn.conv", "operand 1 is not quantized")]  # fmt: skip
    assert not report.stays_float and "Stays float" not in Page(rendered(report, Path("r.html"))).text
    words = Page(rendered(replace(report, stays_float=rows), Path("r.html"))).text
    assert "Stays float" in words
    found = [word for word in words if word in {text for row in rows for text in vars(row).values()}]
    assert found == ["<node>", "nn.softmax", rows[0].reason, "nn.conv", rows[1].reason]


def test_a_target_that_cannot_run_has_a_static_report(exe, monkeypatch):
    artifact = exe.artifact
    strange = replace(artifact.record, name="beyond", features=artifact.record.features + ",+amx-avx512")
    monkeypatch.setattr(artifact, "record", strange)
    found = collect(exe, "m")
    assert found.not_measured == "code for target beyond cannot run here: this cpu has no amx-avx512"
    assert found.machine is None and found.run_ms is None and found.peak is None
    assert [k.name for k in found.kernels] == list(dict.fromkeys(s.kernel for s in steps_of(artifact.module)))
    assert found.kernels[0].code and found.kernels[0].operations and found.kernels[0].measured is None
    assert roofline(found) is None and timeline(found) == []
    assert "this cpu has no amx-avx512" in " ".join(Page(rendered(found, Path("r.html"))).text)
    json.loads(rendered(found, Path("r.json")))


def code(**changes) -> data.MachineCode:
    return replace(data.MachineCode(100, 20, 10, 0, 0, 0, 0, [], {}, [], []), **changes)


def times(part: float) -> data.Measured:
    return data.Measured(1.0, 0.5, part, part, "compute", 1 - part)


FLAGS = [
    (code(), {"vfmadd": 3}, times(0.61), []),
    (code(spills=9, reloads=9), {}, None, []),
    (code(inner_spills=2, inner_reloads=3), {}, None,
     [("spills", "inner loops spill 2 and reload 3 vector registers")]),
    (code(calls=["expf", "memset"]), {}, None, [("libm", "calls expf, memset of the C library")]),
    (code(calls=["system", "expf"]), {}, None,
     [("call", "calls system"), ("libm", "calls expf of the C library")]),
    (code(), {"vfmadd": 0, "vadd": 1}, None, [("mnemonic", "no vfmadd in the assembly")]),
    (None, {}, times(0.594), [("slow", "59 % of its roofline, compute bound")]),
]  # fmt: skip


@pytest.mark.parametrize(("machine", "mnemonics", "measured", "expected"), FLAGS)
def test_flags(machine, mnemonics, measured, expected):
    assert [(f.kind, f.text) for f in flags_of(Evidence(machine, mnemonics, measured))] == expected


def test_functions_of_a_kernel(exe, monkeypatch):
    """What is outlined from a kernel is counted with it, and the runtime it calls is no finding."""
    from tenonc.compiler.report.kernel import kernel_reports

    (name, *_), artifact = [step.kernel for step in steps_of(exe.artifact.module)], exe.artifact
    text = (
        artifact.emit("asm")
        + f"""
\t.type\ttenon.part.0.{name},@function
tenon.part.0.{name}:
.LBB90_1:
\tvmovups\t%zmm0, (%rsp)
\tjb\t.LBB90_1
\tcallq\ttenon.parallel
\tcallq\tsystem
\tretq
.Lfunc_end90:
"""
    )
    monkeypatch.setattr(artifact, "emit", lambda kind: text)
    calls = [data.CallReport(name, [], 1, 1, None)]
    (found,) = kernel_reports(artifact, calls)
    assert found.code is not None and found.code.calls == ["system"]
    assert [flag.kind for flag in found.flags] == ["spills", "call"]
    assert found.code.inner_spills == 1


def test_findings_stand_on_the_page(report):
    first, *rest = report.kernels
    flags = [data.Flag("spills", "inner loops spill 7 and reload 8 vector registers")]
    text = rendered(replace(report, kernels=[replace(first, flags=flags), *rest]), Path("r.html"))
    assert text.count(flags[0].text) == 2  # the list on top, and the table
    assert 'class="ring"' in text


def test_pictures_are_to_scale(report):
    drawn = roofline(report)
    assert drawn is not None
    for dot in drawn.dots:
        gflops = dot.kernel.operations / dot.kernel.measured.ms / 1e6
        assert dot.y == drawn.y.at(gflops)
        assert dot.x == drawn.x.at(dot.kernel.operations / dot.kernel.bytes)
        assert drawn.x.start <= dot.x <= drawn.x.end and drawn.y.end <= dot.y <= drawn.y.start
    assert drawn.y.at(10) - drawn.y.at(100) == pytest.approx(drawn.y.at(1) - drawn.y.at(10), abs=0.2)
    segments = [segment for row in timeline(report) for segment in row.segments]
    widths = [segment.width / segment.measured.ms for segment in segments]
    assert [s.kernel for s in segments] == [c.kernel for c in report.calls]
    assert max(widths) == pytest.approx(min(widths), rel=0.05)


def test_numbers_as_text():
    assert [milliseconds(v) for v in (None, 0.01234, 3.14159, 31.4159, 314.159)] == [
        "–", "0.012", "3.142", "31.42", "314.2",
    ]  # fmt: skip
    assert [percent(v) for v in (None, 0.012, 0.5, 1.1)] == ["–", "1.2", "50", "110"]
    assert [size(v) for v in (0, 999, 1024, 57435, 1023 << 10, 5 << 20, 3 << 30)] == [
        "0 B", "999 B", "1 KiB", "56.1 KiB", "0.999 MiB", "5 MiB", "3 GiB",
    ]  # fmt: skip


def test_caches_of_linux(tmp_path):
    for i, (level, kind, held) in enumerate(
        [
            ("1", "Data", "48K"),
            ("1", "Instruction", "32K"),
            ("2", "Unified", "1024K"),
            ("3", "Unified", "32M"),
        ]
    ):
        (tmp_path / f"index{i}").mkdir()
        for name, text in (("level", level), ("type", kind), ("size", held)):
            (tmp_path / f"index{i}" / name).write_text(text + "\n")
    assert data_caches(tmp_path) == {1: 48 << 10, 2: 1 << 20, 3: 32 << 20}
    assert data_caches(tmp_path / "missing") == {}
    (tmp_path / "index0" / "size").write_text("many")
    assert data_caches(tmp_path) == {}


def test_the_library_writes_files(exe, tmp_path):
    found = exe.report(tmp_path / "r.json", title="t", seconds=0.05)
    assert json.loads((tmp_path / "r.json").read_text())["model"] == found.model == "t"
    assert [path.name for path in tmp_path.iterdir()] == ["r.json"]


def test_errors(exe, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"^.*/r\.pdf: suffix is '\.pdf', expected \.html or \.json$"):
        exe.report(tmp_path / "r.pdf")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(TenonError, match="/file: cannot be written: .*/file is not a directory$"):
        exe.report(tmp_path / "file" / "r.json")
    (tmp_path / "d.json").mkdir()
    with pytest.raises(TenonError, match=r"^.*/d\.json: is a directory, expected a file name$"):
        exe.report(tmp_path / "d.json")
    with pytest.raises(TenonError, match="^seconds is 0, expected a finite number more than 0$"):
        exe.report(tmp_path / "r.json", seconds=0)
    monkeypatch.setattr("tenonc.compiler.report.write.find_spec", lambda name: None)
    with pytest.raises(TenonError, match=r"html needs jinja2: pip install 'tenonc\[report\]'$"):
        exe.report(tmp_path / "r.html")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.json", "file"]


def test_json_needs_no_jinja(report, monkeypatch):
    found = builtins.__import__

    def without(name, *rest, **options):
        assert name != "jinja2"
        return found(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    rendered(report, Path("r.json"))


BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
def test_a_browser_sorts_the_table(report, tmp_path):
    """The page runs without errors; its script sorts by a heading."""
    text = rendered(report, Path("r.html"))
    script = """<script>
      document.querySelectorAll("th")[0].click();
      const bodies = [...document.querySelectorAll("table.kernels > tbody")];
      document.body.dataset.order = bodies.map((body) => body.id).join(" ");
    </script>"""
    page = tmp_path / "r.html"
    page.write_text(text.replace("</body>", script + "</body>"))
    command = [
        BROWSER,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'profile'}",
    ]
    run = subprocess.run([*command, "--dump-dom", page.as_uri()], capture_output=True, text=True, timeout=60)
    wanted = " ".join(f"k{n}" for n in range(len(report.kernels), 0, -1))
    assert f'data-order="{wanted}"' in run.stdout
