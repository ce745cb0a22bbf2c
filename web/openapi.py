"""The description of the HTTP API (OpenAPI 3.1); a test holds it against the routes."""

from __future__ import annotations

from typing import Any, Final

from grader import __version__

_ID: Final = {"type": "string", "pattern": "^[0-9a-f]{32}$"}
_TEXT: Final = {"type": "string"}
_NUMBER: Final = {"type": "number"}
_TIME: Final = {"type": ["string", "null"], "format": "date-time"}


def _object(properties: dict[str, Any], *, required: list[str] | None = None) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
    }


def _array(items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _or_null(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, {"type": "null"}]}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{name}"}


_FEEDBACK = _object(dict.fromkeys(("name", "message", "expected", "actual", "why"), _TEXT))
_CHECK = _object(
    {
        "name": _TEXT,
        "title": _TEXT,
        "outcome": {"enum": ["passed", "failed", "skipped", "error"]},
        "points": _NUMBER,
        "max_points": _NUMBER,
        "feedback": _or_null(_ref("Feedback")),
    }
)
_REPORT = _object(
    {
        "schema": {"const": 1},
        "exercise": _TEXT,
        "participant": _TEXT,
        "status": {"enum": ["graded", "ungradable"]},
        "score": _NUMBER,
        "max_score": _NUMBER,
        "malformed": {"type": "boolean"},
        "error": {"type": ["string", "null"]},
        "checks": _array(_ref("Check")),
        "timing": _object(dict.fromkeys(("queued_ms", "observe_ms", "judge_ms", "total_ms"), _NUMBER)),
        "evidence": {"type": ["string", "null"]},
    }
)
_SUBMISSION = _object(
    {
        "id": _ID,
        "exercise": _TEXT,
        "participant": _TEXT,
        "state": {"enum": ["queued", "running", "graded", "ungradable", "cancelled"]},
        "attempt": {"type": "integer"},
        "created_at": _TIME,
        "started_at": _TIME,
        "finished_at": _TIME,
        "score": {"type": ["number", "null"]},
        "max_score": {"type": ["number", "null"]},
        "passed": {"type": ["boolean", "null"]},
        "error": {"type": ["string", "null"]},
    }
)
_DETAILED = {
    "allOf": [
        _ref("Submission"),
        _object(
            {
                "report": _or_null(_ref("Report")),
                "position": {"type": ["integer", "null"], "description": "How many come before it."},
                "progress": {"type": "string", "description": "What is going on at this moment."},
                "printed": {
                    "type": "string",
                    "description": "The end of what it has printed so far, while it is running.",
                },
                "printed_bytes": {"type": "integer", "description": "How much it has printed in all."},
            }
        ),
    ]
}
_EXERCISE = _object(
    {
        "slug": _TEXT,
        "title": _TEXT,
        "section": _TEXT,
        "minutes": {"type": "integer"},
        "max_score": _NUMBER,
        "files": _array(_object({"name": _TEXT, "kind": _TEXT, "required": {"type": "boolean"}})),
    }
)
_TASK = _object(
    {
        "slug": _TEXT,
        "title": _TEXT,
        "section": _TEXT,
        "max_score": _NUMBER,
        "text": {"type": "string", "description": "Markdown, with the participant's values filled in."},
        "hints": _array(_TEXT),
        "parameters": {"type": "object"},
    }
)
_PROBLEM = _object(
    {"type": _TEXT, "title": _TEXT, "status": {"type": "integer"}, "detail": _TEXT, "instance": _TEXT}
)
_SCOREBOARD = _object(
    {
        "exercises": _array(_object({"slug": _TEXT, "max_score": _NUMBER})),
        "participants": _array(
            _object(
                {
                    "place": {"type": "integer"},
                    "name": _TEXT,
                    "score": _NUMBER,
                    "solved": {"type": "integer"},
                    "exercises": {"type": "object"},
                }
            )
        ),
    }
)


def _json(schema: dict[str, Any], description: str) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _problems(*statuses: int) -> dict[str, Any]:
    words = {
        400: "The request makes no sense.",
        401: "A token is needed.",
        403: "The join code is wrong, or the deadline has passed.",
        404: "There is no such thing, or it is somebody else's.",
        409: "It conflicts with what is there.",
        413: "It is too large.",
        415: "It is of a type that is not understood.",
        422: "The content is not well-formed; `detail` names the file and the cause.",
        429: "Too many requests; `Retry-After` says when to try again.",
        503: "The database is away for the moment.",
    }
    return {
        str(status): {
            "description": words[status],
            "content": {"application/problem+json": {"schema": _ref("Problem")}},
        }
        for status in (*statuses, 429, 503)
    }


_TOKEN: Final[list[dict[str, list[str]]]] = [{"token": []}]
_PATH_ID: Final = {"name": "identity", "in": "path", "required": True, "schema": _ID}
_PATH_SLUG: Final = {"name": "slug", "in": "path", "required": True, "schema": _TEXT}


