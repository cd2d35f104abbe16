"""The tracker's page in a real Chromium, run by `make interop`.

    page.py POSTED    run POSTED dev, and look at what its tracker shows

Rows, each with a node, how full it is and the link to its bans, shown under a policy by which no
script runs; a picture; and not one request of the page to anybody else, for which the browser is
first shown a page that makes one. The browser itself reaches nobody but this machine.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, HTTPServer

FLAGS = [
    "--headless",
    "--disable-gpu",
    "--disable-background-networking",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-first-run",
    "--no-default-browser-check",
    "--window-size=800,600",
]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.status, answer.headers, answer.read().decode()


def soon(what, check):
    end = time.monotonic() + 20
    while not (found := check()):
        if time.monotonic() > end:
            sys.exit(f"page.py: not within 20 s: {what}")
        time.sleep(0.2)
    return found


def chromium(directory, name, url, *flags):
    """What it prints, and the addresses that the page asked for, itself included."""
    log = directory / f"{name}.json"
    # As root it has no sandbox to offer, and is told so.
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    profile = f"--user-data-dir={directory / name}"
    command = ["chromium", *FLAGS, *root, profile, f"--log-net-log={log}", *flags, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        sys.exit(f"page.py: {' '.join(command)}: {done.stderr}")
    events = json.loads(log.read_text())
    start = events["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    starts = [event for event in events["events"] if event["type"] == start]
    params = [event.get("params", {}) for event in starts]
    # What a page asks for is kept apart by its site; what the browser asks for has another.
    here = [p for p in params if "127.0.0.1" in p.get("network_isolation_key", "")]
    asked = [p["url"] for p in here if "url" in p]
    return done.stdout, asked


def rows(dom):
    """Node, share in use and link to the bans of each row but the head."""
    row = r"<tr><td>([^<]*)</td><td>([^<]*)</td><td>[^<]* ago</td><td><a [^>]*href=\"([^\"]*)\">"
    return re.findall(row, dom)


def picture(directory, name, url):
    file = directory / f"{name}.png"
    chromium(directory, name, url, f"--screenshot={file}")
    data = file.read_bytes()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        sys.exit("page.py: no picture")
    return data


class Curious(BaseHTTPRequestHandler):
    """A page that asks somebody else."""

    def do_GET(self):
        body = b"<!DOCTYPE html><title>a</title><img src=http://elsewhere.example/a.png>"
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def notices_others(directory):
    server = HTTPServer(("127.0.0.1", 0), Curious)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    _, asked = chromium(directory, "curious", url, "--dump-dom")
    server.shutdown()
    if "http://elsewhere.example/a.png" not in asked:
        sys.exit(f"page.py: a request to somebody else goes unnoticed: {asked}")


def main(posted):
    with tempfile.TemporaryDirectory() as name:
        directory = pathlib.Path(name)
        notices_others(directory)
        node = subprocess.Popen([posted, "dev"], stdout=subprocess.PIPE, text=True)
        try:
            relay, tracker, _ = (node.stdout.readline().strip() for _ in range(3))
            soon("the relay is listed", lambda: relay in get(f"{tracker}/v1/nodes")[2])
            wanted = [(relay, "0 %", f"{relay}/v1/banned")]
            dom, asked = chromium(directory, "page", f"{tracker}/", "--dump-dom")
            if rows(dom) != wanted or "<th>banned networks" not in dom or "<script" in dom:
                sys.exit(f"page.py: {rows(dom)}, not {wanted}: {dom}")
            if asked != [f"{tracker}/"]:
                sys.exit(f"page.py: the page asked for {asked}")
            status, _, bans = get(wanted[0][2])
            if status != 200 or "[[banned]]" in bans:
                sys.exit(f"page.py: the list of bans: {status} {bans}")
            # Under this the browser runs no script, so what it showed needs none.
            policy = get(f"{tracker}/")[1]["content-security-policy"] or ""
            if "default-src 'none'" not in policy or "script" in policy:
                sys.exit(f"page.py: the policy {policy} lets scripts run")
            size = len(picture(directory, "page", f"{tracker}/"))
            if size <= len(picture(directory, "nothing", f"{tracker}/nothing")) or size < 8000:
                sys.exit(f"page.py: a picture of {size} bytes")
        finally:
            node.terminate()
            node.wait()
    print(f"interop: the tracker's page in Chromium, {len(wanted)} row, {size} bytes of picture")


if __name__ == "__main__":
    main(*sys.argv[1:])
