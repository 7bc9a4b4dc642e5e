"""What every test may use: a real Kafka, names nobody else uses, and how hard hypothesis tries."""

import gc
import logging
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from uuid import uuid4

import pytest
import structlog
from hypothesis import settings
from tests.brevity import is_left_out
from tests.ordering import long_ones_first
from tests.readmodel.postgres import Server, needed, running_server
from tests.trying import USUAL

from safety_stream.catalogue import documents
from safety_stream.embedded import EmbeddedKafka

# No deadline: a shared machine stalls at will. The blob repeats a failure anywhere. Not derandomised: each run of
# continuous integration looks at other examples.
settings.register_profile("ci", max_examples=USUAL, deadline=None, print_blob=True, derandomize=False)
settings.register_profile("deep", settings.get_profile("ci"), max_examples=10 * USUAL)
settings.load_profile("ci")

# Hundreds of tests load the same catalogue, and most of that is parsing. A text is always the same document, and nobody
# changes one.
documents.parse_document = lru_cache(maxsize=256)(documents.parse_document)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--brief", action="store_true", help="leave out the files that take long (tests/brevity.py)")
    parser.addoption("--long", action="store_true", help="run those alone")
    parser.addoption("--soak", action="store_true", help="run the simulation for long instead of for seconds")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file that is not meant is not even read: reading them all takes half a minute."""
    tests = Path(__file__).parent
    if collection_path.suffix != ".py" or not collection_path.is_relative_to(tests):
        return None
    file = collection_path.relative_to(tests)
    return is_left_out(file, brief=config.getoption("--brief"), long=config.getoption("--long")) or None


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # The long runs are chosen by `--soak`, and then nothing else: they are another question, not a test left out.
    wanted = bool(config.getoption("--soak"))
    chosen = [item for item in items if (item.get_closest_marker("soak") is not None) == wanted]
    others = set(items).difference(chosen)
    config.hook.pytest_deselected(items=[item for item in items if item in others])
    long = [item for item in chosen if item.get_closest_marker("slow") is not None]
    items[:] = long_ones_first(chosen, long, getattr(config, "workerinput", {}).get("workercount", 1))


def pytest_collection_finish() -> None:
    """What has been imported and collected by now stays: there is no garbage among it to look for over and over."""
    gc.collect()
    gc.freeze()


def pytest_runtest_teardown() -> None:
    """Undo what a command did that ran inside a test: it sends our logs to a stream that is closed by now."""
    if structlog.is_configured():
        structlog.reset_defaults()
        root = logging.getLogger()
        root.handlers = []
        root.setLevel(logging.WARNING)


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap servers of one real Kafka for the whole session: use names of your own (`topic_prefix`) on it."""
    with EmbeddedKafka() as broker:
        yield broker.bootstrap_servers


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One real PostgreSQL for the whole session: make a database of your own on it."""
    with running_server(needed()) as server:
        yield server


@pytest.fixture
def topic_prefix() -> str:
    """A start for names of topics, groups and transactional ids that no other test has, with its dash at the end."""
    return f"t-{uuid4().hex[:12]}-"
