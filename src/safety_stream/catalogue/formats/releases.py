"""The format of `releases.yaml`: which version of a rule two people let out."""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from safety_stream.catalogue.formats.parts import BECAUSE_MAX, Approver, Digest, Name, Number, Strict, UtcText


class ApprovalEntry(Strict):
    """One person's approval of a version of a rule, `digest` being that of what runs, `after` of the line before."""

    rule: Name
    version: Number
    digest: Digest
    by: Approver
    at: UtcText
    because: Annotated[str, StringConstraints(min_length=1, max_length=BECAUSE_MAX)]
    after: Digest


class ReleasesFile(Strict):
    """`releases.yaml`: who approved which rule, added to by `rules release`; without it a rule's own status is all."""

    releases: list[ApprovalEntry]
