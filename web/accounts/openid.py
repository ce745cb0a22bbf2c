"""Sign-in of instructors and assistants by OpenID Connect; participants come back the same way."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, render_template, request, session, url_for
from werkzeug.wrappers import Response

from web.accounts import connecting, joining, provider
from web.identity import become_account
from web.language import gettext
from web.rates import limited, take_turn
from web.reply import to_own_page
from web.services import services
from worker.audit import Action, Deed
from worker.people import NameTakenError, Role
from worker.settings import ServiceSettings

blueprint = Blueprint("openid", __name__)

_NEXT: Final = "openid_next"
_WANTED: Final = ("email", "groups")


@blueprint.get("/sign-in/openid")
@limited("openid", lambda settings: settings.sign_in_rate)
def begin() -> Response:
    """Send somebody to the provider."""
    session[_NEXT] = request.args.get("next", "")[:2_000]
    return provider.send_there()


@blueprint.get("/sign-in/openid/back")
def come_back() -> tuple[str, int] | Response:
    """Take what the provider says of somebody who comes back from there, to whatever they began."""
    settings = services().settings
    state = request.args.get("state", "")
    joins, connects = joining.has_begun(state), connecting.has_begun(state)
    # A class that joins may share an address.
    whose, rate = ("to join", settings.join_rate) if joins or connects else ("", settings.sign_in_rate)
    take_turn(f"openid back {whose}", rate, request.remote_addr or "unknown")
    try:
        said = provider.said(joining.WANTED if joins else _WANTED)
    except provider.UnverifiedError:
        why = gettext("The sign-in was given up, or could not be verified. Try again.")
        return joining.refuse(why) if joins else connecting.refuse(why) if connects else _refuse(why)
    if joins:
        return joining.arrive(said)
    return connecting.arrive(said) if connects else _sign_in(said, settings)


def _sign_in(said: provider.Said, settings: ServiceSettings) -> tuple[str, int] | Response:
    subject, name = provider.subject(said), provider.account_name(said)
    role = _role(said, settings)
    if role is None:
        services().store.elsewhere.end_sessions(subject)
        provider.refused(name, "no instructor and no assistant")
        return _refuse(
            gettext("%(provider)s knows you, but you are no instructor here.", provider=settings.openid_name)
        )
    try:
        found = services().store.elsewhere.account(subject, name, role)
    except NameTakenError:
        provider.refused(name, "another account has this name")
        return _refuse(gettext("Another account has your name already: ask whoever runs this server."))
    services().store.audit.note(Deed(Action.SIGN_IN, found.name))
    target = session.get(_NEXT) or url_for("instructing.overview")
    become_account(found)
    return to_own_page(target)


def _role(said: provider.Said, settings: ServiceSettings) -> Role | None:
    """Return the first role that the settings give to somebody; ``None`` where they give none."""
    if provider.is_listed(said, settings.openid_instructors):
        return "instructor"
    return "assistant" if provider.is_listed(said, settings.openid_assistants) else None


def _refuse(why: str) -> tuple[str, int]:
    session.pop(_NEXT, None)
    return render_template("sign_in.html", name="", problem=why), 403
