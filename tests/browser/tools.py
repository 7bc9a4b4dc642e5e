"""What looks at pages for us: the Chromium of this machine, and axe-core from npm."""

import importlib.util
import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]

AXE = "axe-core@4.14.1"
AXE_SHA512 = "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ=="
AXE_FILE = "package/axe.min.js"

CHROMIUM_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


class NoTool(Exception):
    """One sentence on what is missing, and the mend."""


def chromium() -> str:
    """The Chromium of this machine. Raises `NoTool`."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise NoTool(
            "Chromium is not installed, in which pages are looked at; on Debian or Ubuntu: sudo apt install chromium"
        )
    return found


def axe(folder: Path = ROOT / "build" / "axe") -> str:
    """axe-core, fetched by npm unless this version of it is there. Raises `NoStyles` of hatch_build."""
    path = folder / f"{AXE}.js"
    if not path.is_file():
        text = _hatch_build().from_npm(AXE, AXE_SHA512, AXE_FILE)
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path.read_text(encoding="utf-8")


def _hatch_build():
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
