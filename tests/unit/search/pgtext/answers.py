"""What PostgreSQL 15 answers (locale C.UTF-8): text and its ``tsvector`` or ``tsquery``."""

DOCUMENTS = [
    (
        "django-rest_framework Foo_bar",
        "'bar':6 'django':2 'django-rest':1 'foo':5 'framework':4 'rest':3",
    ),
    (
        "O'Reilly's C++ e.g. naïve İ\u03a3\u0391\u03a3",
        "'c':4 'e.g':5 'i\u03c3\u03b1\u03c3':7 'naïv':6 'o':1 'reilli':2",
    ),
    (
        "http://readthedocs.io:80/a?b=c foo.com/ bar.io",
        "'/a?b=c':3 'bar.io':5 'foo.com':4 'readthedocs.io:80':2 'readthedocs.io:80/a?b=c':1",
    ),
    (
        "user@mail.com a@b.co-user@mail.com a@b@c.co a@1e5.com é1@x.org",
        "'1e5':7 'a@b.co':2 'b@c.co':5 'com':8 'user@mail.com':1,3 'é1@x.org':9",
    ),
    ("/usr/bin ../x ./y ~/z /~a", "'/usr/bin':1 '/x':2 '/y':3 '/z':4 '/~a':5"),
    (
        "a/./b x.yz//./y foo.bar1 and/or",
        "'//./y':4 'a/./b':1 'and/or':6 'foo.bar1':5 'x.yz':3 'x.yz//./y':2",
    ),
    (
        "3.5 2.0.1 5-1 -1.5 -1.2.3 1e-5 +5e+55.5 1.2.com",
        "'+5e+55':8 '-1':4 '-1.5':5 '1.2.3':6 '1.2.com':10 '1e-5':7 '2.0.1':2 '3.5':1 '5':3,9",
    ),
    ("a-b-2 a-b-2-the redactor-2-0", "'-0':12 '-2':11 '2':4,8 'a-b':1,5 'b':3,7 'redactor':10"),
    (
        "a-b-1.5 a-1a 1-a 2fa-auth",
        "'1':8 '1.5':4 '1a':7 '2fa':11 '2fa-auth':10 'a-1a':5 'a-b':1 'auth':12 'b':3",
    ),
    (
        "<b>x</b> <:中b> <a 中> <br/> <!-- y --> <!-- z &amp; &#x1F; &lt",
        "'lt':5 'x':1 'z':4 '中':3",
    ),
    ("<?xml v?> <?X> <!DOCTYPE html> <a b='c>'>", "'x':1"),
    ("<script> hidden </script> shown <style x", "'shown':1"),
    ("kept <a don't/\\-", "'kept':1"),
    ("a1-́b été ́x", "'a1':1 'b':2 'été':3 'x':4"),
    ("x\xa0y\u3000z🔥w “q” — r", "'q':5 'r':6 'w':4 'x':1 'y':2 'z':3"),
    (
        "foo.com-bar foo-bar.py b1.c2 www.x 127.0.0.1",
        "'127.0.0.1':6 'b1.c2':4 'bar':2 'foo-bar.py':3 'foo.com':1 'www.x':5",
    ),
    ("العربية हिन्दी Ольга Ⅷ ²", "'ольга':3 'العربية':1 'हिन्दी':2 'ⅷ':4"),
    ("the and of", ""),
    ("x the the the y", "'x':1 'y':5"),
]

WEB_QUERIES = [
    ("a b or c -d", "'b' | 'c' & !'d'"),
    ('"the fat cat" rat', "'fat' <-> 'cat' & 'rat'"),
    ("two-factor x_y", "'two-factor' <-> 'two' <-> 'factor' & 'x' <-> 'y'"),
    ("or", ""),
    ("foo or", "'foo'"),
    ("foo or)", "'foo'"),
    ("foo OR bar or or baz", "'foo' | 'bar' | 'baz'"),
    ("or-x or_y oré", "'or-x' <2> 'x' & 'y' & 'oré'"),
    ("- - x", "!!'x'"),
    ("foo - bar", "'foo' & !'bar'"),
    ('-"a b" c', "!'b' & 'c'"),
    ("foo ! OR bar", "'foo' | 'bar'"),
    ("foo(bar)<baz|qux&quux", "'foo' & 'bar' & 'baz' & 'qux' & 'quux'"),
    ("<b>bold</b>", "'b' <-> 'bold' & '/b'"),
    ("http://a.bc/d", "'http' & '/a.bc/d'"),
    ("a::b:c", "'b' & 'c'"),
    ('"unclosed phrase', "'unclos' <-> 'phrase'"),
    ('foo"bar"baz', "'foo' & 'bar' & 'baz'"),
    ("-the x", "'x'"),
    ("x -", "'x'"),
    ("", ""),
    ("--- !", ""),
    ("1 or -2", "'1' | !'2'"),
    ("foo.bar() OR/50%", "'foo.bar' | '/50'"),
    ('"x the the y" z', "'x' <3> 'y' & 'z'"),
]

PREFIXES = [
    ("dja", "'dja':*"),
    ("two-f", "'two-f':* <-> 'two':* <-> 'f':*"),
    ("x_y", "'x':* <-> 'y':*"),
    ("---", ""),
    ("____", ""),
    ("-abc", "'abc':*"),
    ("2fa", "'2fa':*"),
    ("the", ""),
    ("éta", "'éta':*"),
    ("a-b-2", "'a-b':* <2> 'b':* <-> '2':*"),
]
