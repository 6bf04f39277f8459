"""Text of a catalog in Markdown is shown as it is: rendered, it holds no element that it was not given."""

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from engine.reports.github import summary_of
from engine.reports.markdown import code, plain


class Elements(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.tags = []
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def rendered(text):
    """Elements and text, as a renderer of GitHub's dialect makes them; raw HTML is let through, links are found."""
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    elements = Elements()
    elements.feed(renderer.render(text))
    return elements


TEXT = st.text(st.sampled_from(list("ab1 `*_[]()<>!#+-.~|\\&;@:/{}$\"'=\n")), max_size=40)


@given(TEXT)
def test_plain_text_is_no_markup(text):
    elements = rendered(f"x {plain(text)} y")
    assert elements.tags == ["p"]
    assert "".join(elements.text.split()) == "".join(f"x{text}y".replace("\n", "\\x0a").split())


@given(TEXT)
def test_a_code_span_holds_exactly_its_text(text):
    elements = rendered(f"x {code(text)} y")
    if text:
        assert elements.tags == ["p", "code"]
        assert text.replace("\n", "\\x0a").strip() in elements.text


def test_nobody_is_called_and_nothing_is_linked():
    assert "@everyone" not in plain("@everyone and @openai/bot")
    assert "https://evil" not in plain("https://evil.example")
    assert "www.evil" not in plain("www.evil.example")
    assert "#1" not in plain("see #1").replace("\\#", "")


def test_a_hostile_summary_has_only_our_elements(hostile):
    assert set(rendered(summary_of(hostile)).tags) == {"h3", "p", "ul", "li", "strong", "code"}
