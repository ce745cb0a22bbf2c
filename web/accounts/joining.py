"""Lets participants join, and come back on any device, by the OpenID Connect provider: no code, no link."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from web.accounts import provider
from web.accounts.account import enter
from web.identity import participant
from web.language import gettext
from web.problems import Problem
from web.rates import limited
from web.services import services
from web.wording import as_sentence, told
from worker.people import BadNameError, NameTakenError, Participant, WrongJoinCodeError, clean_name

blueprint = Blueprint("joining", __name__)

WANTED: Final = ("email", "groups", "name")
"""Claims that joining needs."""

_STATE: Final = "join-"  # no state of Authlib's own begins so: they hold no hyphens
_ASKED: Final = "joining_asked"  # in the session: the code and the page that somebody began with
_SHOWN: Final = "joining_shown"  # in the session: who the provider said it is, until they are in
_PATIENCE_SECONDS: Final = 900


def offered() -> str:
    """Return what the provider is called on the button to join, or an empty text where nobody joins by it."""
    return provider.called() if services().settings.openid_participants else ""


def has_begun(state: str) -> bool:
    """Return whether whoever comes back with this state went away to join."""
    return state.startswith(_STATE)


@blueprint.get("/join/openid")
@limited("join by openid", lambda settings: settings.join_rate)
def begin() -> Response:
    """Send somebody to the provider, who wants to join or to come back."""
    if not offered():
        raise Problem(404, gettext("Nobody joins by OpenID Connect here."))
    if participant() is not None:
        return redirect(url_for("pages.start"))
    session[_ASKED] = {
        "code": request.args.get("code", "")[:64],
        "next": request.args.get("next", "")[:2_000],
    }
    return provider.send_there(_STATE + secrets.token_urlsafe(24))


def arrive(said: provider.Said) -> tuple[str, int] | Response:
    """Note whom the provider has shown, and let them in if the settings do."""
    settings = services().settings
    if not provider.is_listed(said, settings.openid_participants):
        provider.refused(provider.account_name(said), "may not join")
        name = settings.openid_name
        return refuse(gettext("%(provider)s knows you, but you are not on the list.", provider=name))
    asked = session.pop(_ASKED, {"code": "", "next": ""})
    until = time.time() + _PATIENCE_SECONDS
    session[_SHOWN] = asked | {"subject": provider.subject(said), "name": _name(said), "until": until}
    return redirect(url_for("joining.arrived"))


@blueprint.get("/join/openid/arrived")
def arrived() -> str | Response:
    """Let somebody in whom the provider has shown, or ask for what is missing; it can be loaded again."""
    shown = _shown()
    if shown is None or participant() is not None:
        return redirect(url_for("account.join"))
    try:
        return _enter(shown, shown["name"], shown["code"])
    except (WrongJoinCodeError, BadNameError) as error:
        return _ask(error, shown["name"], shown["code"])


@blueprint.post("/join/openid/arrived")
@limited("join", lambda settings: settings.join_rate)
def join_now() -> tuple[str, int] | Response:
    """Let somebody in whom the provider has shown, with what was missing."""
    shown = _shown()
    if shown is None:
        return redirect(url_for("account.join"))
    name, code = request.form.get("name", ""), request.form.get("join_code", "")
    try:
        return _enter(shown, name, code)
    except (WrongJoinCodeError, BadNameError) as error:
        return _ask(error, name, code), 409 if isinstance(error, NameTakenError) else 422


def refuse(why: str) -> tuple[str, int]:
    """Show the form for the join code, and why somebody cannot join by the provider."""
    session.pop(_ASKED, None)
    return render_template("join.html", name="", join_code="", problem=why, field=""), 403


def _shown() -> Mapping[str, Any] | None:
    shown: Mapping[str, Any] | None = session.get(_SHOWN)
    return shown if shown is not None and shown["until"] > time.time() else None


def _enter(shown: Mapping[str, Any], name: str, code: str) -> Response:
    found, token = _taking_part(shown["subject"], name, code)
    return enter(found, token, shown["next"])


def _taking_part(subject: str, name: str, code: str) -> tuple[Participant, str | None]:
    """Return who somebody is in the workshop, and their token where they are new there."""
    people, elsewhere = services().store.people, services().store.elsewhere
    mine = elsewhere.participants(subject)
    where = _workshop(mine, code)
    for one in mine:
        if one.workshop_id == where:
            return one, None
    try:
        return people.add_participant(where, name, subject=subject)
    except NameTakenError:
        # Two windows of the same person may come back at the same moment.
        for one in elsewhere.participants(subject):
            if one.workshop_id == where:
                return one, None
        raise


def _workshop(mine: list[Participant], code: str) -> int:
    """Return the workshop that a code names, or the only one that can be meant without it.

    Raises:
        WrongJoinCodeError: There is none, or there are several.
    """
    if code.strip():
        for one in mine:  # also where it is over: they read on
            if services().workshop(one.workshop_id).join_code == code.strip().lower():
                return one.workshop_id
        return services().store.people.open_workshop(code)
    still_open = [workshop.id for workshop in services().store.workshops.open()]
    own = [one.workshop_id for one in mine]
    candidates = [identity for identity in own if identity in still_open] or still_open or own[-1:]
    if not candidates:
        raise WrongJoinCodeError("no workshop is open")
    if len(candidates) > 1:
        raise WrongJoinCodeError("several workshops are open: the join code says which one")
    return candidates[0]


def _name(said: provider.Said) -> str:
    """Return the first name that the provider tells and that can be one here, or an empty text."""
    for claim in ("name", "preferred_username"):
        for claims in said:
            if isinstance(name := claims.get(claim), str):
                try:
                    return clean_name(name)
                except BadNameError:
                    continue
    return ""


def _ask(error: WrongJoinCodeError | BadNameError, name: str, code: str) -> str:
    wrong_code = isinstance(error, WrongJoinCodeError)
    return render_template(
        "join_by_provider.html",
        name=name[:100],
        join_code=code[:64],
        problem=as_sentence(told(error)),
        field="join_code" if wrong_code else "name",
        taken=isinstance(error, NameTakenError),
    )
