from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from itertools import pairwise

import pytest

from reports.page import render_html
from reports.page.render import headline
from reports.text import printable

from ..page_reader import PageReader
from ..report_samples import SAMPLES, a_run, a_step, sample

LINK_ATTRIBUTES = (
    "href",
    "src",
    "srcset",
    "action",
    "formaction",
    "data",
    "poster",
    "xlink:href",
    "background",
    "ping",
)
SECTIONS = ("topology", "steps", "measurements", "time", "set-up")


@cache
def _page(name: str) -> str:
    return render_html(sample(name))


@cache
def _read(name: str) -> PageReader:
    return PageReader(_page(name))


@pytest.mark.parametrize("name", SAMPLES)
def test_well_formed_with_unique_ids(name: str) -> None:
    ids = [element.attributes["id"] for element in _read(name).elements if "id" in element.attributes]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_is_loaded_from_anywhere(name: str) -> None:
    targets = [
        (element.tag, element.attributes[attribute])
        for element in _read(name).elements
        for attribute in LINK_ATTRIBUTES
        if attribute in element.attributes
    ]
    outside = [
        target
        for target in targets
        if not (target[1].startswith(("#", "evidence/")) or target[1] in ("result.json", "junit.xml", "data:,"))
    ]
    assert targets
    assert outside == []
    style = "".join(_read(name).text_of("style"))
    assert not re.search(r"url\(|@import|@font-face", style)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_link_inside_the_page_has_a_target(name: str) -> None:
    page = _read(name)
    ids = {element.attributes.get("id") for element in page.elements}
    inside = {element.attributes.get("href", "") for element in page.elements}
    assert {target[1:] for target in inside if target.startswith("#")} <= ids


