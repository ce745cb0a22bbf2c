"""The reader of Dockerfiles, by itself and beside BuildKit's own parser."""

import json
import random
import subprocess
import sys
from importlib.util import find_spec

import pytest

from grader.dockerfile import (
    DockerfileError,
    parse_instruction,
    read_directives,
    read_instructions,
    split_words,
    unquote,
)

LINES = [
    "FROM a",
    "from  b AS c",
    "RUN echo \\",
    "  # comment",
    "# x",
    "RUN <<EOF",
    "EOF",
    "\tEOF",
    "RUN <<-EOF cat",
    'COPY <<A <<"B C" /x',
    "A",
    "B C",
    'RUN ["a", "b"]',
    "RUN --mount=type=bind,from=x --network=host y",
    'COPY --from=a --chown="1:2 3" b c',
    "ADD --x",
    "RUN -- y",
    "ONBUILD RUN <<EOF",
    "ONBUILD COPY --from=z a b",
    "",
    "   ",
    "ENV A=1 \\\\",
    "RUN a `",
    'RUN "x <<EOF"',
    "RUN '<<EOF'",
    "RUN a\\ <<EOF",
    "RUN 3<<EOF",
    "RUN <<<EOF",
    "# escape=`",
    "#syntax=x",
    "\\",
    "RUN x \\ ",
    "RUN\tz",
    "RUN a\r",
    "RUN <<E\\OF",
    'RUN <<"EOF"x',
    "EOFx",
    "ARG A",
    'LABEL a="b\\',
    'c"',
    "RUN $X<<EOF",
    "RUN ${a:-<<EOF}",
    "run <<EOF>/x",
    'RUN --mount=a"b c"d\\ e f',
    "RUN --a=\\",
]

# In a process of its own: the extension brings threads that a forked child lacks.
BUILDKIT = """
import dockerfile, json, sys
def read(text):
    try:
        found = dockerfile.parse_string(text)
    except ValueError:
        return None
    return [(c.start_line, c.cmd.upper(), c.flags, [h.content for h in c.heredocs]) for c in found if c.cmd]
json.dump([read(text) for text in json.load(sys.stdin)], sys.stdout)
"""


@pytest.mark.skipif(find_spec("dockerfile") is None, reason="BuildKit's parser (dockerfile) is not installed")
def test_it_reads_what_buildkit_reads() -> None:
    """Lines, names, flags and here-documents agree wherever BuildKit's parser finds instructions."""
    draw = random.Random(20)
    texts = [
        "\n".join(draw.choices(LINES, k=draw.randint(1, 8))) + draw.choice(["", "\n"]) for _ in range(8_000)
    ]
    said = subprocess.run(
        [sys.executable, "-c", BUILDKIT], input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    compared = 0
    for text, expected in zip(texts, json.loads(said.stdout), strict=True):
        if expected is None:
            continue
        found = [[i.line, i.name, list(i.flags), list(i.heredocs)] for i in read_instructions(text)]
        for mine, theirs in zip(found, expected, strict=True):
            if mine[1] == "ONBUILD":  # the flags and here-documents of its trigger: theirs are kept elsewhere
                mine[2:] = theirs[2:]
            assert mine == theirs, text
        compared += 1
    assert compared > 3_000


def test_an_instruction() -> None:
    (found,) = read_instructions('# x\n\ncopy --from=a --chown="1 2" \\\n  # why\n\n  b \\\n  c\n')
    assert found.line == 3
    assert found.name == "COPY"
    assert found.flags == ("--from=a", "--chown=1 2")
    assert found.words == ("b", "c")
    assert found.json is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ('["a b", "c"]', ("a b", "c")),
        ("[]", ()),
        ('["a", 1]', ('["a",', "1]")),
        ("['a']", ("['a']",)),
        ('["\ud800"]', ('["\ud800"]',)),
    ],
)
def test_words_of_both_forms(arguments: str, words: tuple[str, ...]) -> None:
    found = parse_instruction(f"CMD {arguments}")
    assert found is not None
    assert found.words == words


def test_a_nul_hides_nothing() -> None:
    assert [found.name for found in read_instructions("FROM a\0b\nRUN x")] == ["FROM", "RUN"]


def test_directives() -> None:
    text = "# Escape = `\n#syntax=x y \n# escape=later\n# none\n# late=1\n"
    assert read_directives(text) == {"escape": "`", "syntax": "x y"}
    assert read_directives("// syntax=x\n", "//") == {"syntax": "x"}


@pytest.mark.parametrize("text", ["RUN <<E\n", "# escape=x\nFROM a", "COPY <<A <<B /\nA\n"])
def test_what_means_nothing(text: str) -> None:
    with pytest.raises(DockerfileError):
        read_instructions(text)


def test_words_and_quotes() -> None:
    assert split_words("a 'b c' d\\ e \"f 'g\"") == ["a", "'b c'", "d\\ e", '"f \'g"']
    assert split_words("a 'b") == []
    assert unquote("A='b c'\"d\"\\e") == "A=b cde"
