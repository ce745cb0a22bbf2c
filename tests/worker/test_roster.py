"""Lists of participants: read as people save them, taken whole or not at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker.audit import Action
from worker.people import Participant
from worker.roster import Listed, RosterError, read
from worker.store import Store


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"name,id\nAda,17\nEve,18\n", [("Ada", "17"), ("Eve", "18")]),
        (b"\xef\xbb\xbfID number;Full name\r\n17;Ada\r\n\r\n", [("Ada", "17")]),
        (b"Ada\nEve\n", [("Ada", ""), ("Eve", "")]),
        (b"Ada\t17\n", [("Ada", "17")]),
        (b'name\n"Lovelace, Ada"\n', [("Lovelace, Ada", "")]),
        ("name\nمريم\n".encode(), [("مريم", "")]),
    ],
)
def test_lists_as_people_save_them(data: bytes, expected: list[tuple[str, str]]) -> None:
    assert [(one.name, one.external_id) for one in read(data)] == expected


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "empty"),
        (b"name,id\n", "empty"),
        (b"name\n\xff\n", "UTF-8"),
        (b"name\nAda\nADA\n", "line 3: ADA stands in line 2 already"),
        (b"name,id\n,17\n", "line 2: a name is needed"),
        (b"name\n" + b"a" * 61 + b"\n", "line 2: the name is longer"),
        (b"name,id\nAda," + b"1" * 101 + b"\n", "line 2: an id has"),
        (b'name\n"Ada\n', "no CSV"),
        (b"name\n" + b"".join(b"n%d\n" % number for number in range(2001)), "2000 are allowed"),
        (b"name\n" + b"\x01\n" * 9, "and 4 more"),
    ],
)
def test_what_is_no_list_is_refused(data: bytes, says: str) -> None:
    with pytest.raises(RosterError, match=says):
        read(data)


def test_who_is_new_gets_a_token(store: Store, join: Callable[[str], Participant]) -> None:
    ada = join("ada")
    found = store.roster.enrol(1, [Listed("Ada"), Listed("Eve", "18")], "teacher")
    assert [bool(one.token) for one in found] == [False, True], "who is there keeps the link that they have"
    eve = store.people.by_token(found[1].token)
    assert eve is not None
    assert [(one.id, one.name, one.external_id) for one in store.roster.members(1)] == [
        (ada.id, "ada", ""),
        (eve.id, "Eve", "18"),
    ]
    deed = store.audit.entries(action=Action.IMPORT)[0].deed
    assert (deed.after, deed.comment) == ("1 participants", "1 were there already")
