"""The packages list of pyproject.toml against the tree: a folder forgotten there vanishes from the wheel."""

import tomllib
from importlib.metadata import entry_points
from pathlib import Path

ROOT = Path(__file__).parents[1]
LAYERS = ("dialects", "passes", "targets", "compiler", "tools")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PACKAGES = PROJECT["tool"]["setuptools"]["packages"]


def folders_with_python() -> set[str]:
    files = (path for layer in LAYERS for path in (ROOT / layer).rglob("*.py"))
    return {"tenonc." + ".".join(path.parent.relative_to(ROOT).parts) for path in files}


def folder(package: str) -> Path:
    return ROOT.joinpath(*package.split(".")[1:])


def test_packages_are_the_folders():
    assert sorted(PACKAGES) == sorted(folders_with_python())


def test_every_package_is_typed_and_explicit():
    missing = [
        f"{package}/{name}"
        for package in PACKAGES
        for name in ("__init__.py", "py.typed")
        if not (folder(package) / name).is_file()
    ]
    assert missing == []


def test_data_files_are_shipped():
    shipped = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    packaged = [folder(package) for package in PACKAGES]
    for layer in LAYERS:
        for path in (ROOT / layer).rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                assert any(path.match(pattern) for pattern in shipped), f"{path} is not in package-data"
                assert path.parent in packaged, f"{path} lies in no package"


def test_constraints_pin_every_dependency():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines if "==" in line}
    extras = PROJECT["project"]["optional-dependencies"].values()
    for requirement in (*PROJECT["project"]["dependencies"], *(r for extra in extras for r in extra)):
        name = requirement.split("=")[0].split(">")[0].split("[")[0].strip()
        assert name.lower() in pinned, f"constraints.txt pins no version of {name}"


def test_universe_is_an_entry_point():
    from tenonc.tools.universe import UNIVERSE

    (entry,) = [e for e in entry_points(group="xdsl.universe") if e.name == "tenonc"]
    assert entry.load() is UNIVERSE
