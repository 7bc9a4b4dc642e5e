"""The settings of sealing: where the key store is, and which key-encryption key opens it.

One YAML file. It holds no key itself, only where one is; the URL may hold a password, so nothing here repeats a value.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from safety_stream.catalogue.documents import UnreadableError, read_document

Text = Annotated[str, StringConstraints(min_length=1, max_length=2_000)]

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]*$", max_length=100)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileSettings(_Settings):
    """A key-encryption key in a file that its owner alone can read."""

    file: Path


class VaultSettings(_Settings):
    """A key of Vault's transit engine: where, which, and the file with the token that may use it."""

    url: Annotated[str, StringConstraints(pattern=r"^(https://[^\s/]+|http://(127\.0\.0\.1|localhost)(:\d+)?)/?$")]
    mount: Word = "transit"
    key: Word
    token_file: Path
    ca: Path | None = None


class InVaultSettings(_Settings):
    """A key-encryption key that never leaves Vault."""

    vault: VaultSettings


class HsmSettings(_Settings):
    """An AES key in a token of PKCS #11: the vendor's module, the labels of both, and the file with the user's PIN."""

    module: Path
    token: Annotated[str, StringConstraints(pattern=r"^[ -~]+$", max_length=32)]
    key: Word
    pin_file: Path


class InHsmSettings(_Settings):
    """A key-encryption key that never leaves a hardware security module."""

    hsm: HsmSettings


class SealingSettings(_Settings):
    """The whole file. `store` is a URL of SQLAlchemy's: sqlite:///FILE or postgresql://USER@HOST/NAME.

    `lost` is the fingerprint of a store that is gone for good, in whose place this one is.
    """

    store: Text
    lost: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")] | None = None
    key: FileSettings | InVaultSettings | InHsmSettings


class SettingsFault(ValueError):
    """The settings are stated wrongly. The sentence says where and what mends it, and holds no value."""


def read_sealing_settings(path: Path) -> SealingSettings:
    """Read the file. Raises `SettingsFault`, and `OSError` when it cannot be read."""
    try:
        value = read_document(path).value
    except UnreadableError as error:
        raise SettingsFault(f"{path}:{error.line}: {error.what}; {error.mend}") from None
    try:
        return SealingSettings.model_validate(value)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        said = "; ".join(f"{'.'.join(str(part) for part in fault['loc'])}: {fault['msg']}" for fault in faults[:5])
        raise SettingsFault(f"{path}: {said or 'there is nothing in it'}") from None
