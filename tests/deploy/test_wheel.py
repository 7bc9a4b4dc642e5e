"""The wheel holds everything that runs: it is unpacked elsewhere and used from there."""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.web.test_styles import hatch_build

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy to build from, with a stand-in for the style sheet: what a wheel holds must not depend on npm."""
    folder = tmp_path_factory.mktemp("checkout")
    for name in ("src", "schemas", "catalogue"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "hatch_build.py"):
        shutil.copy(ROOT / name, folder / name)
    sheet = folder / "build" / "web" / "govuk-frontend.css"
    sheet.parent.mkdir(parents=True)
    sheet.write_text(f"{hatch_build._LICENCE}a{{}}", encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory, checkout: Path) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(checkout)]
    subprocess.run(build, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def run(wheel: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs our command line from the unpacked wheel: what comes first on the path is what is imported."""
    unpacked = wheel.parent / "unpacked"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SAFETY_STREAM_")}

    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=wheel.parent,
            env=environment | {"PYTHONPATH": str(unpacked)},
            capture_output=True,
            text=True,
            check=False,
        )

    return python


def files_below(folder: str) -> set[str]:
    return {path.relative_to(ROOT).as_posix() for path in (ROOT / folder).rglob("*") if path.is_file()}


def test_every_schema_and_all_of_the_catalogue_are_in_the_wheel(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    data = {name.removeprefix("safety_stream/_data/") for name in names if name.startswith("safety_stream/_data/")}

    assert files_below("schemas") | files_below("catalogue") | {"web/govuk-frontend.css"} == data


def test_the_read_models_migrations_are_in_the_wheel_and_make_its_tables(
    run: Callable[..., subprocess.CompletedProcess[str]], wheel: Path
):
    done = run(
        "-c",
        "from safety_stream.readmodel.database import migrate, open_database\n"
        "from safety_stream.readmodel.reading import ReadModel\n"
        "engine = open_database('sqlite:///copy.sqlite')\n"
        "migrate(engine)\n"
        "print(ReadModel(engine).inbox('desk'))",
    )

    assert (0, "[]\n") == (done.returncode, done.stdout), done.stderr
    assert (wheel.parent / "copy.sqlite").exists()


def test_nothing_but_the_package_is_in_the_wheel(wheel: Path):
    tops = {name.split("/")[0].partition("-")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert {"safety_stream"} == tops


def test_the_wheel_is_used_and_not_the_checkout(run: Callable[..., subprocess.CompletedProcess[str]], wheel: Path):
    done = run("-c", "from safety_stream.data_files import schemas_folder; print(schemas_folder())")

    assert str(wheel.parent) in done.stdout


@pytest.mark.parametrize("command", ["schemas check", "rules lint --today 2026-01-01", "rules test"])
def test_the_wheels_schemas_and_catalogue_are_in_order(
    run: Callable[..., subprocess.CompletedProcess[str]], command: str
):
    done = run("-m", "safety_stream", *command.split())

    assert (0, "") == (done.returncode, done.stdout), done.stderr
