"""Who asks: a participant by cookie or token, or an instructor by cookie."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import abort, g, redirect, request, session, url_for
from werkzeug.wrappers import Response

from web.language import gettext
from web.problems import Problem
from web.services import services
from worker.people import Account, Participant

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


def participant() -> Participant | None:
    """Return the participant of this browser's session."""
    if "participant" not in g:
        g.participant = None
        identity = session.get("participant")
        if isinstance(identity, int):
            found = services().store.people.participant(identity)
            if found is not None and found.session_version == session.get("version"):
                g.participant = found
    return g.participant  # type: ignore[no-any-return]


def account() -> Account | None:
    """Return the instructor or assistant of this browser's session."""
    if "account" not in g:
        g.account = None
        identity = session.get("account")
        if isinstance(identity, int):
            found = services().store.people.account(identity)
            if found is not None and found.session_version == session.get("account_version"):
                g.account = found
    return g.account  # type: ignore[no-any-return]


def acting() -> str:
    """Return the name of the account that asks, for the trail."""
    found = account()
    if found is None:
        abort(403)
    return found.name


def by_token() -> Participant:
    """Return the participant whose token the request carries.

    Raises:
        Problem: It carries none, or one that nobody has.
    """
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Problem(401, gettext("a token is needed: send `Authorization: Bearer TOKEN`"))
    found = services().by_token(token.strip())
    if found is None:
        raise Problem(401, gettext("nobody has this token"))
    return found


def become_participant(found: Participant) -> None:
    """Start a new session for a participant."""
    kept = session.get("account"), session.get("account_version")
    session.clear()
    session["participant"], session["version"] = found.id, found.session_version
    if kept[0] is not None:
        session["account"], session["account_version"] = kept
    session.permanent = True


def become_account(found: Account) -> None:
    """Start a new session for an instructor."""
    session.clear()
    session["account"], session["account_version"] = found.id, found.session_version


def participants_only(
    view: Callable[_Parameters, _Result],
) -> Callable[_Parameters, _Result | Response]:
    """Send whoever has not joined to the page where they can."""

    @wraps(view)
    def guarded(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result | Response:
        if participant() is None:
            return redirect(url_for("account.join", next=request.full_path.rstrip("?")))
        return view(*args, **kwargs)

    return guarded


def known_only(view: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result | Response]:
    """Send whoever has neither joined nor signed in to the page where they can join."""
    guarded = participants_only(view)

    @wraps(view)
    def open_to_staff(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result | Response:
        return guarded(*args, **kwargs) if account() is None else view(*args, **kwargs)

    return open_to_staff


def instructors_only(view: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result | Response]:
    """Refuse assistants, who see everything and change no settings."""

    @wraps(view)
    def guarded(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result | Response:
        found = account()
        if found is None or found.role != "instructor":
            abort(403, gettext("Only instructors may change this."))
        return view(*args, **kwargs)

    return guarded


def staff_only(view: Callable[_Parameters, _Result]) -> Callable[_Parameters, _Result | Response]:
    """Send whoever is no instructor to the page where they can sign in."""

    @wraps(view)
    def guarded(*args: _Parameters.args, **kwargs: _Parameters.kwargs) -> _Result | Response:
        if account() is None:
            return redirect(url_for("account.sign_in", next=request.full_path.rstrip("?")))
        return view(*args, **kwargs)

    return guarded
