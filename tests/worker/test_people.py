"""Joining, names, tokens and passwords."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from worker.people import BadNameError, NameTakenError, WrongJoinCodeError
from worker.settings import ServiceSettings
from worker.store import Store


def code(store: Store) -> str:
    return store.workshops.open()[0].join_code


def test_a_token_is_its_owner(store: Store) -> None:
    ada, token = store.people.join(code(store).upper(), "  Ada   Lovelace ")
    assert ada.name == "Ada Lovelace"
    assert store.people.by_token(token) == ada
    assert store.people.by_token(token + "x") is None
    other = store.people.new_token(ada)
    assert store.people.by_token(token) is None
    changed = store.people.by_token(other)
    assert changed is not None
    assert changed.session_version == ada.session_version + 1


def test_the_join_code_must_be_right(store: Store) -> None:
    with pytest.raises(WrongJoinCodeError):
        store.people.join("wrong", "ada")


@pytest.mark.parametrize("name", ["ada", "ADA", "Ａda"])  # noqa: RUF001  a wide letter on purpose
def test_names_that_look_alike_are_taken(store: Store, name: str) -> None:
    store.people.join(code(store), "Ada")
    with pytest.raises(NameTakenError):
        store.people.join(code(store), name)


def test_a_subject_is_one_participant_of_each_workshop(store: Store) -> None:
    other = store.workshops.add("Other", "other", "instructor")
    ada, token = store.people.add_participant(1, "Ada", subject="provider 1")
    with pytest.raises(NameTakenError):
        store.people.add_participant(1, "Somebody", subject="provider 1")
    with pytest.raises(NameTakenError):
        store.people.add_participant(1, "ada", subject="provider 2")
    again, _ = store.people.add_participant(other, "Ada", subject="provider 1")
    assert store.elsewhere.participants("provider 1") == [ada, again]
    assert store.elsewhere.participants("provider 2") == []
    assert store.people.by_token(token) == ada


@pytest.mark.parametrize("name", ["", "   ", "a\0b", "x" * 61, "evil\u202ename", "\ud800"])
def test_what_is_no_name(store: Store, name: str) -> None:
    with pytest.raises(BadNameError):
        store.people.join(code(store), name)


@pytest.mark.parametrize("name", ["שרה", "محمد", "Łukasz Żółć", "李小龍", "O'Brien; DROP TABLE"])
def test_names_of_all_scripts(store: Store, name: str) -> None:
    assert store.people.join(code(store), name)[0].name == name


def test_passwords(store: Store, service_settings: ServiceSettings) -> None:
    assert store.first_start(service_settings) is None
    assert store.people.sign_in("instructor", "guess") is None
    assert store.people.sign_in("nobody", "guess") is None
    assert store.people.set_password("instructor", "a better one")
    found = store.people.sign_in("instructor", "a better one")
    assert found is not None
    assert found.role == "instructor"
    assert not store.people.add_account("instructor", "assistant", "x")


def test_the_first_password_is_random_and_told_once(service_settings: ServiceSettings) -> None:
    store = Store.open(service_settings)
    first = store.first_start(service_settings)
    assert first is not None
    assert len(first.password) >= 16
    assert store.people.sign_in("instructor", first.password)
    assert store.first_start(service_settings) is None
    store.close()


def test_all_processes_sign_with_the_same_key(store: Store, service_settings: ServiceSettings) -> None:
    other = Store.open(service_settings)
    assert store.session_key(service_settings) == other.session_key(service_settings)
    other.close()


def test_hashes_of_passwords_cost_what_is_recommended(usual_hasher: PasswordHasher) -> None:
    """The second choice of RFC 9106, for machines without much memory."""
    assert (usual_hasher.time_cost, usual_hasher.memory_cost, usual_hasher.parallelism) == (3, 65_536, 4)
    assert usual_hasher.hash("secret").startswith("$argon2id$")
