"""The page for the projector by which a class joins: address, code, and both as a picture for phones."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

import segno
from flask import Blueprint, render_template, url_for
from markupsafe import Markup

from web.identity import staff_only
from web.services import services
from web.staff.finding import workshop_named

blueprint = Blueprint("inviting", __name__)


@blueprint.get("/workshops/<int:identity>/join")
@staff_only
def invitation(identity: int) -> str:
    """Show how to join a workshop, to be read from the back of the room."""
    workshop = workshop_named(identity)
    address = services().base_url() + url_for("account.join")
    link = services().base_url() + url_for("account.join", code=workshop.join_code)
    return render_template(
        "invitation.html",
        workshop=workshop,
        address=address,
        link=link,
        picture=qr_code(link),
        only_here=_only_here(address),
    )


def qr_code(text: str) -> Markup:
    """Return a text as a QR code in SVG, dark on light in any colours of the page, with its quiet zone."""
    drawn = segno.make_qr(text)
    # Attributes, not styles: those the policy of pages would refuse.
    svg: str = drawn.svg_inline(dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None)
    return Markup(svg)  # noqa: S704 -- of numbers alone


def _only_here(address: str) -> bool:
    """Return whether an address leads everybody to their own device."""
    host = urlsplit(address).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
