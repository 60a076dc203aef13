"""Names of projects out of what stands in a package's pypi_url."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from chalicelib.refresh.hosts.index.project_names import get_project


@pytest.mark.parametrize(
    ("pypi_url", "name"),
    [
        ("http://index.example/pypi/django-tool", "django-tool"),
        ("http://index.example/pypi/django-tool/", "django-tool"),
        ("https://old.index.example/pypi/Django_Tool/1.0.2", "django-tool"),
        ("https://index.example/project/zope.interface/#history", "zope-interface"),
        ("https://index.example/pypi/tool/json?x=1", "tool"),
        ("https://mirror.example/team/pypi/tool", "tool"),
        ("//index.example/project/tool", "tool"),
        ("index.example/project/tool", "tool"),
        ("  https://index.example/project/tool \n", "tool"),
        ("https://index.example/project/my%2Dtool", "my-tool"),
        ("https://index.example/pypi//tool", "tool"),
        ("https://index.example/PyPI/tool", "tool"),
        (" Tool_Box ", "tool-box"),
        ("0-._.-._.-0", "0-0"),
    ],
)
def test_names_are_read_from_the_path_and_normalised(pypi_url: str, name: str) -> None:
    assert get_project(pypi_url) == name


@pytest.mark.parametrize(
    "pypi_url",
    [
        None,
        "",
        "   ",
        "https://index.example/",
        "https://index.example/pypi",
        "https://index.example/pypi/",
        "https://index.example/simple/tool",
        "https://index.example/project/-tool",
        "https://index.example/project/two%20words",
        "https://index.example/project/a%2Fb",
        "https://index.example/project/t\u00f6\u00f6l",
        "https://[index.example/project/tool",
        "two words",
        "tool-",
        "x" * 201,
    ],
)
def test_there_is_no_name_where_none_can_be_read(pypi_url: str | None) -> None:
    assert get_project(pypi_url) is None


@given(st.text() | st.text("abAB-_./ %2:pyiroject").map("https://index.example/pypi/".__add__))
def test_what_is_read_is_always_a_normalised_name(pypi_url: str) -> None:
    name = get_project(pypi_url)
    assert name is None or name == canonicalize_name(name) == get_project(name)
