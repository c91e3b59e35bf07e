"""Coverage-guided fuzzing of everything that reads foreign bytes: each target holds it against a slow, plain reader.

target.py       what a target is, and what it raises
truth.py        what `csv.reader` and `zlib` make of the same bytes
streams.py      targets: the inspector, the count of records, the rows for the typed copy
cells.py        target: one cell, typed as in the typed copy
answers.py      targets: Spaaza's answers to the export and to the log-in, as bytes on a connection
documents.py    targets: secrets, events, manifests and reports
mutators.py     changes an input and makes its checksum or Content-Length right again, as chance never would
seeds.py        what each search starts from
corpus.py       the targets by name, and the inputs that are kept in tests/corpus
hunt.py         one search, in the environment of the fuzzer
search.py       runs it, and tells a finding from a search that failed
keep.py         renews the inputs that are kept
__main__.py     `make fuzz`

Nothing but `hunt.py` needs the fuzzer, so tests replay the corpus through the same targets.
"""
