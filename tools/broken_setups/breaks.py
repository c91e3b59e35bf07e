"""Every broken set-up, in the order in which `doctor` looks."""

from collections.abc import Sequence
from typing import Final

from tools.broken_setups import of_aws, of_spaaza
from tools.broken_setups.ways import Break

BREAKS: Final[Sequence[Break]] = (*of_spaaza.BREAKS, *of_aws.BREAKS)
