"""What `make build` makes: for Lambda's processor and Python, whole, and nothing that is not needed."""

import re
import shutil
import subprocess
import tomllib
from collections import deque
from importlib.metadata import Distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.package import HOST, LAMBDA, PYTHON_VERSION, ROOT, Build, built, lambda_python
from tools.template import source

pytestmark = pytest.mark.timeout(600)  # the first test of a clone makes the tools and the builds

MB = 1_000_000
AARCH64 = 183  # e_machine, https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html
LAMBDA_GLIBC = (2, 34)  # of Amazon Linux 2023, on which Lambda's Python 3.13 runs
OURS = {"spaaza_snapshots", "requirements.txt", "__pycache__"}

BAD_BYTECODE = """
import importlib.util, pathlib, sys
for source in pathlib.Path(sys.argv[1]).rglob("*.py"):
    compiled = pathlib.Path(importlib.util.cache_from_source(source))
    unchecked = importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little")
    wanted = unchecked + importlib.util.source_hash(source.read_bytes())
    if not compiled.is_file() or compiled.read_bytes()[:16] != wanted:
        print(source)
"""
IMPORTED = """
import importlib, sys
sys.path[:0] = sys.argv[2:]
importlib.import_module(sys.argv[1])
print(*(module.__file__ for module in sys.modules.values() if getattr(module, "__file__", None)), sep="\\n")
"""


@pytest.fixture(scope="session")
def build() -> Build:
    return built(LAMBDA)


@pytest.fixture(scope="session")
def host_build() -> Build:
    """The same for this machine, so that it can be run."""
    return built(HOST)


def parts(build: Build) -> dict[str, Path]:
    return {"ExportFunction": build.export, "ParquetFunction": build.parquet, "DuckDbLayer": build.layer}


def unzipped_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def installed(folder: Path) -> dict[str, Distribution]:
    return {canonicalize_name(found.metadata["Name"]): found for found in distributions(path=[str(folder)])}


def pinned(requirements: Path) -> dict[str, str]:
    lines = re.findall(r"^([\w.-]+)==(\S+)", requirements.read_text(encoding="utf-8"), re.MULTILINE)
    return {canonicalize_name(name): version for name, version in lines}


def needed(names: list[str], found: dict[str, Distribution]) -> set[str]:
    """Follow what each distribution says that it requires, on Lambda, without extras."""
    lambdas = {"extra": "", "python_version": PYTHON_VERSION, "sys_platform": "linux", "platform_machine": "aarch64"}
    waiting, seen = deque(canonicalize_name(name) for name in names), set[str]()
    while waiting:
        name = waiting.popleft()
        if name not in seen:
            seen.add(name)
            required = [Requirement(text) for text in found[name].requires or ()]
            waiting += [
                canonicalize_name(each.name) for each in required if not each.marker or each.marker.evaluate(lambdas)
            ]
    return seen


