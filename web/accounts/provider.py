"""Asks an OpenID Connect provider who somebody is, where the settings name one.

Source: OpenID Connect Core 1.0, authorization code flow, with PKCE (RFC 7636); Authlib carries it out.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Flask, current_app, request, session, url_for
from joserfc.errors import JoseError
from werkzeug.wrappers import Response

from grader.visible import one_line
from web.language import gettext
from web.problems import Problem
from web.services import services
from worker.audit import Action, Deed
from worker.settings import ServiceSettings

Said = Sequence[Mapping[str, Any]]
"""What a provider says of somebody: the claims of the ID token, then those of the UserInfo endpoint."""

EVERYBODY: Final = "*"
"""In a list of people: everybody whom the provider knows."""

_PATIENCE_SECONDS: Final = 5.0
_MAX_SUBJECT: Final = 255  # OpenID Connect Core 1.0, section 2: so many ASCII characters at most
# What a provider sends may be anything, and so may whatever stands between it and us.
_REFUSED: Final = (AuthlibBaseError, JoseError, ValueError, KeyError, TypeError)
_AWAY: Final = (requests.RequestException, RuntimeError)
_LOG = logging.getLogger(__name__)


class UnverifiedError(Exception):
    """Nobody was shown: a sign-in was given up, or what came back from the provider does not hold."""


def install(app: Flask, settings: ServiceSettings) -> None:
    """Get ready to ask the provider, if there is one; it is first asked when somebody signs in."""
    if not settings.openid_issuer:
        return
    clients = OAuth(app)
    app.extensions["openid"] = clients.register(
        "openid",
        client_id=settings.openid_client_id,
        client_secret=settings.openid_client_secret or None,
        server_metadata_url=f"{_without_slash(settings.openid_issuer)}/.well-known/openid-configuration",
        client_kwargs={
            "scope": settings.openid_scope,
            "code_challenge_method": "S256",
            "default_timeout": _PATIENCE_SECONDS,
        },
    )


def called() -> str:
    """Return what the provider is called on buttons, or an empty text where there is none."""
    return services().settings.openid_name if "openid" in current_app.extensions else ""


def send_there(state: str | None = None) -> Response:
    """Send somebody to the provider.

    Args:
        state: What the provider hands back with them, which nobody can guess; a random one without it.

    Raises:
        Problem: There is no provider, or it cannot be reached.
    """
    client = _client()
    more = {"state": state} if state else {}
    try:
        there: Response = client.authorize_redirect(
            services().base_url() + url_for("openid.come_back"), **more
        )
    except _AWAY + _REFUSED as error:
        raise _away(error) from error
    return there


def said(wanted: Collection[str]) -> Said:
    """Return what the provider says of whoever has just come back from it.

    The token's signature, issuer, audience, time and nonce hold.

    Args:
        wanted: Claims; the UserInfo endpoint is asked where the token lacks one of them.

    Raises:
        UnverifiedError: It says nothing that holds; that stands in the trail where somebody had begun here.
        Problem: It cannot be reached.
    """
    state, states = request.args.get("state"), _client().framework
    begun = states.get_state_data(session, state) is not None
    try:
        return _said(services().settings, wanted)
    except requests.RequestException as error:
        raise _away(error) from error
    except _REFUSED + _AWAY as error:
        kind = type(error).__name__
        _LOG.warning("a sign-in by OpenID Connect failed: %s", kind)
        if begun:
            states.clear_state_data(session, state)
            refused("", f"given up, or not verified: {kind}")
        raise UnverifiedError from error


def refused(who: str, why: str) -> None:
    """Write down in the trail that somebody who came by the provider was refused."""
    services().store.audit.note(Deed(Action.SIGN_IN_FAILED, who, comment=f"OpenID Connect: {why}"))


def subject(found: Said) -> str:
    """Return issuer and subject, which nobody else has."""
    return f"{_without_slash(services().settings.openid_issuer)} {found[0]['sub']}"


def account_name(found: Said) -> str:
    """Return what an account is called: by a verified address, else as the provider calls it."""
    email = next((told for claims in found if (told := _verified_email(claims))), None)
    return one_line(email or found[0]["sub"], 100)


def is_listed(found: Said, setting: str) -> bool:
    """Return whether somebody stands in a list of the settings."""
    bears = {EVERYBODY, f"sub:{found[0]['sub']}"}
    for claims in found:
        if (email := _verified_email(claims)) is not None:
            bears.add(email.casefold())
        groups = claims.get("groups")
        if isinstance(groups, list):
            bears |= {f"group:{group}" for group in groups if isinstance(group, str)}
    return not bears.isdisjoint(_listed(setting))


def _listed(setting: str) -> Collection[str]:
    words = setting.replace(",", " ").split()
    return {word if word.startswith(("sub:", "group:")) else word.casefold() for word in words}


def _verified_email(claims: Mapping[str, Any]) -> str | None:
    """Return an address that the same document calls verified."""
    email = claims.get("email")
    return email if isinstance(email, str) and claims.get("email_verified") is True else None


def _client() -> Any:
    client = current_app.extensions.get("openid")
    if client is None:
        raise Problem(404, gettext("There is no sign-in by OpenID Connect here."))
    return client


def _said(settings: ServiceSettings, wanted: Collection[str]) -> Said:
    client = _client()
    metadata = client.load_server_metadata()
    issuer = str(metadata["issuer"])
    if _without_slash(issuer) != _without_slash(settings.openid_issuer):
        raise ValueError("the provider is another one")
    # Providers may name `none` there, and Authlib would take it: a token without a signature.
    offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = [alg for alg in offered if alg != "none"]
    metadata["token_endpoint_auth_method"] = _way_to_show_the_secret(settings, metadata)
    token = client.authorize_access_token(
        claims_options={
            "iss": {"essential": True, "values": [issuer]},
            "aud": {"essential": True, "value": settings.openid_client_id},
            "exp": {"essential": True},
            "sub": {"essential": True},
        },
        leeway=30,
    )
    found: Mapping[str, Any] | None = token.get("userinfo")
    if found is None or not _is_subject(found.get("sub")):
        raise ValueError("the provider says nothing of whoever signs in")
    if "userinfo_endpoint" not in metadata or all(claim in found for claim in wanted):
        return [found]
    # Many providers tell addresses, groups and names only there: OpenID Connect Core 1.0, section 5.4.
    more: Mapping[str, Any] = client.userinfo(token=token)
    if more.get("sub") != found["sub"]:  # section 5.3.2
        raise ValueError("the provider speaks of somebody else")
    return [found, more]


def _way_to_show_the_secret(settings: ServiceSettings, metadata: Mapping[str, Any]) -> str:
    """Return how the token endpoint wants the secret: in the form only where it knows no other way.

    Source: OpenID Connect Discovery 1.0, section 3, and OpenID Connect Core 1.0, section 9.
    """
    if not settings.openid_client_secret:
        return "none"
    taken = metadata.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    only_form = "client_secret_post" in taken and "client_secret_basic" not in taken
    return "client_secret_post" if only_form else "client_secret_basic"


def _is_subject(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and len(value) <= _MAX_SUBJECT


def _without_slash(issuer: str) -> str:
    return issuer.rstrip("/")


def _away(error: Exception) -> Problem:
    _LOG.warning("the OpenID provider cannot be asked: %s", type(error).__name__)
    name = services().settings.openid_name
    return Problem(502, gettext("%(provider)s cannot be reached just now. Try again later.", provider=name))
