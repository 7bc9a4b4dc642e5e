"""The settings of signing in with an organisation's own accounts, and who somebody is here by what it says of them.

One YAML file that only the process may read: it may hold the client's secret, so nothing here repeats a value. Deny by
default: whom no line of the mapping names has no page, and whose areas are not named sees no alert of anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, get_args
from urllib.parse import urlsplit

import msgspec
from pydantic import BaseModel, ConfigDict, Field, SecretStr, StringConstraints, ValidationError

from safety_stream.catalogue.documents import UnreadableError, read_document
from safety_stream.core.catalogue import Catalogue
from safety_stream.core.model.times import HOUR, MINUTE, Instant
from safety_stream.web.policy import Page, Person, Role, may

Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
Secure = Annotated[str, StringConstraints(pattern=r"^https://[^\s/?#@]+(/[^\s?#]*)?$", max_length=500)]
Origin = Annotated[str, StringConstraints(pattern=r"^https://[a-z0-9.-]+(:[0-9]{1,5})?/?$", max_length=300)]

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@:|-]{0,63}")
"""What may stand for a person wherever something is recorded: in files, too, that a spreadsheet opens."""


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ClaimNames(_Settings):
    """What the organisation calls what it says of somebody; a dot leads into a claim, as in `realm_access.roles`."""

    id: Text = "sub"
    roles: Text = "roles"
    areas: Text = "areas"


class RoleLine(_Settings):
    """Who has this value among their roles is this here. `everywhere`: without it, alerts of the areas named alone."""

    claim: Text
    role: Role
    audience: str = ""
    profile: str = ""
    everywhere: bool = False


class SessionLength(_Settings):
    """When a session ends: so long after the last page that was asked for, and so long after it began."""

    idle_minutes: Annotated[int, Field(ge=5, le=24 * 60)] = 60
    hours: Annotated[int, Field(ge=1, le=24)] = 13

    @property
    def idle(self) -> Instant:
        """The first, in milliseconds."""
        return self.idle_minutes * MINUTE

    @property
    def whole(self) -> Instant:
        """The second, in milliseconds."""
        return self.hours * HOUR


USUAL_LENGTH: Final = SessionLength()
"""An hour at rest, and a shift with its handover: ours, and a file of settings may say otherwise."""


class SignInSettings(_Settings):
    """The whole file. `url` is where people reach these pages, behind what speaks TLS for them."""

    issuer: Secure
    client_id: Text
    client_secret: SecretStr | None = None
    url: Origin
    scopes: Annotated[list[Text], Field(min_length=1)] = ["openid", "profile"]
    claims: ClaimNames = ClaimNames()
    roles: Annotated[list[RoleLine], Field(min_length=1)]
    areas: dict[Text, Annotated[list[Text], Field(min_length=1)]] = {}
    sessions: SessionLength = USUAL_LENGTH

    @property
    def origin(self) -> str:
        """The address of these pages without what follows it."""
        return self.url.rstrip("/")

    @property
    def host(self) -> str:
        """The name under which these pages answer."""
        return urlsplit(self.url).hostname or ""


class SignInFault(ValueError):
    """The settings are stated wrongly. The sentence says where and what mends it, and holds no value."""


class Known(msgspec.Struct, frozen=True):
    """What an organisation said of somebody, as far as the mapping knows it: what a session keeps."""

    id: str
    roles: tuple[str, ...]
    areas: tuple[str, ...]


def read_sign_in(path: Path, catalogue: Catalogue) -> SignInSettings:
    """Read the file. Raises `SignInFault`, and `OSError` when it cannot be read."""
    try:
        value = read_document(path).value
    except UnreadableError as error:
        raise SignInFault(f"{path}:{error.line}: {error.what}; {error.mend}") from None
    try:
        settings = SignInSettings.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        said = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in faults[:5])
        raise SignInFault(f"{path}: {said or 'there is nothing in it'}") from None
    for fault in _faults(settings, catalogue):
        raise SignInFault(f"{path}: {fault}")
    return settings


def _faults(settings: SignInSettings, catalogue: Catalogue) -> Iterator[str]:
    """What nobody could sign in with, or would see other than is meant."""
    if "openid" not in settings.scopes:
        yield "scopes: without openid nobody is said to be anybody; add it"
    for place, line in enumerate(settings.roles):
        yield from _faults_of_line(f"roles.{place}", line, catalogue)
    codes = catalogue.areas.by_code.keys() | {area.division for area in catalogue.areas.by_code.values()}
    for name, areas in settings.areas.items():
        for place, code in enumerate(areas):
            if code not in codes:
                yield f"areas.{name}.{place}: there is no such area in the catalogue"


def _faults_of_line(at: str, line: RoleLine, catalogue: Catalogue) -> Iterator[str]:
    readers = {one.id: one.readers for one in catalogue.profiles}
    if line.audience not in {one.id for one in catalogue.audiences} | {""}:
        yield f"{at}.audience: there is no such audience; take one of the catalogue's"
    if line.profile not in readers.keys() | {""}:
        yield f"{at}.profile: there is no such profile; take one of the catalogue's"
    person = Person(id="-", role=line.role, audience=line.audience, profile=line.profile)
    if line.audience and not may(person, "inbox", catalogue.audiences):
        yield f"{at}: a {line.role} reads no alerts of that audience; see read_by in the catalogue's audiences"
    if not any(may(person, page, catalogue.audiences) for page in get_args(Page)):
        yield f"{at}: a {line.role} of that audience and profile may see no page"
    if line.audience and line.audience not in (readers.get(line.profile) or (line.audience,)):
        yield f"{at}.profile: {line.profile} is not for that audience; its readers are in the catalogue"


def known_of(settings: SignInSettings, claims: Mapping[str, object]) -> Known | None:
    """What is known of somebody by their claims; None where they are said to be nobody in particular."""
    who = _claim(claims, settings.claims.id)
    if not isinstance(who, str | int) or not _ID.fullmatch(str(who)):
        return None
    roles, areas = (_values(_claim(claims, name)) for name in (settings.claims.roles, settings.claims.areas))
    return Known(
        id=str(who),
        roles=tuple(dict.fromkeys(line.claim for line in settings.roles if line.claim in roles)),
        areas=tuple(name for name in settings.areas if name in areas),
    )


def person_by(settings: SignInSettings, known: Known) -> Person | None:
    """Who somebody is here: by the first line that names one of their roles. None for nobody."""
    line = next((one for one in settings.roles if one.claim in known.roles), None)
    if line is None:
        return None
    areas = sorted({code for name in known.areas for code in settings.areas.get(name, ())})
    if line.audience and not line.everywhere and not areas:
        # A person without areas sees those of everywhere, which nobody said of this one.
        return None
    return Person(
        id=known.id,
        role=line.role,
        audience=line.audience,
        profile=line.profile,
        areas=() if line.everywhere else tuple(areas),
    )


def _claim(claims: Mapping[str, object], name: str) -> object:
    """The claim of a name, or of a name within claims; None where it is not there."""
    if name in claims:
        return claims[name]
    found: object = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _values(claim: object) -> frozenset[str]:
    """A claim's values: a list's, or the words of a text, as scopes are written."""
    if isinstance(claim, str):
        return frozenset(claim.split())
    return frozenset(one for one in claim if isinstance(one, str)) if isinstance(claim, list | tuple) else frozenset()
