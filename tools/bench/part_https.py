"""The run over https both ways, as in production."""

from statistics import median

from tools.bench.content import content
from tools.bench.options import Options
from tools.bench.part_run import NO_RETURNED_PAGES, OURS, PASS, ours
from tools.bench.places import serving
from tools.bench.report import Results, Section, Table, spread
from tools.bench.rounds import PEERS, Way, cpu, in_turn, module

BOTO = "boto3 upload_fileobj"


def https(options: Options, results: Results) -> Section:
    """Measure our run, the pass-through and boto3 over TLS."""
    with serving(content(options.size_mb).gzip, tls=True) as places:
        given = (places.export_url, places.s3_url)
        passing = Way(PASS, module("limits", "pass", *given), {**places.environment, **NO_RETURNED_PAGES})
        peer = Way(BOTO, module("peers", "boto3", *given, python=PEERS), places.environment)
        measured = in_turn([ours(places), passing, peer], options.rounds)
    results.figures["https_cpu_seconds"] = median(cpu(measured[OURS]))
    rows = []
    for name, figures in measured.items():
        plain = results.bars.get(name)
        more = f"{median(cpu(figures)) / median(plain):.2f}" if plain else ""
        rows.append((name, spread(cpu(figures)), f"{median(each.seconds for each in figures):.2f}", more))
    says = "The same, with TLS to both servers (a certificate of loopback's own)."
    return Section("https", says, [Table(("client", "CPU s", "seconds", "times http"), rows)])
