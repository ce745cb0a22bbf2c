"""Sign-in of instructors and assistants by OpenID Connect, where the settings name a provider.

Source: OpenID Connect Core 1.0, authorization code flow, with PKCE (RFC 7636); Authlib carries it out.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Blueprint, Flask, current_app, render_template, request, session, url_for
from joserfc.errors import JoseError
from werkzeug.wrappers import Response

from grader.visible import one_line
from web.identity import become_account
from web.language import gettext
from web.problems import Problem
from web.rates import limited
from web.reply import to_own_page
from web.services import services
from worker.audit import Action, Deed
from worker.people import NameTakenError, Role
from worker.settings import ServiceSettings

blueprint = Blueprint("openid", __name__)

_PATIENCE_SECONDS: Final = 5.0
_NEXT: Final = "openid_next"
_MAX_SUBJECT: Final = 255  # OpenID Connect Core 1.0, section 2: so many ASCII characters at most
# What a provider sends may be anything, and so may whatever stands between it and us.
_REFUSED: Final = (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError)
_AWAY: Final = (requests.RequestException, RuntimeError)
_LOG = logging.getLogger(__name__)


def install(app: Flask, settings: ServiceSettings) -> None:
    """Get ready to ask the provider, if there is one; it is first asked when somebody signs in."""
    if not settings.openid_issuer:
        return
    clients = OAuth(app)
    app.extensions["openid"] = clients.register(
        "openid",
        client_id=settings.openid_client_id,
        client_secret=settings.openid_client_secret or None,
        server_metadata_url=f"{settings.openid_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": settings.openid_scope,
            "code_challenge_method": "S256",
            "default_timeout": _PATIENCE_SECONDS,
        },
    )


def provider() -> str:
    """Return what the provider is called on the button, or an empty text where there is none."""
    return services().settings.openid_name if "openid" in current_app.extensions else ""


@blueprint.get("/sign-in/openid")
@limited("openid", lambda settings: settings.sign_in_rate)
def begin() -> Response:
    """Send somebody to the provider."""
    client = _client()
    session[_NEXT] = request.args.get("next", "")[:2_000]
    try:
        there: Response = client.authorize_redirect(services().base_url() + url_for("openid.come_back"))
    except _AWAY + _REFUSED as error:
        raise _away(error) from error
    return there


@blueprint.get("/sign-in/openid/back")
@limited("openid back", lambda settings: settings.sign_in_rate)
def come_back() -> tuple[str, int] | Response:
    """Take what the provider says of somebody who comes back from there."""
    settings, trail = services().settings, services().store.audit
    try:
        said = _said(settings)
    except requests.RequestException as error:
        raise _away(error) from error
    except _REFUSED + _AWAY as error:
        _LOG.warning("a sign-in by OpenID Connect failed: %s", type(error).__name__)
        return _refuse(gettext("The sign-in was given up, or could not be verified. Try again."))
    subject = f"{settings.openid_issuer.rstrip('/')} {said[0]['sub']}"
    name = _name(said)
    role = _role(said, settings)
    if role is None:
        services().store.people.end_sessions(subject)
        trail.note(Deed(Action.SIGN_IN_FAILED, name))
        return _refuse(
            gettext("%(provider)s knows you, but you are no instructor here.", provider=settings.openid_name)
        )
    try:
        found = services().store.people.known_elsewhere(subject, name, role)
    except NameTakenError:
        return _refuse(gettext("Another account has your name already: ask whoever runs this server."))
    trail.note(Deed(Action.SIGN_IN, found.name))
    target = session.get(_NEXT) or url_for("instructing.overview")
    become_account(found)
    return to_own_page(target)


def _client() -> Any:
    client = current_app.extensions.get("openid")
    if client is None:
        raise Problem(404, gettext("There is no sign-in by OpenID Connect here."))
    return client


def _said(settings: ServiceSettings) -> Sequence[Mapping[str, Any]]:
    """Return the claims of the ID token, then of the UserInfo endpoint where there is one.

    The token's signature, issuer, audience, time and nonce hold.
    """
    client = _client()
    metadata = client.load_server_metadata()
    issuer = str(metadata["issuer"])
    if issuer.rstrip("/") != settings.openid_issuer.rstrip("/"):
        raise ValueError("the provider is another one")
    # Providers may name `none` there, and Authlib would take it: a token without a signature.
    offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = [alg for alg in offered if alg != "none"]
    token = client.authorize_access_token(
        claims_options={
            "iss": {"essential": True, "values": [issuer]},
            "aud": {"essential": True, "value": settings.openid_client_id},
            "exp": {"essential": True},
            "sub": {"essential": True},
        },
        leeway=30,
    )
    said: Mapping[str, Any] | None = token.get("userinfo")
    if said is None or not _is_subject(said.get("sub")):
        raise ValueError("the provider says nothing of whoever signs in")
    if "userinfo_endpoint" not in metadata or ("email" in said and "groups" in said):
        return [said]
    # Many providers tell addresses and groups only there: OpenID Connect Core 1.0, section 5.4.
    more: Mapping[str, Any] = client.userinfo(token=token)
    if more.get("sub") != said["sub"]:  # section 5.3.2
        raise ValueError("the provider speaks of somebody else")
    return [said, more]


def _is_subject(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and len(value) <= _MAX_SUBJECT


def _role(said: Sequence[Mapping[str, Any]], settings: ServiceSettings) -> Role | None:
    """Return the first role that the settings give to somebody; ``None`` where they give none."""
    bears = {f"sub:{said[0]['sub']}"}
    for claims in said:
        if (email := _verified_email(claims)) is not None:
            bears.add(email.casefold())
        groups = claims.get("groups")
        if isinstance(groups, list):
            bears |= {f"group:{group}" for group in groups if isinstance(group, str)}
    if not bears.isdisjoint(_listed(settings.openid_instructors)):
        return "instructor"
    return None if bears.isdisjoint(_listed(settings.openid_assistants)) else "assistant"


def _verified_email(claims: Mapping[str, Any]) -> str | None:
    """Return an address that the same document calls verified."""
    email = claims.get("email")
    return email if isinstance(email, str) and claims.get("email_verified") is True else None


def _listed(setting: str) -> Collection[str]:
    words = setting.replace(",", " ").split()
    return {word if word.startswith(("sub:", "group:")) else word.casefold() for word in words}


def _name(said: Sequence[Mapping[str, Any]]) -> str:
    """Return what an account is called: by a verified address, else as the provider calls it."""
    email = next((found for claims in said if (found := _verified_email(claims))), None)
    return one_line(email or said[0]["sub"], 100)


def _refuse(why: str) -> tuple[str, int]:
    session.pop(_NEXT, None)
    return render_template("sign_in.html", name="", problem=why), 403


def _away(error: Exception) -> Problem:
    _LOG.warning("the OpenID provider cannot be asked: %s", type(error).__name__)
    name = services().settings.openid_name
    return Problem(502, gettext("%(provider)s cannot be reached just now. Try again later.", provider=name))
