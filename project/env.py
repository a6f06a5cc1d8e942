"""Typed readers of the environment, whose errors name the variable, the value and what was expected.

Every reader looks at NAME and at NAME_FILE (a path, as Docker and Kubernetes secrets give). Setting both is
refused, since one of them would be silently ignored. An empty value counts as not set.
"""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar, overload
from urllib.parse import SplitResult, urlsplit

T = TypeVar("T")

TRUE_WORDS: Final = frozenset({"1", "true", "yes", "on"})
FALSE_WORDS: Final = frozenset({"0", "false", "no", "off"})

# Values of variables whose name holds one of these words are never repeated in an error message.
SECRET_WORDS: Final = ("SECRET", "PASSWORD", "TOKEN", "KEY")


class EnvironmentProblem(ValueError):
    """A variable of the environment is missing or cannot be understood."""

    def __init__(self, name: str, value: str | None, expected: str) -> None:
        self.name = name
        self.value = value
        self.expected = expected
        if value is None:
            found = "is not set"
        elif any(word in name for word in SECRET_WORDS) and not name.endswith("_FILE"):
            found = "holds a value (not shown) that cannot be used"
        else:
            found = f"is {value!r}"
        super().__init__(f"{name} {found}; expected {expected}.")


class Environment:
    """Reads settings from a mapping of strings, by default the process environment."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self._variables: Mapping[str, str] = os.environ if variables is None else variables

    def find(self, name: str) -> str | None:
        """Give the stripped text of NAME, or the content of the file NAME_FILE names, or None when unset."""
        direct = self._variables.get(name, "").strip()
        path = self._variables.get(f"{name}_FILE", "").strip()
        if direct and path:
            raise EnvironmentProblem(f"{name}_FILE", path, f"only one of {name} and {name}_FILE to be set")
        if path:
            return self._read_file(name, path)
        return direct or None

    @staticmethod
    def _read_file(name: str, path: str) -> str:
        try:
            content = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as problem:
            raise EnvironmentProblem(
                f"{name}_FILE", path, f"a readable text file with the value ({problem})"
            ) from problem
        if not content:
            raise EnvironmentProblem(f"{name}_FILE", path, "a file that is not empty")
        return content

    def text(self, name: str, default: str | None = None, *, expected: str = "a text", minimum_length: int = 0) -> str:
        """Give the text, or `default`; without a default the variable is required."""
        value = self.find(name)
        if value is None:
            if default is None:
                raise EnvironmentProblem(name, None, expected)
            return default
        if len(value) < minimum_length:
            raise EnvironmentProblem(name, value, f"{expected} of at least {minimum_length} characters")
        return value

    def integer(self, name: str, default: int, *, minimum: int | None = None, maximum: int | None = None) -> int:
        """Give a whole number inside the stated limits (both included)."""
        if minimum is not None and maximum is not None:
            expected = f"a whole number from {minimum} to {maximum}"
        elif minimum is not None:
            expected = f"a whole number of at least {minimum}"
        elif maximum is not None:
            expected = f"a whole number of at most {maximum}"
        else:
            expected = "a whole number"
        value = self.find(name)
        if value is None:
            return default
        try:
            number = int(value, 10)
        except ValueError as problem:
            raise EnvironmentProblem(name, value, expected) from problem
        if (minimum is not None and number < minimum) or (maximum is not None and number > maximum):
            raise EnvironmentProblem(name, value, expected)
        return number

    def boolean(self, name: str, *, default: bool) -> bool:
        """Give a yes or no; anything but the listed words is refused rather than read as no."""
        value = self.find(name)
        if value is None:
            return default
        word = value.lower()
        if word in TRUE_WORDS:
            return True
        if word in FALSE_WORDS:
            return False
        raise EnvironmentProblem(name, value, "one of true, false, yes, no, on, off, 1, 0")

    def choice(self, name: str, default: str, *, options: Sequence[str]) -> str:
        """Give one of `options`, whatever its case."""
        value = self.find(name)
        if value is None:
            return default
        if value.lower() not in options:
            raise EnvironmentProblem(name, value, f"one of {', '.join(options)}")
        return value.lower()

    def items(self, name: str, default: Sequence[str] = ()) -> list[str]:
        """Give the comma-separated words, without blanks and empty entries."""
        value = self.find(name)
        if value is None:
            return list(default)
        return [word.strip() for word in value.split(",") if word.strip()]

    @overload
    def url(self, name: str, default: str, *, schemes: Sequence[str]) -> str: ...

    @overload
    def url(self, name: str, default: None = None, *, schemes: Sequence[str]) -> str | None: ...

    def url(self, name: str, default: str | None = None, *, schemes: Sequence[str]) -> str | None:
        """Give a URL with one of `schemes`, or `default`. A password in it never reaches an error message."""
        value = self.find(name)
        if value is None:
            return default
        parts = self._guard(name, value, lambda: urlsplit(value), "a URL")
        expected = f"a URL that starts with {' or '.join(f'{scheme}://' for scheme in schemes)}"
        if parts.scheme not in schemes:
            raise EnvironmentProblem(name, without_password(parts), expected)
        self._guard(name, without_password(parts), lambda: parts.port, f"{expected} and a port from 1 to 65535")
        return value

    def folder(self, name: str, default: Path) -> Path:
        """Give an absolute path; the folder need not exist yet, but must not be a file."""
        value = self.find(name)
        path = (Path(value) if value else default).expanduser().absolute()
        if path.exists() and not path.is_dir():
            raise EnvironmentProblem(name, str(path), "a folder, not a file")
        return path

    @staticmethod
    def _guard(name: str, shown: str, read: Callable[[], T], expected: str) -> T:
        try:
            return read()
        except ValueError as problem:
            raise EnvironmentProblem(name, shown, expected) from problem


def without_password(parts: SplitResult) -> str:
    """Write a URL again with its password hidden."""
    network = parts.netloc
    if "@" in network:
        login, _, place = network.rpartition("@")
        user = login.partition(":")[0]
        network = f"{user}:***@{place}" if ":" in login else f"{user}@{place}"
    return parts._replace(netloc=network).geturl()
