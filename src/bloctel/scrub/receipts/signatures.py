"""Signatures of receipts with Ed25519 keys (RFC 8032)."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from msgspec.structs import replace

from bloctel._util.atomic_files import flush_folder
from bloctel._util.optional import optional_module
from bloctel._util.protected_files import refuse_to_replace
from bloctel._util.raising import raise_alone
from bloctel._util.whole_files import read_file
from bloctel.errors import InputError
from bloctel.scrub.receipts.receipt import Receipt, Signature

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

#: The y coordinates of the points of small order on the curve of Ed25519 (RFC 8032).
#: A signature with such a public key can be valid for every receipt.
_PRIME = 2**255 - 19
_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER = {0, 1, _PRIME - 1, _ORDER_8, _PRIME - _ORDER_8}

_A_KEY = "a file with a signing key"
_ED25519 = "hazmat.primitives.asymmetric.ed25519"
_SERIALIZATION = "hazmat.primitives.serialization"


class SigningKey:
    """A private key that signs receipts.

    Attributes:
        path: The file with the key, which no output of a scrub may replace.
        public_key: The public key that verifies the signatures, as 64 hex digits.
    """

    def __init__(self, key: "Ed25519PrivateKey", path: Path) -> None:
        """Wrap a private key; users call `create` or `read` instead."""
        self._key = key
        self.path = path
        self.public_key = key.public_key().public_bytes_raw().hex()

    @classmethod
    def create(cls, path: str | Path) -> Self:
        """Create a signing key in a new PEM file that only its owner can read.

        Raises:
            InputError: The file already exists, or cannot be written.
            MissingExtraError: The extra `secrets` is not installed.
        """
        refuse_to_replace(path, "a key")  # an existing key is refused below
        serialization = _module(_SERIALIZATION)
        key = _module(_ED25519).Ed25519PrivateKey.generate()
        content = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(descriptor)
            flush_folder(Path(path).absolute().parent)
        except FileExistsError as error:
            # the existing file may contain a key that is in use
            got = "a file that already exists"
            raise InputError("a new file for the key", got, str(path)) from error
        except OSError as error:
            got = f"a file that cannot be written ({error.strerror})"
            raise InputError("a new file for the key", got, str(path)) from error
        return cls(key, Path(path))

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a signing key from its PEM file.

        Raises:
            InputError: The file cannot be read, or does not contain an Ed25519 key.
            MissingExtraError: The extra `secrets` is not installed.
        """
        unsupported = _module("exceptions").UnsupportedAlgorithm
        content = read_file(path, _A_KEY)
        try:
            key = _module(_SERIALIZATION).load_pem_private_key(content, password=None)
        except (ValueError, TypeError, unsupported):
            got = f"{len(content)} bytes that are not a PEM key"
            raise_alone(InputError(_A_KEY, got, str(path)))
        if not isinstance(key, _module(_ED25519).Ed25519PrivateKey):
            raise InputError(_A_KEY, "a key that is not Ed25519", str(path))
        return cls(key, Path(path))

    def sign(self, receipt: Receipt) -> Receipt:
        """Return the receipt with its signature."""
        value = self._key.sign(receipt.signed).hex()
        signature = Signature(public_key=self.public_key, value=value)
        return replace(receipt, signature=signature)

    def __repr__(self) -> str:
        return f"SigningKey(public_key={self.public_key!r})"


def is_signed(receipt: Receipt) -> bool:
    """Return True if the signature of a receipt matches the public key in it."""
    signature = receipt.signature
    if signature is None:
        return False
    invalid = _module("exceptions").InvalidSignature
    public = bytes.fromhex(signature.public_key)
    if int.from_bytes(public, "little") % 2**255 % _PRIME in _SMALL_ORDER:
        return False
    try:
        key = _module(_ED25519).Ed25519PublicKey.from_public_bytes(public)
        key.verify(bytes.fromhex(signature.value), receipt.signed)
    except (invalid, ValueError):
        return False
    return True


def _module(name: str) -> Any:
    return optional_module(f"cryptography.{name}", "signatures of receipts", "secrets")
