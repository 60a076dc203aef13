"""Character classes and lower case as PostgreSQL's text parser sees them.

PostgreSQL uses the C library, here glibc 2.36 with the locale C.UTF-8. It differs from Python's
``unicodedata`` in the code points listed below (all of Unicode was compared).
"""

import unicodedata

LETTER = "\u00e9"
"""Replaces every letter outside ASCII in a shape; digits of other scripts count as letters."""
SIGN = "\u0301"
"""Replaces every mark that continues a word but does not begin one: mostly accents."""
OTHER = "\x01"
"""Replaces everything that separates words: punctuation, emoji, unassigned code points."""

# Vowel signs and similar marks that glibc classifies as letters, and circled letters.
_LETTERS = (
    "345 5b0-5bd 5bf 5c1-5c2 5c4-5c5 5c7 610-61a 64b-657 659-65f 670 6d6-6dc 6e1-6e4 6e7-6e8 "
    "6ed 711 730-73f 7a6-7b0 816-817 81b-823 825-827 829-82c 8d4-8df 8e3-8e9 8f0-902 93a "
    "941-948 955-957 962-963 981 9c1-9c4 9e2-9e3 a01-a02 a41-a42 a47-a48 a4b-a4c a51 a70-a71 "
    "a75 a81-a82 ac1-ac5 ac7-ac8 ae2-ae3 afa-afc b01 b3f b41-b44 b56 b62-b63 b82 bc0 c00 "
    "c3e-c40 c46-c48 c4a-c4c c55-c56 c62-c63 c81 cbf cc6 ccc ce2-ce3 d00-d01 d41-d44 d62-d63 "
    "d81 dd2-dd4 dd6 e31 e34-e3a e4d eb1 eb4-eb9 ebb-ebc ecd f71-f7e f80-f81 f8d-f97 f99-fbc "
    "102d-1030 1032-1036 103d-103e 1058-1059 105e-1060 1071-1074 1082 1085-1086 108d 109d "
    "1712-1713 1732-1733 1752-1753 1772-1773 17b7-17bd 17c6 1885-1886 18a9 1920-1922 1927-1928 "
    "1932 1a17-1a18 1a1b 1a56 1a58-1a5e 1a62 1a65-1a6c 1a73-1a74 1abf-1ac0 1acc-1ace 1b00-1b03 "
    "1b36-1b3a 1b3c 1b42 1b80-1b81 1ba2-1ba5 1ba8-1ba9 1bac-1bad 1be8-1be9 1bed 1bef-1bf1 "
    "1c2c-1c33 1c36 1de7-1df4 24b6-24e9 2de0-2dff a674-a67b a69e-a69f a802 a80b a825-a826 a8c5 "
    "a8ff a926-a92a a947-a951 a980-a982 a9b6-a9b9 a9bc-a9bd a9e5 aa29-aa2e aa31-aa32 aa35-aa36 "
    "aa43 aa4c aa7c aab0 aab2-aab4 aab7-aab8 aabe aaec-aaed abe5 abe8 fb1e 10376-1037a "
    "10a01-10a03 10a05-10a06 10a0c-10a0f 10d24-10d27 10eab-10eac 11001 11038-11045 11073-11074 "
    "110b3-110b6 110c2 11100-11102 11127-1112b 1112d-11132 11180-11181 111b6-111be 111cf "
    "1122f-11231 11234 11237 1123e 112df 112e3-112e8 11300-11301 11340 11438-1143f 11443-11444 "
    "114b3-114b8 114ba 114bf-114c0 115b2-115b5 115bc-115bd 115dc-115dd 11633-1163a 1163d 11640 "
    "116ab 116ad 116b0-116b5 1171d-1171f 11722-11725 11727-1172a 1182f-11837 1193b-1193c "
    "119d4-119d7 119da-119db 11a01-11a0a 11a35-11a38 11a3b-11a3e 11a51-11a56 11a59-11a5b "
    "11a8a-11a96 11c30-11c36 11c38-11c3d 11c92-11ca7 11caa-11cb0 11cb2-11cb3 11cb5-11cb6 "
    "11d31-11d36 11d3a 11d3c-11d3d 11d3f-11d41 11d43 11d47 11d90-11d91 11d95 11ef3-11ef4 16f4f "
    "16f8f-16f92 1bc9e 1e000-1e006 1e008-1e018 1e01b-1e021 1e023-1e024 1e026-1e02a 1e947 "
    "1f130-1f149 1f150-1f169 1f170-1f189"
)

# Spacing marks, and code points newer than Python's tables, without a width of their own.
_SIGNS = (
    "9ff-a00 a43-a46 a49-a4a a4e-a50 ac6 b00 b4e-b54 c49 c4e-c54 dd5 f3e-f3f f98 1a5f 1a7d-1a7e "
    "1acf-1aff 1b44 1baa a953 10a04 10a07-10a0b 10a3b-10a3e 1136d-1136f 119d8-119d9 11c37 "
    "11d37-11d39 11d3b 11d3e 1cf2e-1cf2f 1daa0 1e007 1e019-1e01a 1e022 1e025"
)

# No-break spaces, and marks that glibc does not know.
_OTHERS = (
    "a0 1715 1734 1bf2-1bf3 1ce1 1cf7 2007 202f 302e-302f a9c0 abec 111c0 11235 1134d 116b6 "
    "1193d 1d165-1d166 1d16d-1d172"
)

_STAND_INS = {"L": LETTER, "Nd": LETTER, "Nl": LETTER, "Mc": LETTER, "M": SIGN, "Z": " "}
_MAX_CACHED = 10_000


def _parse_ranges(ranges: str) -> set[int]:
    codes: set[int] = set()
    for part in ranges.split():
        first, _, last = part.partition("-")
        codes.update(range(int(first, 16), int(last or first, 16) + 1))
    return codes


class _Shapes(dict[int, str]):
    """Code point -> stand-in, computed on first use; caches a bounded number."""

    def __missing__(self, code: int) -> str:
        category = unicodedata.category(chr(code))
        shape = _STAND_INS.get(category) or _STAND_INS.get(category[0], OTHER)
        if len(self) < _MAX_CACHED:
            self[code] = shape
        return shape


class _Lower(dict[int, str]):
    """Code point -> one lower-case character, without final sigma or added dots."""

    def __missing__(self, code: int) -> str:
        lower = chr(code).lower()[0]
        if len(self) < _MAX_CACHED:
            self[code] = lower
        return lower


_SHAPES = _Shapes({code: chr(code) for code in range(128)})
for _codes, _stand_in in ((_LETTERS, LETTER), (_SIGNS, SIGN), (_OTHERS, OTHER)):
    _SHAPES.update(dict.fromkeys(_parse_ranges(_codes), _stand_in))
_LOWER = _Lower()


def to_shape(text: str) -> str:
    """Return the *shape* of a text: each character outside ASCII replaced by a stand-in.

    The length stays the same. Blanks outside ASCII become a space, so patterns need to know few
    characters.
    """
    return text if text.isascii() else text.translate(_SHAPES)


def to_lower(text: str) -> str:
    """Return ``text`` in lower case, converted character by character like ``towlower``."""
    return text.lower() if text.isascii() else text.translate(_LOWER)
