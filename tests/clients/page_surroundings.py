"""What is around a page in a test: a way to the relay that can be cut, and a server that the page comes from."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Proxy:
    """A way to a port of this machine that can be cut."""

    def __init__(self, target, port=0):
        self.target = target
        self.acceptor = socket.create_server(("127.0.0.1", port))
        self.port = self.acceptor.getsockname()[1]
        self.lock = threading.Lock()
        self.is_open = True
        self.streams = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.acceptor.accept()
            with self.lock:
                if not self.is_open:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", self.target))
                self.streams += [near, far]
            for source, sink in [(near, far), (far, near)]:
                threading.Thread(target=self.copy, args=(source, sink), daemon=True).start()

    def copy(self, source, sink):
        try:
            # Small pieces, so that messages are cut as well.
            while piece := source.recv(1000):
                sink.sendall(piece)
        except OSError:
            pass
        for stream in (source, sink):
            end(stream)

    def cut(self):
        """Ends all connections, and every new one."""
        with self.lock:
            self.is_open = False
            for stream in self.streams:
                end(stream)
            self.streams = []

    def mend(self):
        """Lets through what comes from here on."""
        with self.lock:
            self.is_open = True


def end(stream):
    try:
        stream.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass


def serve(path, body, port=0):
    """Serves a page at this path of this machine, whose text `body()` gives; returns the port. (What a page of file:// keeps is not
    always there when it is reloaded.)"""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            text = body() if self.path == path else b""
            self.send_response(200 if text else 404)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]
