"""The database behind the service, with what it needs before anybody can use it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from sqlalchemy import select

from grader.parameters import workshop_secret
from worker import schema
from worker.audit import Audit
from worker.claims import Claims
from worker.database import Database
from worker.elsewhere import Elsewhere
from worker.gradebook import Gradebook
from worker.overrides import Overrides
from worker.people import People
from worker.regrade_claims import RegradeClaims
from worker.regrades import Regrades
from worker.reruns import Reruns
from worker.roster import Roster
from worker.rules import Rules
from worker.settings import ServiceSettings
from worker.staff import Staff
from worker.statistics import Statistics
from worker.submissions import Submissions
from worker.tables import secrets as secrets_table
from worker.workshops import Workshops, random_code

FIRST_WORKSHOP: Final = "workshop"
INSTRUCTOR: Final = "instructor"


@dataclass(frozen=True, slots=True)
class FirstStart:
    """What was made at the first start and is told once.

    Attributes:
        password: Of the account `instructor`, or empty where it was given.
    """

    password: str
    join_code: str


class Store:
    """Everything that is kept; one for each process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.submissions = Submissions(database)
        self.claims = Claims(database)
        self.people = People(database)
        self.elsewhere = Elsewhere(database)
        self.staff = Staff(database)
        self.audit = Audit(database)
        self.overrides = Overrides(database)
        self.regrades = Regrades(database)
        self.regrade_claims = RegradeClaims(database)
        self.reruns = Reruns(database)
        self.roster = Roster(database)
        self.gradebook = Gradebook(database, self.submissions, self.overrides)
        self.rules = Rules(database)
        self.statistics = Statistics(database)
        self.workshops = Workshops(database)

    @classmethod
    def open(cls, settings: ServiceSettings) -> Store:
        """Reach the database and bring it to the present schema.

        Raises:
            GraderError: Its address makes no sense.
        """
        store = cls(Database(settings.database))
        schema.upgrade(store.database)
        return store

    def first_start(self, settings: ServiceSettings) -> FirstStart | None:
        """Make the first workshop and the instructor's account; ``None`` where they are there already."""
        self.workshops.add_first(
            FIRST_WORKSHOP,
            settings.workshop_name,
            (settings.join_code or random_code()).lower(),
            workshop_secret(settings.grader),
        )
        if self.people.has_accounts():
            return None
        password = settings.instructor_password or random_code(16)
        if not self.people.add_account(INSTRUCTOR, "instructor", password):
            return None
        opened = self.workshops.open()
        join_code = opened[0].join_code if opened else ""
        return FirstStart("" if settings.instructor_password else password, join_code)

    def session_key(self, settings: ServiceSettings) -> str:
        """Return what cookies are signed with: the setting, or a random one that all processes share."""
        if settings.session_key:
            return settings.session_key
        query = select(secrets_table.c.value).where(secrets_table.c.name == "session_key")
        with self.database.write() as connection:
            found = connection.execute(query).scalar()
            if found is None:
                found = secrets.token_hex(32)
                connection.execute(secrets_table.insert().values(name="session_key", value=found))
        return str(found)

    def close(self) -> None:
        """Close every connection."""
        self.database.close()
