"""Lets participants who joined by a code come back by the OpenID Connect provider as well, or no longer."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, flash, redirect, render_template, session, url_for
from werkzeug.wrappers import Response

from web.accounts import joining, provider
from web.accounts.account import own_page
from web.identity import become_participant, participant, participants_only
from web.language import gettext
from web.problems import Problem
from web.rates import limited
from web.services import services
from worker.elsewhere import SubjectTakenError
from worker.people import Participant

blueprint = Blueprint("connecting", __name__)

_STATE: Final = "connect-"  # no state of Authlib's own begins so: they hold no hyphens
_SHOWN: Final = "connecting_shown"  # in the session: whom the provider has shown, until they confirm it
_PATIENCE_SECONDS: Final = 900


def has_begun(state: str) -> bool:
    """Return whether whoever comes back with this state went away to be known here by the provider."""
    return state.startswith(_STATE)


@blueprint.get("/me/openid")
@limited("connect by openid", lambda settings: settings.join_rate)
@participants_only
def begin() -> Response:
    """Send a participant to the provider."""
    if not joining.offered():
        raise Problem(404, gettext("Nobody joins by OpenID Connect here."))
    return provider.send_there(_STATE + secrets.token_urlsafe(24))


def arrive(said: provider.Said) -> tuple[str, int] | Response:
    """Note whom the provider has shown: nothing is changed before the participant confirms it."""
    settings, found = services().settings, participant()
    if found is None:
        return redirect(url_for("account.join"))
    if not provider.is_listed(said, settings.openid_participants):
        provider.refused(provider.account_name(said), "may not join")
        name = settings.openid_name
        return refuse(gettext("%(provider)s knows you, but you are not on the list.", provider=name))
    until = time.time() + _PATIENCE_SECONDS
    shown = {"subject": provider.subject(said), "called": provider.account_name(said), "until": until}
    session[_SHOWN] = shown | {"participant": found.id}
    return redirect(url_for("connecting.arrived"))


@blueprint.get("/me/openid/arrived")
@participants_only
def arrived() -> str | Response:
    """Ask whether it is to be so: whoever the provider has shown may be somebody else at this browser."""
    shown = _shown()
    if shown is None:
        return redirect(url_for("account.me"))
    return render_template("connect.html", called=shown["called"])


@blueprint.post("/me/openid/arrived")
@participants_only
def connect() -> tuple[str, int] | Response:
    """Let the provider show who the participant is from now on."""
    shown, found = _shown(), participant()
    if shown is None or found is None:
        return redirect(url_for("account.me"))
    del session[_SHOWN]
    name = services().settings.openid_name
    try:
        services().store.elsewhere.connect(found, shown["subject"])
    except SubjectTakenError:
        return refuse(
            gettext("%(provider)s shows somebody else of this workshop by that account.", provider=name), 409
        )
    flash(gettext("%(provider)s brings you back from now on, from any device.", provider=name))
    return redirect(url_for("account.me"))


@blueprint.post("/me/openid/end")
@participants_only
def disconnect() -> Response:
    """Let the provider no longer show who the participant is; all other devices end."""
    found, token = participant(), session.get("token")
    if found is not None:
        services().store.elsewhere.disconnect(found)
        _go_on(found.id, token)
        name = services().settings.openid_name
        flash(gettext("%(provider)s no longer brings you back. Other devices are signed out.", provider=name))
    return redirect(url_for("account.me"))


def refuse(why: str, status: int = 403) -> tuple[str, int]:
    """Show the participant's own page, and why the provider cannot bring them back."""
    if participant() is None:
        return joining.refuse(why)
    return own_page(why), status


def _shown() -> Mapping[str, Any] | None:
    shown: Mapping[str, Any] | None = session.get(_SHOWN)
    found: Participant | None = participant()
    if shown is None or found is None:
        return None
    return shown if shown["until"] > time.time() and shown["participant"] == found.id else None


def _go_on(identity: int, token: str | None) -> None:
    changed = services().store.people.participant(identity)
    if changed is not None:
        become_participant(changed)
        if token is not None:
            session["token"] = token
