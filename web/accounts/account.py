"""Joining, coming back, signing in and out."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from web.identity import account, become_account, become_participant, participant
from web.language import gettext
from web.rates import limited
from web.reply import to_own_page
from web.services import services
from web.wording import as_sentence, told
from worker.audit import Action, Deed
from worker.people import BadNameError, NameTakenError, Participant, WrongJoinCodeError

blueprint = Blueprint("account", __name__)

THEMES: Final = ("light", "dark")
_YEAR: Final = 31_536_000
_ISOLATED: Final = "\u2068{}\u2069"  # a name that is written from right to left turns nothing else round


@blueprint.get("/join")
def join() -> str | Response:
    """Show the form for the join code and a name."""
    if participant() is not None:
        return redirect(url_for("pages.start"))
    return render_template("join.html", name="", join_code=request.args.get("code", ""), problem=None)


@blueprint.post("/join")
@limited("join", lambda settings: settings.join_rate)
def join_now() -> tuple[str, int] | Response:
    """Take part; the page that follows says where the personal link is."""
    name, join_code = request.form.get("name", ""), request.form.get("join_code", "")
    try:
        found, token = services().store.people.join(join_code, name)
    except (WrongJoinCodeError, BadNameError) as error:
        status = 409 if isinstance(error, NameTakenError) else 422
        field = "join_code" if isinstance(error, WrongJoinCodeError) else "name"
        sentence = as_sentence(told(error))
        page = render_template(
            "join.html", name=name[:100], join_code=join_code[:64], problem=sentence, field=field
        )
        return page, status
    return enter(found, token, request.args.get("next", ""))


def enter(found: Participant, token: str | None, target: str) -> Response:
    """Start a session of somebody who takes part, and greet them.

    Args:
        found: Whose session it is.
        token: Theirs, where they are new; of whoever comes back, it is kept nowhere.
        target: Where they wanted to go.
    """
    become_participant(found)
    name = _ISOLATED.format(found.name)
    if token is None:
        flash(gettext("Welcome back, %(name)s.", name=name))
    else:
        session["token"] = token
        flash(
            gettext("Welcome, %(name)s. Your personal link for other devices is behind your name.", name=name)
        )
    return to_own_page(target)


@blueprint.get("/me")
def me() -> str | Response:
    """Show the personal link and the token, to come back from another device."""
    return redirect(url_for("account.join")) if participant() is None else own_page(None)


def own_page(problem: str | None) -> str:
    """Return the page of the participant who asks, and what went wrong there."""
    found, token, base = participant(), session.get("token"), services().base_url()
    link = f"{base}{url_for('account.come_back')}#{token}" if token else None
    connected = found is not None and services().store.elsewhere.shows(found)
    return render_template("me.html", token=token, link=link, base=base, connected=connected, problem=problem)


@blueprint.post("/me/token")
def new_token() -> Response:
    """Give the participant another token; the former link and all other devices end."""
    found = participant()
    if found is None:
        return redirect(url_for("account.join"))
    token = services().store.people.new_token(found)
    changed = services().store.people.participant(found.id)
    if changed is not None:
        become_participant(changed)
        session["token"] = token
        flash(gettext("You have a new personal link. The old one and your other devices are signed out."))
    return redirect(url_for("account.me"))


@blueprint.get("/back")
def come_back() -> str:
    """Show the form that a personal link fills in; the token stays out of logs, behind the ``#``."""
    return render_template("back.html", problem=None)


@blueprint.post("/back")
@limited("come back", lambda settings: settings.join_rate)
def come_back_now() -> tuple[str, int] | Response:
    """Come back with a token."""
    token = request.form.get("token", "").strip()
    found = services().store.people.by_token(token)
    if found is None:
        return render_template("back.html", problem=gettext("Nobody has this token.")), 422
    become_participant(found)
    session["token"] = token
    return redirect(url_for("pages.start"))


@blueprint.get("/sign-in")
def sign_in() -> str:
    """Show the form for instructors."""
    return render_template("sign_in.html", name="instructor", problem=None)


@blueprint.post("/sign-in")
@limited("sign in", lambda settings: settings.sign_in_rate)
def sign_in_now() -> tuple[str, int] | Response:
    """Sign in as an instructor."""
    name = request.form.get("name", "").strip()
    found = services().store.people.sign_in(name, request.form.get("password", ""))
    trail = services().store.audit
    if found is None:
        if services().store.people.has_account(name):  # what else was typed there may be a password
            trail.note(Deed(Action.SIGN_IN_FAILED, name))
        problem = gettext("No account has this name and password.")
        return render_template("sign_in.html", name=name[:100], problem=problem), 422
    trail.note(Deed(Action.SIGN_IN, found.name))
    become_account(found)
    return to_own_page(request.args.get("next") or url_for("instructing.overview"))


@blueprint.post("/sign-out")
def sign_out() -> Response:
    """Forget this browser."""
    if (found := account()) is not None:
        services().store.audit.note(Deed(Action.SIGN_OUT, found.name))
    session.clear()
    return redirect(url_for("pages.start"))


@blueprint.post("/theme")
def theme() -> Response:
    """Remember which colours this browser is to show."""
    found = to_own_page(request.form.get("next", ""))
    chosen = request.form.get("theme", "")
    if chosen in THEMES:
        found.set_cookie("theme", chosen, max_age=_YEAR, httponly=True, samesite="Lax")
    else:
        found.delete_cookie("theme")
    return found


def chosen_theme() -> str:
    """Return the colours that this browser asked for, or an empty text for those of its system."""
    chosen = request.cookies.get("theme", "")
    return chosen if chosen in THEMES else ""
