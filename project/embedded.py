"""Where the embedded default keeps its key and its broker's socket: private places of one data folder."""

import hashlib
import os
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Final

# sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing zero included.
LONGEST_SOCKET_PATH: Final = 100
KEY_FILE: Final = "secret_key"


class UnsafeFolder(RuntimeError):
    """A folder that must be private belongs to, or is open to, someone else."""


def socket_path(data: Path) -> Path:
    """Give the broker's Unix socket of a data folder; a deep folder gets a short private one in /tmp instead.

    The same folder always gives the same path, so that web, worker and beat find one another.
    """
    near = data / "run" / "broker.sock"
    if len(os.fsencode(near)) <= LONGEST_SOCKET_PATH:
        return near
    mark = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    short = Path(tempfile.gettempdir()) / f"calciwatch-{os.getuid()}-{mark}" / "broker.sock"
    if len(os.fsencode(short)) <= LONGEST_SOCKET_PATH:
        return short
    return Path("/tmp") / f"calciwatch-{os.getuid()}-{mark}" / "broker.sock"  # noqa: S108 - made 0700 and checked


def make_private_folder(folder: Path) -> Path:
    """Create a folder only this user can enter; raises UnsafeFolder when it is another user's or a link."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise UnsafeFolder(f"{folder} is not a folder of this user; remove it or choose another CALCIWATCH_DATA.")
    folder.chmod(0o700)
    return folder


def stored_secret_key(data: Path) -> str:
    """Give the secret key kept in the data folder (mode 0600), made at first use.

    Two processes that start together agree: the key is written beside and linked into place, so the first one
    to link wins and nobody reads half a key.
    """
    path = data / KEY_FILE
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True)
        draft = data / f".{KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(handle, secrets.token_urlsafe(50).encode())
            os.fsync(handle)
        finally:
            os.close(handle)
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()
