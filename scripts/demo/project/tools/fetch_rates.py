"""Fetch today's rates from the mirror on this machine.

The mirror of this demo is slow to come up: it answers from the third call on. Until then the
connection is really refused.
"""

import json
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

MIRROR = ("127.0.0.1", 8911)
RATES = {"EUR": "1", "USD": "0.90", "GBP": "1.15"}
UP_FROM_CALL = 3


class Mirror(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(RATES).encode())

    def log_message(self, format, *args):
        pass


def count_call(directory: Path) -> int:
    counter = directory / "mirror-calls"
    calls = int(counter.read_text()) + 1 if counter.exists() else 1
    counter.write_text(str(calls))
    return calls


def main(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if count_call(target.parent) >= UP_FROM_CALL:
        server = HTTPServer(MIRROR, Mirror)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://{MIRROR[0]}:{MIRROR[1]}/rates.json"
    print(f"fetching {url}")
    with urllib.request.urlopen(url, timeout=10) as answer:
        target.write_bytes(answer.read())
    print(f"wrote {target}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
