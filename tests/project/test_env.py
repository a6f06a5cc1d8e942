"""Reading the environment: what is understood, what is refused, and whether the refusal helps."""

from pathlib import Path

import pytest

from project.env import Environment, EnvironmentProblem


def refusal(read: object) -> str:
    """Give the sentence of the refusal that reading causes."""
    with pytest.raises(EnvironmentProblem) as caught:
        read()  # type: ignore[operator]
    return str(caught.value)


@pytest.mark.parametrize(
    ("sentence", "text", "value"),
    [
        ("true is yes", "true", True),
        ("On is yes, whatever its case", "On", True),
        ("1 is yes", "1", True),
        ("no is no", "no", False),
        ("0 is no", "0", False),
        ("an empty text means not set, so the default holds", "", True),
    ],
)
def test_yes_and_no(sentence: str, text: str, value: bool) -> None:
    assert Environment({"X": text}).boolean("X", default=True) is value, sentence


@pytest.mark.parametrize("text", ["maybe", "2", "tru", "off!", "None"], ids="{} must not be read as no".format)
def test_a_word_that_is_neither_yes_nor_no_is_refused(text: str) -> None:
    said = refusal(lambda: Environment({"CALCIWATCH_DEBUG": text}).boolean("CALCIWATCH_DEBUG", default=False))
    assert "CALCIWATCH_DEBUG" in said
    assert repr(text) in said
    assert "true, false" in said


@pytest.mark.parametrize(
    ("sentence", "text", "accepted"),
    [
        ("the smallest port is a port", "1", True),
        ("the largest port is a port", "65535", True),
        ("zero is below the limits", "0", False),
        ("one above the largest is outside", "65536", False),
        ("a decimal is not a whole number", "8000.0", False),
        ("a word is not a number", "http", False),
        ("a hexadecimal number is not guessed at", "0x1F40", False),
    ],
)
def test_whole_numbers_keep_to_their_limits(sentence: str, text: str, accepted: bool) -> None:
    env = Environment({"CALCIWATCH_PORT": text})
    if accepted:
        assert env.integer("CALCIWATCH_PORT", 8000, minimum=1, maximum=65535) == int(text), sentence
    else:
        said = refusal(lambda: env.integer("CALCIWATCH_PORT", 8000, minimum=1, maximum=65535))
        assert said == f"CALCIWATCH_PORT is {text!r}; expected a whole number from 1 to 65535."


def test_a_required_text_that_is_missing_is_named_with_what_was_expected() -> None:
    said = refusal(lambda: Environment({}).text("SECRET_KEY", expected="a random text"))
    assert said == "SECRET_KEY is not set; expected a random text."


def test_a_secret_is_never_repeated_in_the_error() -> None:
    said = refusal(lambda: Environment({"SECRET_KEY": "hunter2"}).text("SECRET_KEY", minimum_length=32))
    assert "hunter2" not in said
    assert "at least 32 characters" in said


def test_a_password_in_a_url_is_never_repeated_in_the_error() -> None:
    env = Environment({"DATABASE_URL": "mysql://cw:hunter2@db/calciwatch"})
    said = refusal(lambda: env.url("DATABASE_URL", schemes=("postgresql",)))
    assert "hunter2" not in said
    assert "mysql://cw:***@db/calciwatch" in said
    assert "postgresql://" in said


@pytest.mark.parametrize("url", ["redis://host:99999/0", "redis://host:port/0"])
def test_a_url_with_an_impossible_port_is_refused(url: str) -> None:
    assert "port from 1 to 65535" in refusal(lambda: Environment({"R": url}).url("R", schemes=("redis",)))


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("from-a-docker-secret\n")
    assert Environment({"SECRET_KEY_FILE": str(secret)}).text("SECRET_KEY") == "from-a-docker-secret"


def test_the_variable_and_its_file_together_are_refused_instead_of_one_being_ignored(tmp_path: Path) -> None:
    env = Environment({"SECRET_KEY": "a", "SECRET_KEY_FILE": str(tmp_path / "key")})
    assert "only one of SECRET_KEY and SECRET_KEY_FILE" in refusal(lambda: env.text("SECRET_KEY"))


@pytest.mark.parametrize(
    ("sentence", "content"), [("a missing file is not no value", None), ("an empty file is not a value", "\n")]
)
def test_a_secret_file_that_gives_nothing_is_refused(sentence: str, content: str | None, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    if content is not None:
        secret.write_text(content)
    said = refusal(lambda: Environment({"SECRET_KEY_FILE": str(secret)}).text("SECRET_KEY", "default"))
    assert str(secret) in said, sentence


@pytest.mark.parametrize(
    ("sentence", "text", "words"),
    [
        ("words are split at commas", "a.example,b.example", ["a.example", "b.example"]),
        ("blanks and empty entries are left out", " a.example , ,", ["a.example"]),
        ("nothing set gives the default", "", ["default"]),
    ],
)
def test_lists(sentence: str, text: str, words: list[str]) -> None:
    assert Environment({"X": text}).items("X", ["default"]) == words, sentence


def test_a_choice_outside_of_the_options_is_refused() -> None:
    said = refusal(lambda: Environment({"LOG": "xml"}).choice("LOG", "json", options=("text", "json")))
    assert said == "LOG is 'xml'; expected one of text, json."


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.touch()
    assert "a folder, not a file" in refusal(lambda: Environment({"D": str(file)}).folder("D", tmp_path))
