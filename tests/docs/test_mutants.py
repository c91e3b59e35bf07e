"""The lists of `make mutants`: every module and test is there, and every explanation is of a mutant that exists."""

from tools.documents import ROOT
from tools.mutants.__main__ import explanations, unsound
from tools.mutants.workspace import Mutant, mutants_of, rooms, source

MODULE = "snapshot/doubt"


def test_every_module_and_every_test_of_the_rooms_is_there() -> None:
    modules = [str(source(module)) for room in rooms() for module in room.modules]
    tests = [test.partition("::")[0] for room in rooms() for test in room.tests]
    assert [path for path in (*modules, *tests) if not (ROOT / path).exists()] == []
    assert len(set(modules)) == len(modules)


def test_every_explained_mutant_is_one_and_says_why() -> None:
    assert unsound(explanations()) == []


def test_an_entry_of_no_mutant_or_without_a_reason_is_found() -> None:
    mutant, other = [each.content for each in mutants_of(MODULE)][:2]
    stale = (*mutant[:3], "what no mutant is")
    assert unsound({mutant: "it is the same", other: "", stale: "it was the same"}) == [other, stale]


def test_only_a_sentence_in_other_letters_is_not_counted() -> None:
    def is_wording(was: str, now: str) -> bool:
        return Mutant("", "", "", was, now).is_wording

    assert is_wording('Error("It has ended", key)', 'Error("XXIt has endedXX", key)')
    assert is_wording('Error("It has ended", key)', 'Error("IT HAS ENDED", key)')
    assert not is_wording('Error("It has ended", key)', "Error(None, key)")
    assert not is_wording('measure("Rows", 1)', 'measure("ROWS", 1)')
    assert not is_wording("rows < limit", "rows <= limit")
