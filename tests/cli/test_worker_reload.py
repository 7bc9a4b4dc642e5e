"""What a worker does not go by when it reads its catalogue again."""

import msgspec
import pytest

from safety_stream.catalogue import load_catalogue
from safety_stream.cli.terminal import Wrong
from safety_stream.cli.worker import _refuse_vanished_rules
from safety_stream.data_files import catalogue_folder


def test_a_catalogue_that_has_lost_a_rule_is_refused_and_one_that_retires_it_is_not():
    known = load_catalogue(catalogue_folder())
    first, *others = known.rules
    retired = msgspec.structs.replace(first, status="retired")

    _refuse_vanished_rules(known, msgspec.structs.replace(known, rules=(retired, *others)))
    with pytest.raises(Wrong, match=rf"^{first.id}: no such rule any more; leave its file"):
        _refuse_vanished_rules(known, msgspec.structs.replace(known, rules=tuple(others)))
