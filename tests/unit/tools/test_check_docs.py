"""The check of the documents finds what it is for."""

from pathlib import Path

from tools.check_docs import get_documents, iter_broken_links, iter_external_resources, main


def test_links_to_missing_files_and_headings_are_found(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "other.md").write_text("# A title, really\n")
    readme = tmp_path / "README.md"
    readme.write_text(
        "[a](docs/other.md) [b](docs/other.md#a-title-really) [c](#own) [d](https://a.example/)\n"
        "[e](docs/missing.md) [f](docs/other.md#no-such) `[g](code.md)`\n\n## Own\n"
        "```\n[h](fenced.md)\n```\n"
    )
    assert get_documents(tmp_path) == [readme, tmp_path / "docs" / "other.md"]
    assert list(iter_broken_links(readme)) == [
        "docs/missing.md: no such file",
        "docs/other.md#no-such: no such heading",
    ]


def test_resources_of_other_hosts_are_found(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(
        '<script src="own.js"></script><script src="https://a.example/x.js"></script>'
        '<link rel="canonical" href="https://b.example/"><link rel="icon" href="//c.example/i">'
        '<a href="https://d.example/">d</a><img src="data:image/png;base64,">'
    )
    (tmp_path / "style.css").write_text("@import url('https://e.example/f.css'); a{b:url(own.png)}")
    assert list(iter_external_resources(tmp_path)) == [
        "index.html: https://a.example/x.js",
        "index.html: //c.example/i",
        "style.css: https://e.example/f.css",
    ]


def test_a_missing_site_fails(tmp_path: Path) -> None:
    assert main([str(tmp_path)]) == 1
    assert main([]) == 0
