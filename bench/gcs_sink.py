"""Cloud Storage's resumable upload over a socket, for benchmarks: takes uploads, checks nothing,
keeps nothing but their size and CRC32C, so that its own memory stays out of the picture.

Needs google-crc32c. Prints `port N` when it listens."""

import base64
import json
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import google_crc32c

uploads = {}


class Upload:
    def __init__(self, resource):
        self.resource, self.size, self.crc32c = resource, 0, 0

    def take(self, piece):
        self.size += len(piece)
        self.crc32c = google_crc32c.extend(self.crc32c, piece)

    def describe(self):
        crc32c = base64.b64encode(self.crc32c.to_bytes(4, "big")).decode()
        return {**self.resource, "bucket": "bench", "size": str(self.size), "crc32c": crc32c,
                "generation": "1", "metageneration": "1", "etag": "1"}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, document=None, **headers):
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def pieces(self):
        """The request's body, whichever way its length is given."""
        length = self.headers.get("Content-Length")
        while length is None and (left := int(self.rfile.readline(), 16)):
            yield from self.read(left)
            self.rfile.readline()
        if length is None:
            self.rfile.readline()
        else:
            yield from self.read(int(length))

    def read(self, left):
        while left and (piece := self.rfile.read(min(left, 1 << 18))):
            left -= len(piece)
            yield piece

    def do_GET(self):
        self.reply(404, {"error": {"code": 404, "message": "No such object"}})

    def do_POST(self):
        resource = json.loads(b"".join(self.pieces()) or b"{}")
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        resource.setdefault("name", query.get("name", [""])[0])
        upload = f"/upload/{len(uploads)}"
        uploads[upload] = Upload(resource)
        self.reply(200, Location=f"http://127.0.0.1:{self.server.server_port}{upload}")

    def do_PUT(self):
        upload = uploads[self.path]
        for piece in self.pieces():
            upload.take(piece)
        total = self.headers["Content-Range"].rpartition("/")[2]
        if total == "*" or int(total) > upload.size:
            self.reply(308, Range=f"bytes=0-{upload.size - 1}")
        else:
            self.reply(200, upload.describe())

    def do_PATCH(self):
        resource = json.loads(b"".join(self.pieces()))
        upload = next(reversed(uploads.values()))
        upload.resource.update(resource)
        self.reply(200, upload.describe())


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"port {server.server_port}", flush=True)
server.serve_forever()
