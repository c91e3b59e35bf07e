"""The result of `make build`, rebuilt whenever its sources change, and a Python with nothing but Lambda's own client.

The functions run on arm64. To run the package here as well, it is also built for this machine's processor.
"""

import fcntl
import platform
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Literal

Architecture = Literal["arm64", "x86_64"]

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".aws-sam" / "sandbox"
LAMBDA: Architecture = "arm64"
HOST: Architecture = "x86_64" if platform.machine() == "x86_64" else "arm64"
PYTHON_VERSION = "3.13"  # of the template's functions
_INPUTS = ("template.yaml", "src", "layers", "requirements")
_KEPT_SECONDS = 600  # after its last use: a test run of older sources may not have ended


class BuildFailed(Exception):
    """A step of the build has failed; the text has its output."""


@dataclass(frozen=True)
class Build:
    """The folders that become /var/task of each function and /opt of the layer; `printed` is the build's output."""

    export: Path
    parquet: Path
    layer: Path
    printed: str


def built(architecture: Architecture) -> Build:
    """Return the build of the current sources; raises `BuildFailed`."""
    folder = _once(architecture, partial(_build, architecture))
    parts = folder / "build"
    printed = (folder / "printed").read_text(encoding="utf-8")
    return Build(parts / "ExportFunction", parts / "ParquetFunction", parts / "DuckDbLayer", printed)


def lambda_python() -> Path:
    """Return a Python of Lambda's version, whatever is installed in it; raises `BuildFailed`."""
    return Path(_run("tools/python", PYTHON_VERSION).strip())


def runtime_python() -> Path:
    """Return a Python of Lambda's version with only the runtime client; raises `BuildFailed`."""
    return _once("runtime", _install_runtime) / "bin" / "python"


def sam() -> Path:
    """Return the command `sam`, set up if it is not there yet; raises `BuildFailed`."""
    return commands_of("sam") / "sam"


def commands_of(tool: str) -> Path:
    """Return the folder of a tool's commands, set up if it is not there yet; raises `BuildFailed`."""
    with _alone():
        _run("tools/tool-env", tool)
    return ROOT / ".tools" / tool / "bin"


def _build(architecture: Architecture, folder: Path) -> None:
    template = ROOT / "template.yaml"
    if architecture != LAMBDA:
        text = template.read_text(encoding="utf-8").replace(LAMBDA, architecture)
        template = folder / "template.yaml"
        template.write_text(text, encoding="utf-8")
    _run("tools/tool-env", "sam")
    where = ("--template", str(template), "--base-dir", str(ROOT))
    printed = _run("tools/build", str(folder / "build"), *where)
    (folder / "printed").write_text(printed, encoding="utf-8")


def _install_runtime(folder: Path) -> None:
    _run(str(lambda_python()), "-m", "venv", "--without-pip", str(folder))
    install = (".venv/bin/uv", "pip", "install", "--quiet", "--compile-bytecode", "-c", "requirements/dev.txt")
    _run(*install, "--python", str(folder / "bin" / "python"), "awslambdaric")


def _run(*command: str) -> str:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BuildFailed(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def _once(name: str, make: Callable[[Path], None]) -> Path:
    """Return the folder that `make` fills from the current sources, once, however many processes ask."""
    with _alone():
        present = FOLDER / _inputs()
        folder, complete = present / name, present / f"{name}.complete"
        if not complete.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            make(folder)
            complete.touch()
        present.touch()
        _remove_old()
    return folder


@contextmanager
def _alone() -> Iterator[None]:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # released with the process, however it ends
        yield


def _inputs() -> str:
    """Return a digest of everything a build depends on."""
    digest = sha256(Path(__file__).read_bytes())
    for name in _INPUTS:
        for path in sorted({ROOT / name, *(ROOT / name).rglob("*")}):
            if path.is_file() and path.parent.name != "__pycache__":
                digest.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _remove_old() -> None:
    for folder in FOLDER.iterdir():
        if folder.is_dir() and folder.stat().st_mtime < time.time() - _KEPT_SECONDS:
            shutil.rmtree(folder)
