"""The store of tokens: whose text counts, until when, and what an upgrade keeps."""

from __future__ import annotations

import sqlite3
import stat
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from api.errors import NoTokenError, StateError, TokenError
from api.state.access import SCOPES, AccessDatabase, SessionStore, TokenStore
from api.state.access import database as schema

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = st.sampled_from(["soar", "grafana", "a.b@c"])


class TokensMachine(RuleBasedStateMachine):
    """Random lives of tokens against a plain model: text to name, scopes, end, and whether it was revoked."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = 1000.0
        self.path = Path(self.folder.name) / "access.sqlite3"
        self.open()
        self.known: dict[str, tuple[str, tuple[str, ...], float | None, bool]] = {}

    def open(self) -> None:
        """Open the stores."""
        self.database = AccessDatabase(self.path)
        self.store = TokenStore(self.database, lambda: self.now)
        self.sessions = SessionStore(self.database, lambda: self.now)

    @rule(name=NAMES, scopes=st.sets(st.sampled_from(SCOPES), min_size=1), lasting=st.none() | st.floats(1, 100))
    def create(self, name: str, scopes: set[str], lasting: float | None) -> None:
        """Make a token, whose name may be taken."""
        is_taken = any(n == name and not revoked for n, _, _, revoked in self.known.values())
        end = None if lasting is None else self.now + lasting
        try:
            token, text = self.store.create(name, scopes, end)
        except TokenError:
            assert is_taken
        else:
            assert not is_taken
            assert set(token.scopes) == scopes
            self.known[text] = (name, token.scopes, end, False)

    @rule(name=NAMES)
    def revoke(self, name: str) -> None:
        """Revoke by name."""
        live = [text for text, (n, _, _, revoked) in self.known.items() if n == name and not revoked]
        try:
            self.store.revoke(name)
        except NoTokenError:
            assert not live
        else:
            (text,) = live
            self.known[text] = (*self.known[text][:3], True)

    @rule(later=st.floats(0, 50))
    def wait(self, later: float) -> None:
        """Let time pass."""
        self.now += later

    @rule()
    def open_again(self) -> None:
        """Close and open the file."""
        self.database.close()
        self.open()

    @invariant()
    def texts_count_as_long_as_they_should(self) -> None:
        """Hold every text ever made against the model."""
        for text, (name, scopes, end, revoked) in self.known.items():
            found = self.store.find(text)
            counts = not revoked and (end is None or self.now < end)
            assert (found is not None) == counts
            if found is not None:
                assert (found.name, found.scopes, found.expires_at) == (name, scopes, end)
        assert self.store.exist() == bool(self.known)
        assert len(self.store.all()) == len(self.known)

    def teardown(self) -> None:
        """Leave nothing."""
        self.database.close()
        self.folder.cleanup()


TestTokens = TokensMachine.TestCase
TestTokens.settings = settings(max_examples=25, stateful_step_count=20)


@pytest.fixture
def store(database: AccessDatabase) -> TokenStore:
    return TokenStore(database)


def wrong_texts(text: str) -> Iterator[str]:
    """Yield what is nearly the text."""
    yield from ("", "nsl_", text[:-1], text + "A", text.upper(), " " + text, text + "\n", text.replace("nsl", "xsl"))
    for place in (4, 15, 17, len(text) - 2):
        other = "0" if text[place] != "0" else "1"
        yield text[:place] + other + text[place + 1 :]


def test_only_the_whole_text_is_the_token(store: TokenStore) -> None:
    _, text = store.create("soar", ["read"])
    assert [store.find(wrong) for wrong in wrong_texts(text)] == [None] * 12
    assert store.find(text) is not None


def test_the_text_is_in_no_file_and_only_its_owner_reads_them(database: AccessDatabase, tmp_path: Path) -> None:
    token, text = TokenStore(database).create("soar", ["read"])
    session = SessionStore(database).begin(token.id, 100)
    files = list((tmp_path / "state").iterdir())
    assert files
    for file in files:
        content = file.read_bytes()
        assert text.rpartition("_")[2].encode() not in content
        assert session.encode() not in content
    assert stat.S_IMODE((tmp_path / "state" / "access.sqlite3").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["", " ", "a b", "-a", "a\x1b[31m", "a\n", "é", "x" * 65])
def test_what_is_no_name_is_refused(store: TokenStore, name: str) -> None:
    with pytest.raises(TokenError, match="no name of a token"):
        store.create(name, ["read"])


@pytest.mark.parametrize("scopes", [[], ["write"], ["read", "Admin"]])
def test_what_is_no_scope_is_refused(store: TokenStore, scopes: list[str]) -> None:
    with pytest.raises(TokenError, match="expected one or several of read, train, respond, admin"):
        store.create("soar", scopes)
    assert not store.exist()


def test_a_token_that_cannot_be_handed_over_does_not_exist(store: TokenStore) -> None:
    def refuse(_: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        store.create("soar", ["read"], hand_over=refuse)
    assert not store.exist()


def test_sessions_end_by_themselves_and_with_their_token(database: AccessDatabase) -> None:
    now = [0.0]
    tokens, sessions = TokenStore(database, lambda: now[0]), SessionStore(database, lambda: now[0])
    token, _ = tokens.create("soar", ["read"])
    first, second = sessions.begin(token.id, 10), sessions.begin(token.id, 100)
    assert [sessions.token_of(secret) for secret in (first, second, "made up")] == [token.id, token.id, None]
    now[0] = 10.0
    assert [sessions.token_of(secret) for secret in (first, second)] == [None, token.id]
    tokens.revoke(token.id)
    assert sessions.token_of(second) is None


def test_a_token_has_so_many_sessions_the_newest_stay(database: AccessDatabase) -> None:
    now = [0.0]
    tokens, sessions = TokenStore(database, lambda: now[0]), SessionStore(database, lambda: now[0])
    token, _ = tokens.create("soar", ["read"])
    secrets = []
    for _ in range(80):
        now[0] += 1
        secrets.append(sessions.begin(token.id, 1000))
    assert [sessions.token_of(secret) is not None for secret in secrets] == [False] * 16 + [True] * 64


def test_an_upgrade_keeps_the_tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "access.sqlite3"
    before = AccessDatabase(path)
    _, text = TokenStore(before).create("soar", ["read", "respond"])
    before.close()
    monkeypatch.setattr(
        schema, "STEPS", (*schema.STEPS, "ALTER TABLE token ADD COLUMN note TEXT; CREATE TABLE more (a);")
    )
    for _ in range(2):
        after = AccessDatabase(path)
        found = TokenStore(after).find(text)
        assert found is not None
        assert found.scopes == ("read", "respond")
        assert after.read("SELECT note FROM token") == [(None,)]
        assert after.read("PRAGMA user_version") == [(len(schema.STEPS),)]
        after.close()


def test_an_upgrade_that_fails_leaves_all_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "access.sqlite3"
    before = AccessDatabase(path)
    _, text = TokenStore(before).create("soar", ["read"])
    before.close()
    with monkeypatch.context() as patched:
        patched.setattr(schema, "STEPS", (*schema.STEPS, "CREATE TABLE more (a); ALTER TABLE absent ADD COLUMN b;"))
        with pytest.raises(StateError, match="no such table"):
            AccessDatabase(path)
    again = AccessDatabase(path)
    assert TokenStore(again).find(text) is not None
    again.close()


def test_what_is_not_ours_or_is_of_a_later_version_is_left_alone(tmp_path: Path) -> None:
    later, foreign, noise = tmp_path / "later", tmp_path / "foreign", tmp_path / "noise"
    AccessDatabase(later).close()
    with closing(sqlite3.connect(later)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    noise.write_bytes(b"no database at all, whatever its name says" * 50)
    for path, told in ((later, "found version 99"), (foreign, "of this program's store"), (noise, "not a database")):
        with pytest.raises(StateError, match=told):
            AccessDatabase(path)
