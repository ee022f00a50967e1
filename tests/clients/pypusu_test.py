"""Sends messages through a relay with the published pypusu client and checks that all arrive, in order.

Usage: pypusu_test.py threaded|polling URL COUNT

One client listens and another sends, and each message is also published by the listener to a channel of its own, so
that sender and listener being one connection is covered too. Waits have a deadline; nothing sleeps for a guess.
"""

import sys
import threading
import time

DEADLINE_SECONDS = 60


class Received:
    """The messages of one channel, in the order in which they came."""

    def __init__(self):
        self.messages = []
        self.changed = threading.Condition()

    def __call__(self, message):
        with self.changed:
            self.messages.append(message)
            self.changed.notify_all()

    def wait_for(self, count, poll):
        """Waits until there are `count` messages; `poll` fetches them where the client does not do so by itself."""
        end = time.monotonic() + DEADLINE_SECONDS
        with self.changed:
            while len(self.messages) < count:
                if poll is None:
                    self.changed.wait(end - time.monotonic())
                else:
                    poll()
                    self.changed.wait(0.01)
                if time.monotonic() >= end:
                    raise SystemExit("only {} of {} messages came".format(len(self.messages), count))


def content(number):
    """Every kind of JSON value takes its turn."""
    return [number, str(number), {"number": number}, [number, None, True, 0.5], "ä€😀 {}".format(number)][number % 5]


def main():
    flavour, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if flavour == "threaded":
        from pypusu.threaded import PuSuClient
    else:
        from pypusu.polling import PuSuClient

    listener, source = PuSuClient(url), PuSuClient(url)
    for client in (listener, source):
        client.authorize("pypusu")
    poll = listener.poll if flavour == "polling" else None

    from_source, from_itself = Received(), Received()
    listener.subscribe("from-source", from_source)
    listener.subscribe("from-itself", from_itself)
    expected = [content(number) for number in range(count)]
    for message in expected:
        source.publish("from-source", message)
        listener.publish("from-itself", message)

    for received in (from_source, from_itself):
        received.wait_for(count, poll)
    # A message too many would come before this one.
    last = Received()
    listener.subscribe("last", last)
    source.publish("last", "last")
    last.wait_for(1, poll)
    for name, received in (("from-source", from_source), ("from-itself", from_itself)):
        if received.messages != expected:
            at = next((i for i, pair in enumerate(zip(received.messages, expected)) if pair[0] != pair[1]), count)
            raise SystemExit("{}: wrong at message {} of {}".format(name, at, len(received.messages)))

    for client in (listener, source):
        client.close()
    print("{}: {} messages in order".format(flavour, count))


if __name__ == "__main__":
    main()