@pytest.mark.parametrize("name", SAMPLES)
def test_the_policy_lets_only_the_own_style_and_script_through(name: str) -> None:
    page = _read(name)
    policy = next(e.attributes["content"] for e in page.elements if e.attributes.get("http-equiv"))
    assert "default-src 'none'" in policy
    for tag in ("style", "script"):
        (source,) = re.findall(f"<{tag}>(.*?)</{tag}>", _page(name), re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert not [e for e in page.elements for a in e.attributes if a == "style" or a.startswith("on")]


def test_texts_of_a_result_stay_text() -> None:
    page = _read("hostile")
    assert [element.tag for element in page.elements if element.tag in ("script", "img")] == ["script"]
    assert "<script>alert" not in _page("hostile")
    assert "{{ 7*7 }}" in _page("hostile")
    step = sample("hostile").steps[0]
    shown = ["".join(element.text) for element in page.with_class("message")]
    assert printable(step.message) in shown
    assert "\x1b" not in _page("hostile")
    assert "\u202e" not in _page("hostile")


@pytest.mark.parametrize("field", ["message", "hint", "title", "reference", "live_command", "verb"])
def test_each_text_of_a_step_is_shown_escaped(field: str) -> None:
    text = f"<script>{field}</script>"
    page = render_html(a_run(a_step(**{field: text})))
    assert text not in page
    assert f"&lt;script&gt;{field}&lt;/script&gt;" in page


def test_evidence_is_linked_whatever_its_name() -> None:
    links = [e.attributes["href"] for e in _read("hostile").elements if e.attributes.get("href", "").startswith("evi")]
    assert links == ["evidence/a%20b/weird%20name%3F%23%25%3Ax.txt"]


@pytest.mark.parametrize("name", SAMPLES)
def test_every_step_is_there_with_what_it_found(name: str) -> None:
    result, page = sample(name), _read(name)
    steps = [element for element in page.elements if element.tag == "details"]
    assert len(steps) == len(result.steps)
    for step, element in zip(result.steps, steps, strict=True):
        words = "".join(element.text)
        gone = bool(result.lab) and not result.lab_kept
        live = step.live_command.replace(result.lab, "LAB") if gone else step.live_command
        texts = [step.id, step.verb, step.title, step.message, step.reference, step.hint, live]
        texts += [text for check in step.checks for text in (check.name, check.expected, check.measured)]
        texts += [evidence.title for evidence in step.evidence] + [wait.what for wait in step.waits]
        assert [text for text in texts if printable(text).replace("`", "") not in words] == []
        assert f"v-{step.verdict}" in element.classes()
        assert ("open" in element.attributes) == step.verdict.is_bad


@pytest.mark.parametrize("field", ["title", "message", "hint", "reference"])
def test_what_stands_between_backticks_is_code(field: str) -> None:
    step = a_step(verdict="failed", **{field: "look at `nft <x>` in `a` and ` alone"})
    html = render_html(a_run(step, verdict="failed"))
    assert "look at <code>nft &lt;x&gt;</code> in <code>a</code> and ` alone" in html
    shown = html.partition("</style>")[2].partition("<script")[0]
    assert shown.count("`") == shown.count(" ` alone")


@pytest.mark.parametrize("name", SAMPLES)
def test_a_step_shows_its_id_before_it_is_opened(name: str) -> None:
    shown = ["".join(element.text) for element in _read(name).with_class("step-id")]
    bad = [step.id for step in sample(name).steps if step.verdict.is_bad]
    assert shown == [printable(text) for text in (*bad, *(step.id for step in sample(name).steps))]


def test_a_live_command_is_offered_for_a_lab_that_is_up() -> None:
    step = a_step(id="POC-05", live_command="lso exec poc-123456 site-a/ipsec -- /vnf/keys")
    gone = {"id": "s", "title": "S", "path": "my scenarios/x.yaml"}
    kept = PageReader(render_html(a_run(step, lab="poc-123456", lab_kept=True)))
    assert kept.text_of("pre") == [step.live_command]
    (words,) = PageReader(render_html(a_run(step, lab="poc-123456", scenario=gone))).text_of("pre")
    assert words.splitlines() == [
        "lso run 'my scenarios/x.yaml' --until POC-05 --keep    # it says which LAB is up then",
        "lso exec LAB site-a/ipsec -- /vnf/keys",
    ]


@pytest.mark.parametrize("ending", ["interrupted", "refused"])
def test_a_run_that_ended_early_says_so_and_not_that_the_test_bed_is_wrong(ending: str) -> None:
    steps = (a_step(id="a"), a_step(id="b", verdict="skipped"))
    page = render_html(a_run(*steps, ending=ending, verdict="error", error="why"))
    words = {
        "interrupted": "The run was interrupted: 1 of 2 steps had a verdict by then.",
        "refused": "The API refused",
    }
    assert words[ending] in page
    assert "The test-bed had an error" not in page


@pytest.mark.parametrize("name", SAMPLES)
def test_engines_machine_and_versions_are_stamped(name: str) -> None:
    result, words = sample(name), "".join(_read(name).elements[0].text)
    for engine in result.engines:
        assert engine.chosen in words
        assert engine.reason in words
    assert [value for value in (*result.machine.values(), *result.versions.values()) if value not in words] == []


def test_sections_without_content_are_left_out() -> None:
    def sections(name: str) -> list[str]:
        return [e.attributes["id"] for e in _read(name).elements if e.tag == "section" and "id" in e.attributes]

    assert sections("passed") == list(SECTIONS)
    assert sections("no-steps") == ["steps", "time", "set-up"]


@pytest.mark.parametrize("name", SAMPLES)
def test_headings_go_down_one_level_at_a_time(name: str) -> None:
    levels = [int(element.tag[1]) for element in _read(name).elements if re.fullmatch("h[1-6]", element.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("passed", "All 12 steps passed."),
        ("failed", "2 of 12 steps failed: the network under test is wrong."),
        ("error", "The test-bed had an error, so this run does not judge the network under test."),
        ("skipped", "Nothing was judged: no step of this run could be carried out."),
    ],
)
def test_headline(name: str, sentence: str) -> None:
    assert headline(sample(name)) == sentence
    assert sentence in _page(name)


def test_headline_counts_what_was_skipped() -> None:
    run = a_run(a_step(id="a"), a_step(id="b", verdict="skipped"))
    assert headline(run) == "1 of 2 steps passed, 1 skipped."
