"""Rules in plain English: nothing that decides is left out, and nothing is said that the file does not say."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.catalogue.copying import copied, with_more_rules

from safety_stream.catalogue import CatalogueError, Explanation, explain_rule, list_rules
from safety_stream.catalogue.formats.parts import duration_of
from safety_stream.core.model.times import MINUTE, Duration, length_in_words
from safety_stream.data_files import catalogue_folder

RULES = [entry.rule for entry in list_rules(catalogue_folder())]


def said(explanation: Explanation, heading: str) -> tuple[str, ...]:
    (sentences,) = [section.sentences for section in explanation.sections if section.heading == heading]
    return sentences


def explained_with(tmp_path: Path, rule: str, old: str, new: str) -> Explanation:
    """The rule after one change of its file."""
    folder = copied(tmp_path / "catalogue")
    file = folder / "rules" / f"{rule}.yaml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    return explain_rule(folder, rule)


MONTHS = st.integers(1, 1_200).map(lambda number: Duration(months=number))
MINUTES = st.integers(1, 9_999).map(lambda number: Duration(millis=number * MINUTE))


@given(MONTHS | MINUTES)
def test_a_length_in_words_is_the_length_a_file_states(length: Duration):
    assert duration_of(length_in_words(length).replace(",", "")) == length


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_says_when_it_fires_how_urgent_who_hears_and_where_its_numbers_are_from(rule: str):
    explanation = explain_rule(catalogue_folder(), rule)

    headings = [section.heading for section in explanation.sections]
    assert headings[0].startswith("When it fires")
    assert {
        "How urgent it is",
        "How it is handled",
        "Where the numbers are from",
        "When it may be wrong",
        "What it does not see",
        "What takes it back",
        "What it is held to",
    } <= set(headings)
    assert all(sentence for section in explanation.sections for sentence in section.sentences)


def test_a_chain_is_told_in_order_with_its_steps():
    assert said(explain_rule(catalogue_folder(), "rv-marac-repeat"), "When it fires") == (
        (
            "Of a victim and a perpetrator together: “referral”, then “abuse”, each strictly after the one before, "
            "all within 12 months."
        ),
        "“referral” is a report with kind marac-referral.",
        "“abuse” is a report with theme domestic-abuse; not kind marac-referral.",
        "“known” is a report with theme domestic-abuse.",
        "“marked” is a report with theme domestic-abuse; flag serial-perpetrator.",
        "Told besides, as times: how often “abuse” happened in the 12 months before.",
        "Told besides, as referrals: how often “referral” happened in the 12 months before.",
        ("Told besides, as risk: what “known” last said of fact risk-level in the 12 months before, or “not known”."),
        "Told besides, as serial: how often “marked” happened in the 12 months before.",
        (
            "The alert says: Abuse reported {days_since_referral} days after the last MARAC referral of this pair. "
            "In the twelve months to it: abuse told {times} times, reports marked serial perpetrator {serial}, "
            "risk assessed before {risk}, MARAC referrals {referrals}."
        ),
    )


def test_who_is_told_together_and_whose_timeline_it_is_are_named():
    assert said(explain_rule(catalogue_folder(), "serial-perpetrator"), "When it fires")[0] == (
        "Of a suspect: “abuse” happens with 2 or more different values of victims (whoever's timeline it is left out; "
        "those told together are one) within 12 months."
    )


def test_each_limb_stands_for_itself():
    explanation = explain_rule(catalogue_folder(), "asb-case-review")

    assert said(explanation, "When it fires: complaints")[:2] == (
        "Of a victim: “complaint” happens 3 times or more within 6 months, all of the same category.",
        "“complaint” is a report with theme asb; origin reported; reported within 1 month.",
    )
    assert said(explanation, "When it fires: people")[0] == (
        "Of a place: “complaint” happens with 5 or more different values of complainants within 6 months, "
        "all of the same category."
    )
    assert said(explanation, "Elsewhere and at other times") == (
        (
            "In Burnley and Preston (people) it does not apply. "
            "Source: Burnley and Preston council pages publish no five-people limb."
        ),
    )


def test_what_is_awaited_and_who_could_tell():
    explanation = explain_rule(catalogue_folder(), "missing-no-return-interview")

    assert said(explanation, "When it fires")[:2] == (
        (
            "Of a person in whatever role: “returned” happens and no “interview” follows within 72 hours, "
            "as far as childrens-services can tell."
        ),
        "“returned” is a report with kind missing-episode; subtype returned; role missing or subject; a child.",
    )


def test_a_district_count_tells_the_number_of_each_district():
    explanation = explain_rule(catalogue_folder(), "district-count")

    assert said(explanation, "When it fires")[0] == (
        "Of an area: the indicator violence reaches 150 in one calendar week."
    )
    elsewhere = said(explanation, "Elsewhere and at other times")
    assert any(one.startswith("In Burnley the number is 114. Source: ") for one in elsewhere)


def test_a_flag_and_a_child_raise_a_tier_each():
    told = said(explain_rule(catalogue_folder(), "soc-child-exploitation-lines"), "How urgent it is")

    assert told[1:] == ("One tier more urgent with weapon.", "One tier more urgent, besides, with a child.")


def test_urgency_and_safeguards_are_told_as_they_are_set():
    graded = explain_rule(catalogue_folder(), "rv-graded")
    across = explain_rule(catalogue_folder(), "soc-cross-district")

    assert said(graded, "How urgent it is") == (
        "P3 to begin with; P1 is the most urgent.",
        "P2 from 4 on.",
        "One tier more urgent with weapon or strangulation.",
    )
    assert said(across, "What must stand behind it") == (
        "2 different organisations, or as many kinds of report.",
        "More than intelligence of grade D or E.",
    )
    assert said(explain_rule(catalogue_folder(), "soc-cuckooing"), "What must stand behind it")[0] == (
        "2 different organisations."
    )


@pytest.mark.parametrize(
    ("rule", "when"),
    [
        (
            "all-of",
            (
                "“nuisance” happens 2 times or more and “hatred” happens once or more, in any order and by different "
                "occurrences, within 6 months"
            ),
        ),
        (
            "all-of-some",
            (
                "2 or more of these, “nuisance” among them, hold, in any order and by different occurrences, "
                "within 28 days: “nuisance” happens 2 times or more, “hatred” happens once or more, "
                "“armed” happens once or more, “visit” happens once or more"
            ),
        ),
        (
            "ordered-none-of",
            (
                "“complaint”, then “crime”, then “complaint”, each strictly after the one before, all within 28 days, "
                "with no “visit” or “arrest” strictly between the first and the last"
            ),
        ),
        (
            "ordered-runs",
            (
                "“complaint”, then “crime” 2 times in a row, each strictly after the one before, all within 6 months, "
                "with no “visit” strictly between the first and the last"
            ),
        ),
        (
            "count-until",
            (
                "“complaint” happens 2 times or more within 6 months, all of the same area, "
                "with no “visit” strictly between any of them and the last"
            ),
        ),
        (
            "sum-until",
            (
                "the fact found-distance-km of each “harm” adds up to 10 or more within 28 days, all of the same area, "
                "with no “visit” strictly between any of them and the last"
            ),
        ),
        ("count-facts", "“harm” happens 2 times or more within 28 days, all of the same fact found-area"),
        (
            "distinct-facts",
            "“harm” happens with 2 or more different values of fact found-area (bradford left out) within 28 days",
        ),
        (
            "count-range",
            (
                "“complaint” happens 2 to 3 times within 28 days, all of the same area, "
                "with no “visit” strictly between any of them and the last"
            ),
        ),
        (
            "all-of-until",
            (
                "“nuisance” happens 2 times or more and “crime” happens once or more, in any order and by different "
                "occurrences, within 28 days, with no “visit” strictly between any of them and the last"
            ),
        ),
        (
            "ordered-until",
            (
                "“complaint”, then “crime” 2 times in a row, each strictly after the one before, all within 28 days, "
                "with no “arrest” or “visit” strictly between the first and the last"
            ),
        ),
        (
            "calendar-until",
            ("“complaint” reaches 2 in one calendar week, with no “visit” strictly between any of them and its end"),
        ),
        ("count-calendar", "“complaint” happens 2 times or more within 181 calendar days"),
        (
            "absent-calendar",
            (
                "“complaint” happens and no “visit” follows within 181 calendar days, "
                "as far as childrens-services can tell"
            ),
        ),
        (
            "distinct-together",
            (
                "“trouble” happens with 3 or more different combinations of kind and area (OUTSIDE left out) "
                "within 28 days"
            ),
        ),
        (
            "distinct-until",
            (
                "“complaint” happens with 2 or more different values of kind within 28 days, "
                "with no “visit” strictly between any of them and the last"
            ),
        ),
    ],
)
def test_what_no_rule_that_ships_asks_for_is_told_too(tmp_path: Path, rule: str, when: str):
    explanation = explain_rule(with_more_rules(tmp_path / "catalogue"), rule)

    assert said(explanation, "When it fires")[0] == f"Of a victim: {when}."


@pytest.mark.parametrize(
    ("rule", "when"),
    [
        (
            "near-until",
            (
                "Of a cell of the map: “crime” happens within 28 days after, and at most 100 metres from, 2 or more of "
                "“complaint”, with no “visit” as near strictly between any of them and the last."
            ),
        ),
        (
            "share-until",
            (
                "Of a place: “crime” happens 2 times or more within 28 days, each at a known place, with no “visit” "
                "strictly between any of them and the last, and at most 40 % of them are also told by “complaint”."
            ),
        ),
    ],
)
def test_what_closes_is_told_of_other_keys_too(tmp_path: Path, rule: str, when: str):
    assert said(explain_rule(with_more_rules(tmp_path / "catalogue"), rule), "When it fires")[0] == when


def test_that_one_more_may_take_it_back_is_told(tmp_path: Path):
    explanation = explain_rule(with_more_rules(tmp_path / "catalogue"), "count-range")

    warned = "What happened in that time and is told late may be one too many, and take it back."
    assert said(explanation, "When it fires")[1] == warned


def test_a_step_of_findings_is_told_by_the_rules_that_make_them(tmp_path: Path):
    explanation = explain_rule(with_more_rules(tmp_path / "catalogue"), "finding-of-finding")

    assert said(explanation, "When it fires")[1:3] == (
        "“neglect” is a finding of finding-absent or finding-count on the same key.",
        "“hatred” is a report with theme hate.",
    )


def test_what_is_found_elsewhere_is_told_as_that(tmp_path: Path):
    folder = with_more_rules(tmp_path / "catalogue")

    assert said(explain_rule(folder, "elsewhere-again"), "When it fires")[1:3] == (
        "“case” is a finding of elsewhere-count on another key, in whose evidence this one is named.",
        "“harm” is a report with kind housing-concern, police-crime or police-incident; origin reported.",
    )
    assert said(explain_rule(folder, "soc-hub"), "When it fires")[0].endswith(
        "“case” happens 2 times or more with 2 or more different values of fact subject, and as many of fact "
        "completed-by, within 28 days."
    )


def test_tests_of_facts_are_told(tmp_path: Path):
    explanation = explain_rule(with_more_rules(tmp_path / "catalogue"), "count-facts")

    assert said(explanation, "When it fires")[1] == (
        "“harm” is a report with kind asb-case, hate-report or police-crime; fact found-out-of-area true; "
        "fact found-distance-km at least -3; not fact found-distance-km at least 9 and at most 99; "
        "not fact found-area bradford."
    )


@pytest.mark.parametrize(
    ("old", "new", "heading", "sentence"),
    [
        ("at_least: 3", "at_least: 5", "When it fires", "happens 5 times or more"),
        ("within: 12 months", "within: 90 days", "When it fires", "within 90 days"),
        ("role: victim", "role: subject", "When it fires", "role subject"),
        ("{4: P2}", "{7: P2}", "How urgent it is", "P2 from 7 on."),
        ("suppress: {for: 30 days}", "suppress: {for: 36 hours}", "How it is handled", "again after 36 hours."),
        ("action_time: 7 days", "action_time: 1 day", "How it is handled", "once it is 24 hours old"),
        ("audience: [duty-officer, analyst]", "audience: [analyst]", "How it is handled", "analyst may hear of it"),
    ],
)
def test_what_is_changed_in_the_file_is_told(tmp_path: Path, old: str, new: str, heading: str, sentence: str):
    explanation = explained_with(tmp_path, "rv-graded", old, new)

    assert sentence in " ".join(said(explanation, heading))


def test_the_list_has_every_file_once_in_order():
    assert RULES == sorted(file.stem for file in (catalogue_folder() / "rules").glob("*.yaml"))


def test_a_rule_that_is_not_there_is_said_with_those_that_are():
    with pytest.raises(KeyError, match=r"there is no rule rv-gradde; the rules are .*rv-graded"):
        explain_rule(catalogue_folder(), "rv-gradde")


def test_a_catalogue_with_errors_explains_nothing(tmp_path: Path):
    with pytest.raises(CatalogueError):
        explained_with(tmp_path, "rv-graded", "key: victim", "key: nobody")
