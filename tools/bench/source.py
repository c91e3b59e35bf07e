"""Spaaza's stream from a file, framed once in chunks and sent by the kernel: `-m tools.bench.source FILE [PEM]`."""

import sys
import tempfile
from pathlib import Path
from typing import IO, Final

from tools.bench.http_places import Handler, Place

CHUNK_BYTES: Final = 65_536
HEAD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/csv\r\nContent-Encoding: gzip\r\n"
    b"Content-Disposition: attachment;filename=spaaza-export.csv\r\nTransfer-Encoding: chunked\r\n\r\n"
)


def frame(gzip: Path, answer: IO[bytes]) -> None:
    """Write the answer as it goes over the wire."""
    answer.write(HEAD)
    with gzip.open("rb") as source:
        while piece := source.read(CHUNK_BYTES):
            answer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
    answer.write(b"0\r\n\r\n")
    answer.flush()


class Export(Handler):
    """Answers every request with the same export."""

    framed: Path

    def handle(self) -> None:
        """Answer each request; the kernel copies the file, unless TLS has to."""
        for request in self.requests():
            for _ in self.body(request):
                pass
            with self.framed.open("rb") as file:
                self.connection.sendfile(file)


def main() -> None:
    """Serve until killed."""
    certificate = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    with tempfile.NamedTemporaryFile(dir=Path(sys.argv[1]).parent) as answer:
        frame(Path(sys.argv[1]), answer)
        Export.framed = Path(answer.name)
        Place(Export, certificate).announce()


if __name__ == "__main__":
    main()
