"""Whether an export is whole: gzip, CSV, and the checks of both."""