def python(script: str, *arguments: str) -> list[str]:
    """Run a script in Lambda's version of Python, without any package but the standard library; return its lines."""
    command = [str(lambda_python()), "-I", "-S", "-c", script, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def handlers() -> list[str]:
    resources = source()["Resources"].values()
    return [found["Properties"]["Handler"] for found in resources if found["Type"] == "AWS::Serverless::Function"]


def test_the_template_asks_for_the_python_and_the_processor_that_are_tested_here() -> None:
    template = source()
    layer = template["Resources"]["DuckDbLayer"]
    assert template["Globals"]["Function"]["Runtime"] == layer["Metadata"]["BuildMethod"] == f"python{PYTHON_VERSION}"
    assert template["Globals"]["Function"]["Architectures"] == [layer["Metadata"]["BuildArchitecture"]] == [LAMBDA]


def test_every_binary_is_for_lambdas_processor_and_python(build: Build) -> None:
    for name, folder in parts(build).items():
        heads = {path: path.read_bytes()[:20] for path in folder.rglob("*.so*")}
        assert heads, name
        assert {head[:4] for head in heads.values()} == {b"\x7fELF"}
        assert {int.from_bytes(head[18:20], "little") for head in heads.values()} == {AARCH64}
        endings = {path.name.partition(".")[2] for path in heads}
        assert endings <= {"cpython-313-aarch64-linux-gnu.so", "abi3.so"}


def test_no_binary_needs_a_newer_c_library_than_lambda_has(build: Build) -> None:
    for folder in (build.export, build.parquet, build.layer / "python"):
        tags = [tag for found in installed(folder).values() for tag in (found.read_text("WHEEL") or "").splitlines()]
        glibcs = [tuple(map(int, found)) for tag in tags for found in re.findall(r"manylinux_(\d+)_(\d+)_", tag)]
        assert glibcs
        assert max(glibcs) <= LAMBDA_GLIBC


def test_a_function_carries_the_pinned_packages_and_our_own(build: Build) -> None:
    for folder in (build.export, build.parquet):
        found = installed(folder)
        assert {name: each.version for name, each in found.items()} == pinned(ROOT / "src" / "requirements.txt")
        theirs = {Path(file).parts[0] for each in found.values() for file in each.files or ()}
        data = {f"{each.name}-{each.version}.data" for each in found.values()}
        assert {path.name for path in folder.iterdir()} - theirs - data == OURS


def test_each_pinned_package_is_needed(build: Build) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert needed(project["dependencies"], installed(build.export)) == set(installed(build.export))


def test_the_layer_carries_duckdb_alone(build: Build) -> None:
    versions = {name: each.version for name, each in installed(build.layer / "python").items()}
    assert versions == pinned(ROOT / "layers" / "duckdb" / "requirements.txt")
    assert set(versions) == {"duckdb"}
    assert [path.name for path in build.layer.iterdir()] == ["python"]


def test_our_own_package_is_the_sources_and_their_bytecode(build: Build) -> None:
    sources = ROOT / "src" / "spaaza_snapshots"
    for folder in (build.export / "spaaza_snapshots", build.parquet / "spaaza_snapshots"):
        shipped = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        assert shipped == {path.name: path.read_bytes() for path in sources.iterdir() if path.is_file()}
        modules = {path.stem for path in sources.glob("*.py")}
        compiled = {f"{name}.cpython-313.pyc" for name in modules}
        assert {path.name for path in (folder / "__pycache__").iterdir()} == compiled


def test_every_module_has_bytecode_that_is_never_compared_with_a_date(build: Build) -> None:
    for name, folder in parts(build).items():
        assert list(folder.rglob("*.py")), name
        assert python(BAD_BYTECODE, str(folder)) == []


def test_the_bytecode_is_what_runs_whatever_the_sources_say(host_build: Build, tmp_path: Path) -> None:
    ours = tmp_path / "spaaza_snapshots"
    shutil.copytree(host_build.export / ours.name, ours)
    for module in ours.glob("*.py"):
        module.write_text("raise ImportError('compiled again')", encoding="utf-8")
    loaded = python(IMPORTED, "spaaza_snapshots.export_handler", str(tmp_path), str(host_build.export))
    assert str(ours / "export_handler.py") in loaded


def test_the_export_function_takes_less_than_60_mb(build: Build) -> None:
    assert unzipped_bytes(build.export) < 60 * MB


def test_the_parquet_function_and_its_layer_fit_into_what_lambda_takes(build: Build) -> None:
    assert unzipped_bytes(build.parquet) + unzipped_bytes(build.layer) < 250 * MB


def test_the_build_prints_the_size_of_each_part(build: Build) -> None:
    printed = {line.split()[0]: float(line.split()[1]) for line in build.printed.splitlines()}
    assert printed == {name: round(unzipped_bytes(folder) / MB, 1) for name, folder in parts(build).items()}


@pytest.mark.parametrize("handler", handlers())
def test_each_handler_imports_with_nothing_but_its_package_and_the_standard_library(
    host_build: Build, handler: str
) -> None:
    module = handler.rpartition(".")[0]
    parquet = module.endswith("parquet_handler")
    folders = [host_build.parquet, host_build.layer / "python"] if parquet else [host_build.export]
    loaded = [Path(line) for line in python(IMPORTED, module, *map(str, folders))]
    packages = {path.relative_to(folder).parts[0] for path in loaded for folder in folders if folder in path.parents}
    assert {"spaaza_snapshots", "boto3", "aws_lambda_powertools"} <= packages
    assert ("duckdb" in packages) is parquet