def document() -> dict[str, Any]:
    """Return the description."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Container grader",
            "version": __version__,
            "description": "Grades what people did with Linux containers. Errors are problem documents "
            "(RFC 9457). Times are UTC.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": _paths(),
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {
                "Check": _CHECK,
                "Exercise": _EXERCISE,
                "Feedback": _FEEDBACK,
                "Problem": _PROBLEM,
                "Report": _REPORT,
                "Submission": _SUBMISSION,
                "SubmissionWithReport": _DETAILED,
                "Task": _TASK,
            },
        },
    }


def _paths() -> dict[str, Any]:
    answer = {
        "required": True,
        "content": {
            "application/json": {
                "schema": _object(
                    {"exercise": _TEXT, "files": {"type": "object", "additionalProperties": _TEXT}}
                )
            },
            "multipart/form-data": {
                "schema": _object(
                    {"exercise": _TEXT, "files": _array({"type": "string", "format": "binary"})}
                )
            },
        },
    }
    key = {
        "name": "Idempotency-Key",
        "in": "header",
        "required": False,
        "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,200}$"},
        "description": "The same key with the same answer gives the same submission.",
    }
    wait = {
        "name": "wait",
        "in": "query",
        "required": False,
        "schema": {"type": "number", "minimum": 0, "maximum": 3600},
        "description": "Answer as soon as the verdict is there, at the latest after so many seconds "
        "(30 at most).",
    }
    located = {
        "description": "It waits to be graded.",
        "headers": {"Location": {"schema": _TEXT, "description": "Where to ask for the verdict."}},
        "content": {"application/json": {"schema": _object({"id": _ID, "state": _TEXT})}},
    }
    return {
        "/api/v1/participants": {
            "post": {
                "operationId": "join",
                "summary": "Take part in a workshop",
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": _object({"name": _TEXT, "join_code": _TEXT})}},
                },
                "responses": {
                    "201": _json(
                        _object({"id": {"type": "integer"}, "name": _TEXT, "token": _TEXT}),
                        "The token is shown this once.",
                    ),
                    **_problems(400, 403, 409, 413, 422),
                },
            }
        },
        "/api/v1/exercises": {
            "get": {
                "operationId": "exercises",
                "summary": "List the exercises",
                "responses": {
                    "200": _json(_object({"exercises": _array(_ref("Exercise"))}), "All of them."),
                    **_problems(),
                },
            }
        },
        "/api/v1/exercises/{slug}": {
            "get": {
                "operationId": "exercise",
                "summary": "Show an exercise as one participant meets it",
                "security": _TOKEN,
                "parameters": [_PATH_SLUG],
                "responses": {"200": _json(_ref("Task"), "The task."), **_problems(401, 404)},
            }
        },
        "/api/v1/submissions": {
            "post": {
                "operationId": "add",
                "summary": "Submit an answer",
                "security": _TOKEN,
                "parameters": [key],
                "requestBody": answer,
                "responses": {"202": located, **_problems(400, 401, 403, 404, 409, 413, 415, 422)},
            },
            "get": {
                "operationId": "own",
                "summary": "List one's own submissions",
                "security": _TOKEN,
                "parameters": [{"name": "exercise", "in": "query", "required": False, "schema": _TEXT}],
                "responses": {
                    "200": _json(_object({"submissions": _array(_ref("Submission"))}), "The newest first."),
                    **_problems(401),
                },
            },
        },
        "/api/v1/submissions/{identity}": {
            "get": {
                "operationId": "one",
                "summary": "Show a submission",
                "security": _TOKEN,
                "parameters": [_PATH_ID, wait],
                "responses": {
                    "200": _json(_ref("SubmissionWithReport"), "As it is now."),
                    **_problems(400, 401, 404),
                },
            },
            "delete": {
                "operationId": "cancel",
                "summary": "Cancel a submission",
                "security": _TOKEN,
                "parameters": [_PATH_ID],
                "responses": {"200": _json(_ref("Submission"), "Cancelled."), **_problems(401, 404, 409)},
            },
        },
        "/api/v1/submissions/{identity}/junit.xml": {
            "get": {
                "operationId": "junit_xml",
                "summary": "Give a verdict as JUnit XML",
                "security": _TOKEN,
                "parameters": [_PATH_ID],
                "responses": {
                    "200": {"description": "JUnit XML.", "content": {"application/xml": {}}},
                    **_problems(401, 404),
                },
            }
        },
        "/api/v1/submissions/{identity}/evidence": {
            "get": {
                "operationId": "evidence",
                "summary": "Give the evidence that a verdict rests on",
                "security": _TOKEN,
                "parameters": [_PATH_ID],
                "responses": {"200": _json({"type": "object"}, "The evidence."), **_problems(401, 404)},
            }
        },
        "/api/v1/scoreboard": {
            "get": {
                "operationId": "scoreboard",
                "summary": "Show who has solved what",
                "security": _TOKEN,
                "responses": {"200": _json(_SCOREBOARD, "By points."), **_problems(401)},
            }
        },
    }
