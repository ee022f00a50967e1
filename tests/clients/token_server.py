"""What an issuer of tokens serves over TLS: documents, such as a key set and the one that says where it is.

Usage: token_server.py FOLDER

certificate.pem and key.pem in the folder are its own. Each line on its standard input is JSON and says from now on what is
served: {"/path": {"answer": any JSON, "text": "instead of it", "status": 200, "headers": {...}, "padding": bytes behind it,
"delay": seconds}, ...}, or null, with which every connection is closed before it says anything. Prints `listening on PORT`,
then `serving N` for the line N, and the path of each request before it is answered.
"""

import json
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PRINTING = threading.Lock()
SERVED = {}


def say(line):
    with PRINTING:
        print(line, flush=True)


def follow():
    global SERVED
    for number, line in enumerate(sys.stdin, 1):
        SERVED = json.loads(line)
        say("serving {}".format(number))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        say("asked for " + self.path)
        served = SERVED
        wanted = served.get(self.path) if served is not None else None
        if wanted is None:
            wanted = {"status": 404, "text": "canary: there is nothing here"}
        time.sleep(wanted.get("delay", 0))
        text = wanted["text"] if "text" in wanted else json.dumps(wanted.get("answer"))
        text += " " * wanted.get("padding", 0)
        self.send_response(wanted.get("status", 200))
        for name, value in wanted.get("headers", {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def verify_request(self, request, client_address):
        return SERVED is not None

    def handle_error(self, request, client_address):
        # Whoever asked did not wait for the answer.
        pass


def main():
    folder = sys.argv[1]
    server = Server(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + "/certificate.pem", folder + "/key.pem")
    # The handshake is made by the thread of the connection.
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    say("listening on {}".format(server.server_address[1]))
    threading.Thread(target=follow, daemon=True).start()
    server.serve_forever()


if __name__ == "__main__":
    main()
