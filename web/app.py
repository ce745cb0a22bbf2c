"""Makes the Flask application."""

from __future__ import annotations

import gc
from datetime import timedelta
from pathlib import Path
from typing import Final

from flask import Flask
from jinja2 import StrictUndefined

from grader import __version__
from grader.report.wording import points
from grader.visible import visible
from web import (
    api,
    identity,
    language,
    operations,
    problems,
    rates,
    security,
    services,
    static_files,
    wording,
)
from web.accounts import account, connecting, joining, openid, provider
from web.reply import iso
from web.results import attempts, verdicts
from web.staff import (
    drilldown,
    exports,
    figures,
    instructing,
    inviting,
    overriding,
    regrading,
    section_rules,
    trail,
    workshops,
)
from web.standings import progress
from web.tasks import pages
from worker import logs
from worker.settings import ServiceSettings

_WEEKS: Final = 8


def create_app(settings: ServiceSettings, translations: Path = language.FOLDER) -> Flask:
    """Return an application on these settings; made after a fork, since it starts a thread.

    Args:
        settings: Of the service.
        translations: A folder of compiled gettext catalogues.
    """
    app = Flask("web")
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.filters.update(
        points=points, iso=iso, number=pages.number, duration=figures.duration, visible=visible
    )
    app.jinja_env.filters.update(wording.FILTERS)
    app.jinja_env.globals.update(wording.FUNCTIONS)
    app.permanent_session_lifetime = timedelta(weeks=_WEEKS)
    found = services.Services(settings)
    found.store.first_start(settings)
    services.install(app, found)
    security.install(app, settings, found.store.session_key(settings))
    rates.install(app, settings)
    problems.install(app)
    provider.install(app, settings)
    language.install(app, translations)
    static_files.install(app)
    for module in (
        *(pages, progress, verdicts, attempts, account, openid, joining, connecting, api, operations),
        *(workshops, inviting, instructing, drilldown, figures, overriding, regrading, section_rules),
        *(exports, trail),
    ):
        app.register_blueprint(module.blueprint)

    @app.context_processor
    def who() -> dict[str, object]:
        return {
            "participant": identity.participant(),
            "account": identity.account(),
            "theme": account.chosen_theme(),
            "openid": provider.called(),
            "openid_joining": joining.offered(),
            "version": __version__,
            "language": language.current(),
            "language_tag": language.tag(language.current()),
        }

    return app


def from_environment() -> Flask:
    """Return an application on the environment's settings, for gunicorn."""
    settings = ServiceSettings.from_environment()
    logs.set_up(settings.log_format)
    app = create_app(settings)
    # What was made by now stays: the collector, which stops everybody, need not look at it again and again.
    gc.collect()
    gc.freeze()
    return app
