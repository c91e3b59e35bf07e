"""`spaaza-snapshots status` where Spaaza sends a column in another form: its name, and never a value."""

from sandbox.spaaza.answers import csv_answer
from sandbox.spaaza.users import generated_csv
from tests.support.members import Members, last_line


def test_columns_that_spaaza_sends_in_another_form_are_named_without_a_value(members: Members) -> None:
    members.deploy()
    changed = b"".join(generated_csv(20)).replace(b",true,", b",1,").replace(b",false,", b",0,")
    members.take(csv_answer(changed), typed=False)
    members.convert()
    (chain,) = members.data("status")["chains"]
    names = ", ".join(chain["unfit_columns"])
    assert (chain["typed"], "opted_in" in names) == ("there", True)
    code, printed = members.shown("status")
    told = f"its typed copy has NULL in many rows of columns {names}: columns-unfit in docs/OPERATIONS.md."
    assert (code, last_line(printed)) == (1, f"First {members.day()}: {told}")
