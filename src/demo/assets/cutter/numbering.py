"""The three ways in which sections are numbered: 1, 2, 3; I, II, III; (a), (b), (c)."""

import re

_ROMAN = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"),
    (50, "L"), (40, "XL"), (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)

PATTERNS = {"arabic": r"[1-9][0-9]{0,3}", "roman": r"[IVXLCDM]{1,15}", "letter": r"\([a-z]{1,2}\)"}


def write(style, number):
    """Writes a number from 1 on."""
    if number < 1:
        raise ValueError(f"sections are numbered from 1, not {number}")
    if style == "arabic":
        return str(number)
    if style == "roman":
        return _roman(number)
    if style == "letter":
        return f"({_letters(number)})"
    raise ValueError(f"no such numbering: {style}")


def read(style, text):
    """Reads a number; None when the text is none, or is not how the number is written."""
    if not re.fullmatch(PATTERNS[style], text):
        return None
    if style == "arabic":
        return int(text)
    number = _unroman(text) if style == "roman" else _unletters(text[1:-1])
    return number if write(style, number) == text else None


def _roman(number):
    if number > 3999:
        raise ValueError(f"{number} is too large for a Roman numeral")
    digits = []
    for value, digit in _ROMAN:
        times, number = divmod(number, value)
        digits.append(digit * times)
    return "".join(digits)


def _unroman(text):
    values = {digit: value for value, digit in _ROMAN if len(digit) == 1}
    total = 0
    for here, after in zip(text, text[1:] + " "):
        value = values[here]
        total += -value if values.get(after, 0) > value else value
    return max(total, 1)


def _letters(number):
    high, low = divmod(number - 1, 26)
    if high > 26:
        raise ValueError(f"{number} is too large for two letters")
    return (chr(ord("a") + high - 1) if high else "") + chr(ord("a") + low)


def _unletters(text):
    number = 0
    for letter in text:
        number = number * 26 + ord(letter) - ord("a") + 1
    return number
