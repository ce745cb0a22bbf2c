"""Settings of the service, read from the environment; their reference page is made from this file."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict
from sqlalchemy.engine import make_url

from grader.errors import GraderError
from grader.settings import Settings


class _Files(PydanticBaseSettingsSource):
    """Reads a setting from the file that ``NAME_FILE`` names, as secrets are handed to containers."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        """Return a setting's text, its name, and that it is no JSON."""
        path = os.environ.get(f"{field.alias}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise GraderError(f"{field.alias}_FILE: {error}") from error

    def __call__(self) -> dict[str, str]:
        """Return the settings that are kept in files."""
        found: dict[str, str] = {}
        for name, field in self.settings_cls.model_fields.items():
            value, _, _ = self.get_field_value(field, name)
            if value is not None and field.alias:
                found[field.alias] = value
        return found


class ServiceSettings(BaseSettings):
    """What web and workers go by; each can also be given as ``NAME_FILE``, a file that holds it."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True)

    database_url: str = Field(
        "",
        alias="DATABASE_URL",
        description="Where submissions are kept: `postgresql+psycopg://USER:PASSWORD@HOST/NAME`, or "
        "`sqlite:////PATH`. Without it, an SQLite file in the state directory, for one machine.",
    )
    redis_url: str = Field(
        "",
        alias="REDIS_URL",
        description="The queue: `redis://HOST:6379/0`. Without it, an embedded broker, for one machine.",
    )
    jobs: int = Field(
        (os.cpu_count() or 1) + 2,
        alias="GRADER_JOBS",
        ge=1,
        le=256,
        description="Submissions that a worker grades at the same time.",
    )
    host: str = Field("127.0.0.1", alias="GRADER_HOST", description="Address that the web server listens on.")
    port: int = Field(8080, alias="GRADER_PORT", ge=0, le=65535, description="Port of the web server.")
    threads: int = Field(
        400,
        alias="GRADER_THREADS",
        ge=4,
        le=4096,
        description="Requests that the web server answers at the same time; each result page that waits "
        "for its verdict holds one, and no processor. Three quarters may be held.",
    )
    base_url: str = Field(
        "",
        alias="GRADER_BASE_URL",
        description="How participants reach the server, `https://grader.example.org`; HTTPS here also "
        "makes cookies secure.",
    )
    trusted_hops: int = Field(
        0,
        alias="GRADER_TRUSTED_HOPS",
        ge=0,
        le=8,
        description="Reverse proxies in front whose `X-Forwarded-…` headers are believed.",
    )
    max_upload_bytes: int = Field(
        2 << 20,
        alias="GRADER_MAX_UPLOAD",
        ge=1024,
        description="Bytes of one submission's request; larger ones are refused.",
    )
    submission_rate: str = Field(
        "60/minute",
        alias="GRADER_SUBMISSION_RATE",
        description="How often one participant may submit.",
    )
    join_rate: str = Field(
        "300/minute",
        alias="GRADER_JOIN_RATE",
        description="How often one address may join; a class may share an address.",
    )
    sign_in_rate: str = Field(
        "10/minute", alias="GRADER_SIGN_IN_RATE", description="How often one address may try a password."
    )
    lease_seconds: float = Field(
        6.0,
        alias="GRADER_LEASE_SECONDS",
        gt=1,
        description="For how long a worker that falls silent keeps its submissions.",
    )
    deadline_seconds: float = Field(
        600.0,
        alias="GRADER_DEADLINE_SECONDS",
        gt=1,
        description="How long one attempt at grading may take, whatever the exercise allows.",
    )
    drain_seconds: float = Field(
        60.0,
        alias="GRADER_DRAIN_SECONDS",
        ge=0,
        description="How long a worker that was told to stop finishes what it grades.",
    )
    alive_file: str = Field(
        "",
        alias="GRADER_ALIVE_FILE",
        description="A file that a worker touches with each heartbeat, for health checks that cost nothing.",
    )
    log_format: Literal["console", "json"] = Field(
        "console", alias="GRADER_LOG_FORMAT", description="Logs for people or for machines."
    )
    workshop_name: str = Field(
        "Linux containers", alias="GRADER_WORKSHOP_NAME", description="Name of the first workshop."
    )
    join_code: str = Field(
        "",
        alias="GRADER_JOIN_CODE",
        description="Join code of the first workshop; a random one without it.",
    )
    instructor_password: str = Field(
        "",
        alias="GRADER_INSTRUCTOR_PASSWORD",
        description="Password of the account `instructor` when it is made; a random one without it, which "
        "is printed once.",
    )
    openid_issuer: str = Field(
        "",
        alias="GRADER_OPENID_ISSUER",
        description="An OpenID Connect provider by which instructors and assistants may sign in besides "
        "passwords, and participants join, `https://accounts.example.org`.",
    )
    openid_client_id: str = Field(
        "",
        alias="GRADER_OPENID_CLIENT_ID",
        description="What the provider calls this server. The address to come back to is "
        "`GRADER_BASE_URL/sign-in/openid/back`.",
    )
    openid_client_secret: str = Field(
        "", alias="GRADER_OPENID_CLIENT_SECRET", description="The provider's secret for this server."
    )
    openid_scope: str = Field(
        "openid email profile",
        alias="GRADER_OPENID_SCOPE",
        description="What the provider is asked to tell; `groups` besides, where groups decide. `profile` "
        "holds the names of participants.",
    )
    openid_name: str = Field(
        "OpenID Connect", alias="GRADER_OPENID_NAME", description="What the provider is called on the button."
    )
    openid_instructors: str = Field(
        "",
        alias="GRADER_OPENID_INSTRUCTORS",
        description="Who is an instructor: verified e-mail addresses, `sub:SUBJECT` and `group:GROUP` (of "
        "the claim `groups`), separated by blanks or commas.",
    )
    openid_assistants: str = Field(
        "", alias="GRADER_OPENID_ASSISTANTS", description="Who is an assistant, likewise."
    )
    openid_participants: str = Field(
        "",
        alias="GRADER_OPENID_PARTICIPANTS",
        description="Who may join by the provider, likewise; `*` is everybody whom it knows. No join code is "
        "needed where one workshop is open. Without it, nobody joins that way.",
    )
    session_key: str = Field(
        "",
        alias="GRADER_SESSION_KEY",
        description="Signs participants' and instructors' cookies; a random one, kept in the database, "
        "without it.",
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments come first, then the environment, then files."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, _Files(settings_cls)

    @classmethod
    def from_environment(cls, **given: object) -> ServiceSettings:
        """Read the settings; those that are `given` by their environment's name come first.

        Raises:
            GraderError: One of them has no meaning; the message names it.
        """
        try:
            return cls(**given)  # type: ignore[arg-type]
        except ValidationError as error:
            first = error.errors()[0]
            raise GraderError(f"{first['loc'][0]} is {first['input']!r}: {first['msg']}") from error

    @cached_property
    def grader(self) -> Settings:
        """Settings of the core."""
        return Settings.from_environment()

    @property
    def database(self) -> str:
        """The database's address, the default filled in."""
        url = self.database_url or f"sqlite:///{self.grader.state_dir / 'service.db'}"
        # What others call this driver: one address can serve several programs.
        for prefix in ("postgres://", "postgresql://"):
            if url.startswith(prefix):
                return f"postgresql+psycopg://{url.removeprefix(prefix)}"
        return url

    @property
    def queue_dir(self) -> Path:
        """Folder of the embedded broker: in memory, for tickets may be lost, and one for each database."""
        url = make_url(self.database)
        database = self.database
        if url.get_backend_name() == "sqlite" and url.database:
            database = str(Path(url.database).absolute())
        return self.grader.run_dir / "queues" / hashlib.sha256(database.encode()).hexdigest()[:16]

    @property
    def sockets_dir(self) -> Path:
        """Folder of the sockets through which processes of this machine wake each other."""
        return self.grader.run_dir / "sockets"
