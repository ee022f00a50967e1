"""An authorization service as an operator might write one, which does what the authorization says.

Usage: authorization_service.py [--port PORT | --unix PATH] [--tls FOLDER]

The authorization is JSON: {"status": 200, "answer": any JSON, "text": "instead of it", "padding": bytes behind it,
"delay": seconds, "location": "...", "mark": true for a byte order mark before it, "encoding": "gzip", "expires_in": [seconds], "delays": [seconds]}, all of it optional; of the two lists the
first request for an authorization gets the first, and so on, and those beyond them the last. Anything else is refused with 401. Prints `listening on PORT`, and then one line
of JSON for each request, before it is answered: the number of its connection, its path, headers and body. Lines on its
standard input are printed too: all requests that were answered before stand before such a line. With --tls,
certificate.pem and key.pem in the folder make it https.
"""

import argparse
import collections
import gzip
import itertools
import json
import socketserver
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONNECTIONS = itertools.count(1)
PRINTING = threading.Lock()
# How often each authorization has been asked about.
ASKED = collections.Counter()


def say(line):
    with PRINTING:
        print(line, flush=True)


def turn(values, number):
    return values[min(number, len(values) - 1)]


def repeat():
    for line in sys.stdin:
        say(line.rstrip())


class Handler(BaseHTTPRequestHandler):
    # Connections are kept open.
    protocol_version = "HTTP/1.1"
    # An answer goes out at once, and not when the one before has been acknowledged.
    disable_nagle_algorithm = True

    def setup(self):
        super().setup()
        self.number = next(CONNECTIONS)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        with PRINTING:
            number = ASKED[body["authorization"]]
            ASKED[body["authorization"]] += 1
        say(json.dumps({"connection": self.number, "path": self.path, "headers": headers, "body": body}))
        try:
            wanted = json.loads(body["authorization"])
        except ValueError:
            wanted = None
        if not isinstance(wanted, dict):
            wanted = {"status": 401, "text": "who are you?"}
        if "expires_in" in wanted:
            wanted["answer"]["expires"] = time.time() + turn(wanted["expires_in"], number)
        time.sleep(turn(wanted.get("delays", [wanted.get("delay", 0)]), number))
        text = wanted["text"] if "text" in wanted else json.dumps(wanted.get("answer"))
        text += " " * wanted.get("padding", 0)
        content = text.encode("utf-8-sig" if wanted.get("mark") else "utf-8")
        self.send_response(wanted.get("status", 200))
        if "encoding" in wanted:
            content = gzip.compress(content)
            self.send_header("Content-Encoding", wanted["encoding"])
        if "location" in wanted:
            self.send_header("Location", wanted["location"])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        # Whoever asked did not wait for the answer.
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--unix")
    parser.add_argument("--tls")
    arguments = parser.parse_args()
    if arguments.unix:
        # The option is for TCP alone.
        Handler.disable_nagle_algorithm = False
        server = UnixServer(arguments.unix, Handler)
    else:
        server = Server(("127.0.0.1", arguments.port), Handler)
    if arguments.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.tls + "/certificate.pem", arguments.tls + "/key.pem")
        # The handshake is made by the thread of the connection.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    say("listening on {}".format(0 if arguments.unix else server.server_address[1]))
    threading.Thread(target=repeat, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
