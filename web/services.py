"""What every request needs, made once for each process."""

from __future__ import annotations

import threading
from functools import cached_property
from typing import Final, cast

from flask import Flask, current_app, request

from grader.exercise.catalogue import Catalogue, folders
from grader.model import Exercise
from web.language import gettext
from web.problems import Problem
from web.remembered import Remembered
from web.results.drawn import Drawn
from worker.notices import Ear, Notices, make_notices
from worker.people import Participant
from worker.queue import make_app
from worker.rules import Rule
from worker.settings import ServiceSettings
from worker.store import Store
from worker.submission import State, Submitted
from worker.tickets import Tickets
from worker.workshops import Workshop

_KEPT_SECONDS: Final = 10.0
_BOARD_SECONDS: Final = 1.0
_PLACES_SECONDS: Final = 1.0
_WAITING_SHARE: Final = 0.75  # of the threads: the others answer everybody else


class Services:
    """Store, queue, notices and exercises of one web process."""

    def __init__(self, settings: ServiceSettings) -> None:
        self.settings = settings
        self.store = Store.open(settings)
        self.tickets = Tickets(make_app(settings), settings)
        self.notices: Notices = make_notices(settings)
        self.ear = Ear(settings)
        self.catalogue = Catalogue(folders(settings.grader))
        self._tokens: Remembered[str, Participant] = Remembered(_KEPT_SECONDS)
        self._workshops: Remembered[int, Workshop] = Remembered(_KEPT_SECONDS)
        self._rules: Remembered[int, dict[str, Rule]] = Remembered(_KEPT_SECONDS)
        self._places: Remembered[str, dict[str, int]] = Remembered(_PLACES_SECONDS)
        self._queue_lock = threading.Lock()
        self.boards: Remembered[tuple[int, float | None, bool, bool, str], str] = Remembered(_BOARD_SECONDS)
        self.board_lock = threading.Lock()
        self.drawn = Drawn()

    @cached_property
    def exercises(self) -> dict[str, Exercise]:
        """The exercises that can be used, in the order of the workshop."""
        return {exercise.slug: exercise for exercise in self.catalogue.usable()}

    def following(self, slug: str) -> Exercise | None:
        """Return the exercise after another one on the path."""
        slugs = list(self.exercises)
        after = slugs[slugs.index(slug) + 1 :] if slug in slugs else []
        return self.exercises[after[0]] if after else None

    def exercise(self, slug: str) -> Exercise | None:
        """Return an exercise that can be used."""
        return self.exercises.get(slug)

    def by_token(self, token: str) -> Participant | None:
        """Return whose token this is; what changes is noticed after a few seconds."""
        known = self._tokens.get(token)
        if known is not None:
            return known
        found = self.store.people.by_token(token)
        return None if found is None else self._tokens.put(token, found)

    def workshop(self, identity: int) -> Workshop:
        """Return a workshop; what changes is noticed after a few seconds.

        Raises:
            Problem: It is gone.
        """
        known = self._workshops.get(identity)
        if known is not None:
            return known
        found = self.store.workshops.find(identity)
        if found is None:
            raise Problem(404, gettext("this workshop was deleted"))
        return self._workshops.put(identity, found)

    def section_rules(self, workshop_id: int) -> dict[str, Rule]:
        """Return a workshop's rules by section; what changes is noticed after a few seconds."""
        known = self._rules.get(workshop_id)
        return known if known is not None else self._rules.put(workshop_id, self.store.rules.of(workshop_id))

    def rules(self, workshop_id: int) -> dict[str, Rule]:
        """Return a workshop's rules by exercise."""
        by_section = self.section_rules(workshop_id)
        if not by_section:
            return {}
        return {
            slug: by_section[exercise.section]
            for slug, exercise in self.exercises.items()
            if exercise.section in by_section
        }

    def changed(self, workshop: Workshop) -> None:
        """Forget what was known of a workshop; other web processes notice after a few seconds."""
        self._workshops.forget(workshop.id)
        self._rules.forget(workshop.id)

    def first_workshop(self) -> Workshop | None:
        """Return the workshop that instructors look at unless they choose another one."""
        found = self.store.workshops.open()
        return found[0] if found else None

    def base_url(self) -> str:
        """Return how participants reach this server, without a slash at the end."""
        return self.settings.base_url.rstrip("/") or request.host_url.rstrip("/")

    def position(self, submitted: Submitted) -> int | None:
        """Return how many are graded before a submission, or ``None`` if it does not wait.

        It may be a second old: all the pages that wait share one look at the queue.
        """
        if submitted.state is not State.QUEUED:
            return None
        with self._queue_lock:
            places = self._places.get("queue")
            if places is None:
                places = self._places.put("queue", self.store.submissions.positions())
        place = places.get(submitted.id)
        return place if place is not None else self.store.submissions.position(submitted.id)

    def may_wait(self) -> bool:
        """Return whether one more request may hold a thread until something happens."""
        return self.ear.waiters() < self.settings.threads * _WAITING_SHARE

    def close(self) -> None:
        """Let go of everything."""
        self.ear.close()
        self.notices.close()
        self.tickets.close()
        self.store.close()


def install(app: Flask, services: Services) -> None:
    """Give an application its services."""
    app.extensions["grader"] = services


def services() -> Services:
    """Return the services of the present request's application."""
    return cast(Services, current_app.extensions["grader"])
