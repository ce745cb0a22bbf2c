"""Reads short answers as their writers meant them: the lines of a file, the number or choice in a line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from grader.evidence import Evidence

_LONGEST: Final = 300  # characters: a longer line is no short answer, and may take long to read
_MOST: Final = 200  # lines

_REMARK: Final = re.compile(
    r"(?:```|#(?!\d)|//|;|<!--).*|[-=*_~]{3,}|.*:[*_\s]*|[*_\s]*(?:question|q)\s*\d{1,2}\W*", re.IGNORECASE
)
_NUMBERING: Final = re.compile(
    r"[\s>*_#+-]*(?:(?:question|q|no\.|#)\s*(\d{1,2})(?:\s*[-.):\]]|(?=\s))"
    r"|(?:answer|a)?\s*[(\[]?(\d{1,2})(?:[):\]]|\.(?![\d.])))[*_]*\s*(?=\S)",
    re.IGNORECASE,
)
_COLUMN: Final = re.compile(r"\s*(\d{1,2})(?:\s+[-\u2013]|\t)\s*(?=\S)")
_REASON: Final = re.compile(r"\b(?:because|since|whereas|while)\b.*|\s#\s.*")
_NEGATION: Final = (
    r"(?:\b(?:not|non|no|nor|neither|never|hardly|cannot|except|unlike|without|instead of|opposite of"
    r"|(?:rather|other) than|(?:anything|everything|all) but)|n['\u2019]t)\b[\s:-]+"
)
_DENIAL: Final = (
    r"(?:\s+(?:\w+n['\u2019]t|cannot|(?:can|do|does|is|are|will|would)\s+not|(?:is|are)\s+wrong)"
    r"|[\s:,-]+(?:no|wrong))"
    r"(?=\s*(?:$|[^\w\s]|and\b|but\b))"
)

# A number stands alone: it is no part of a word, a version or a power, though underscores may emphasize it.
_BEGIN: Final = r"(?<![^\W_])(?<!\d[.,])(?<!\^)"
_END: Final = r"(?![^\W_]|\^)"
_DECIMAL: Final = r"[0-9]+(?:[.,][0-9]+)?"
_NUMBER: Final = rf"{_BEGIN}{_DECIMAL}{_END}"
_SMALL: Final = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS: Final = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_VALUES: Final[Mapping[str, int]] = {
    "none": 0,
    **{word: number for number, word in enumerate(_SMALL)},
    **{word: 10 * number for number, word in enumerate(_TENS, 2)},
}
_WORD: Final = rf"\b(?:(?:{'|'.join(_TENS)})(?:[- ](?:{'|'.join(_SMALL[1:10])}))?|{'|'.join(_SMALL)}|none)\b"
_EITHER: Final = rf"(?:{_NUMBER}|{_WORD})"
_THOUSANDS: Final = re.compile(
    r"(?<=\d)(?:[,_'\u2019\s]|\.(?=\d{3}\.\d{3}\b)|(?<=\d\.\d{3})\.)(?=\d{3}(?!\d))"
)
_QUANTITY: Final = re.compile(
    rf"{_BEGIN}({_DECIMAL})\s*"
    rf"((?:[kmgt]i?)?b(?:ytes?)?|[kmgt]i?|(?:kilo|mega|giga|tera|kibi|mebi|gibi|tebi)bytes?){_END}"
)
_CALCULATION: Final = re.compile(rf"{_BEGIN}{_DECIMAL}(?:\s*(?:[*x\u00d7+]|times)\s*{_DECIMAL})+{_END}")
_OF: Final = re.compile(rf"({_EITHER})(?:\s+\w+)?\s+(?:out\s+)?of\s+(?:(?:all|the|these|those)\s+)*{_NUMBER}")
_NOT: Final = re.compile(
    rf"(?:{_NEGATION}|(?:half|third|most|some) of\s+"
    r"|(?<!no )(?<!not )\b(?:more|less|fewer) than\s+"
    r"|\b(?:above|below|over|under|almost|nearly)\s+|(?<![-=])[<>]\s*)"
    rf"(?:(?:be|on|port|of|all|the|exactly|just|only|even)\s+)*{_EITHER}"
    rf"|{_EITHER}\s+(?:is|are|would be)\s+(?:wrong|killed|too\s|not\s+(?:right|correct|true|it|the)\b)"
)
_HEDGE: Final = re.compile(r"\b(?:or|either|maybe|perhaps|possibly|if|else|otherwise|alternatively)\b")
_BRACKETS: Final = re.compile(r"\((?!\W*[0-9.]+\W*\))[^()]*\)")  # a number alone is a second answer
_THEREFORE: Final = re.compile(r"[=\u2192\u21d2\u2248]|->|\b(?:so|thus|hence|therefore)\b")


def short_answers(evidence: Evidence, name: str, questions: int = 0) -> tuple[str, ...]:
    """Return the lines of an answer file as their writer meant them.

    Left out are empty lines, headings and comments, numbering (``2. ``, ``Question 2: ``), quotes, full
    stops and emphasis around a line, and the mark that some editors put before a text. Where all lines are
    numbered, an answer stands where its number says; where every question's number stands before a line, the
    other lines are remarks. Capitals become small letters.

    Args:
        evidence: Of the answer.
        name: Of the file.
        questions: How many there are: among as many lines, an empty one is an answer that is not given.

    Raises:
        NotObservedError: There is no such file in the answer.
    """
    written = [line.strip() for line in evidence.answer(name).lstrip("\ufeff").splitlines()[:_MOST]]
    gaps = len(written) == questions
    lines = [line for line in written if (line or gaps) and (_match(_NUMBERING, line) or not _remark(line))]
    numbering = _numbering(lines)
    numbers = [int(next(filter(None, found.groups()))) if found else 0 for found in numbering]
    if all(numbers) or (questions and sorted(filter(None, numbers)) == list(range(1, questions + 1))):
        numbers = list(filter(None, numbers))
        lines = [found.string[found.end() :] for found in numbering if found]
        if len(set(numbers)) == len(numbers):
            placed = dict(zip(numbers, lines, strict=True))
            lines = [placed.get(number, "") for number in range(1, max(numbers, default=0) + 1)]
    else:
        lines = [
            line[found.end() :] if found and number == position else line
            for position, (line, found, number) in enumerate(zip(lines, numbering, numbers, strict=True), 1)
        ]
    return tuple(line.strip(" \t`'\"._*").lower() for line in lines)


def _numbering(lines: list[str]) -> list[re.Match[str] | None]:
    """Return what numbers each line; what could be a range of numbers only where it numbers all of them."""
    found = [_match(_NUMBERING, line) for line in lines]
    columns = [_match(_COLUMN, line) for line in lines]
    if any(found) or not all(column and int(column[1]) == at for at, column in enumerate(columns, 1)):
        return found
    return columns


def _remark(line: str) -> bool:
    return len(line) <= _LONGEST and _REMARK.fullmatch(line) is not None


def _match(pattern: re.Pattern[str], line: str) -> re.Match[str] | None:
    return pattern.match(line) if len(line) <= _LONGEST else None


def only_number(answer: str, unit: str = "") -> str:
    """Return the only number in a short answer; empty where there are several, or none.

    Of a calculation, the result counts, of "1 of 5" the first, of "1, not 5" the one that it is, of "1 (since
    4 + 1 are 5)" the one before the reason. What groups thousands is left out. Up to ninety-nine, words do.

    Args:
        answer: In small letters.
        unit: First letter of the unit that an amount of memory may be given in (``b`` for bytes, ``m`` for
            MiB or MB); amounts in other units do not count, and without one, no amounts of memory do.
    """
    if len(answer) > _LONGEST:
        return ""
    text = _THOUSANDS.sub("", _claim(answer))
    text = _QUANTITY.sub(lambda found: found[1] if found[2][0] == unit else " ", text)
    text = _OF.sub(r"\1", _CALCULATION.sub(_result, text))
    if _HEDGE.search(text) and len(_digits(text) | _words(text)) > 1:
        return ""
    text = _NOT.sub(" ", text)
    bare = _BRACKETS.sub(" ", text)
    sides = _THEREFORE.split(bare if _numbers(bare) else text)
    single = [found for side in sides if len(found := _numbers(side)) == 1]
    return single[-1].pop() if single else ""


def _claim(answer: str) -> str:
    """Return what an answer says, without its reasons, unless it begins with them."""
    claim = _REASON.sub("", answer)
    return claim if claim.strip() else answer


def _result(calculation: re.Match[str]) -> str:
    """Return what a sum of products of whole numbers comes to; leave others as they are."""
    if re.search("[.,]", calculation[0]):
        return calculation[0]
    terms = calculation[0].split("+")
    return str(sum(math.prod(map(int, re.findall(r"\d+", term))) for term in terms))


def _numbers(text: str) -> set[str]:
    return _digits(text) or _words(text)


def _digits(text: str) -> set[str]:
    return {re.sub(r"[.,]0+$", "", found) for found in re.findall(_NUMBER, text)}


def _words(text: str) -> set[str]:
    found = (word.replace("-", " ").split() for word in re.findall(_WORD, text))
    return {str(sum(_VALUES[part] for part in parts)) for parts in found}


def only_choice(answer: str, choices: Mapping[str, str]) -> str:
    """Return what a short answer chooses by one of the words for it; empty where it names several, or none.

    Hyphens count as spaces. Words behind "not" are not chosen, nor are those before "cannot", nor those in
    a reason.

    Args:
        answer: In small letters.
        choices: What is chosen, by each word that stands for it.
    """
    if len(answer) > _LONGEST or not choices:
        return ""
    words = rf"\b(?:{'|'.join(map(re.escape, sorted(choices, key=len, reverse=True)))})\b"
    claim = _claim(answer).replace("-", " ")
    claim = re.sub(
        rf"{_NEGATION}(?:(?:be|in|with|really|any|an?|the)\s+)*{words}|{words}{_DENIAL}", " ", claim
    )
    found = {choices[word] for word in re.findall(words, claim)}
    return found.pop() if len(found) == 1 else ""
