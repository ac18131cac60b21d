"""Python's client meets itself on two nodes, by each transport, in seeds 002 and 003 and in v1.

    python meet.py NODE_URL NODE_URL

Prints a line of JSON for each meeting. Works with python-socketio 5 (EIO4) and, less v1, with 4 (EIO3).
"""

import json
import queue
import sys
import time
from importlib.metadata import version

import socketio

TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": None}
TEXTS = ["hello", "Grüße, João, façade, čeština", "emoji 👋🏽 👩‍👩‍👧 🦀, €, 你好"]
DEADLINE = 10
EIO = 4 if int(version("python-socketio").split(".")[0]) >= 5 else 3


class Person(socketio.Client):
    """Hears everything, in order; of the words in `lists` only the last counts."""

    def __init__(self, url, transport, namespace="/", path="socket.io", lists=(), **how):
        super().__init__(reconnection=False)
        self.namespace, self.lists, self.heard, self.last = namespace, lists, queue.Queue(), {}
        self.on("connect", lambda: None, namespace=namespace)
        options = {"namespaces": [namespace], "socketio_path": path, **how}
        self.connect(url, transports=TRANSPORTS[transport], **options)
        wanted = "polling" if transport == "polling" else "websocket"
        assert self.transport() == wanted, f"by {self.transport()} instead of {wanted}"

    def _trigger_event(self, event, namespace, *args):
        if event in self.lists:
            self.last[event] = args
        elif event not in ("connect", "disconnect"):
            self.heard.put([event, *args])
        return super()._trigger_event(event, namespace, *args)

    def say(self, *words):
        self.emit(words[0], words[1], namespace=self.namespace)

    def ask(self, word, body):
        return self.call(word, body, namespace=self.namespace, timeout=DEADLINE)

    def hears(self, *event):
        heard = self.heard.get(timeout=DEADLINE)
        assert heard == list(event), f"should hear {list(event)}\n  but heard {heard}"

    def hears_of(self, word):
        heard = self.heard.get(timeout=DEADLINE)
        assert heard[0] == word, f"should hear {word}\n  but heard {heard}"
        return heard[1]

    def heard_so_far(self):
        return [self.heard.get() for _ in range(self.heard.qsize())]

    def comes_to(self, word, expected):
        end = time.monotonic() + DEADLINE
        while self.last.get(word) != (expected,):
            assert time.monotonic() < end, f"{word} should be {expected}\n  but is {self.last.get(word)}"
            time.sleep(0.01)


def basics(nodes, transport, tag):
    ann, zoe = f"ann {tag}", f"Zoë 🦀 {tag}"
    Ann = Person(nodes[0], transport, lists=["updateUsers"])
    Ann.say("addUser", ann)
    # With this list, those who met before are gone, and Ann has heard so.
    Ann.comes_to("updateUsers", {ann: ann})
    assert ["updateChat", "Server", "you have connected"] in Ann.heard_so_far()
    Zoe = Person(nodes[1], transport, lists=["updateUsers"])
    Zoe.say("addUser", zoe)
    Zoe.hears("updateChat", "Server", "you have connected")
    Ann.hears("updateChat", "Server", f"{zoe} has connected")
    for one in (Ann, Zoe):
        one.comes_to("updateUsers", {ann: ann, zoe: zoe})
    for text in TEXTS:
        for one, name in ((Ann, ann), (Zoe, zoe)):
            one.say("sendChat", text)
            for other in (Ann, Zoe):
                other.hears("updateChat", name, text)
    Ann.disconnect()
    Zoe.hears("updateChat", "Server", f"{ann} has disconnected.")
    Zoe.comes_to("updateUsers", {zoe: zoe})
    Zoe.disconnect()


def bocadillo(nodes, transport, tag):
    path = "sio/socket.io"
    Ann = Person(nodes[0], transport, path=path)
    Ann.say("message", f"first of {tag}")
    Ann.hears("response", f"first of {tag}")
    Zoe = Person(nodes[1], transport, path=path)
    Zoe.say("message", f"second of {tag}")
    for one in (Ann, Zoe):
        one.hears("response", f"second of {tag}")
    for text in TEXTS:
        for one in (Ann, Zoe):
            one.say("message", text)
            for other in (Ann, Zoe):
                other.hears("response", text)
    for one in (Ann, Zoe):
        one.disconnect()


def v1(nodes, transport, tag):
    room, people = f"room {tag}", []
    for node, name in zip(nodes, (f"ann {tag}", f"Zoë {tag}")):
        one = Person(node, transport, namespace="/v1", lists=["presence"], auth={"name": name})
        ready = one.hears_of("ready")
        assert ready["user"]["name"] == name, ready
        joined = one.ask("join", {"room": room})
        people.append((one, ready["user"]["id"], name))
        assert joined["ok"] and joined["count"] == len(people), joined
    said = ((text, person) for text in TEXTS for person in people)
    for seq, (text, (one, user, name)) in enumerate(said, start=joined["seq"] + 1):
        ack = one.ask("send", {"room": room, "text": text, "cid": f"{seq}"})
        assert ack["ok"] and ack["seq"] == seq, ack
        for other, _, _ in people:
            message = other.hears_of("message")
            wanted = {"seq": seq, "id": ack["id"], "user": user, "name": name, "text": text, "cid": f"{seq}"}
            assert wanted.items() <= message.items(), f"{message} is not {wanted}"
    for one, _, _ in people:
        one.disconnect()


def main(nodes):
    stories = {"002": basics, "003": bocadillo}
    if EIO >= 4:
        stories["v1"] = v1
    for vocabulary, meet in stories.items():
        for transport in TRANSPORTS:
            began = time.monotonic()
            meet(nodes, transport, f"{vocabulary} {transport} {time.time_ns()}")
            took = round((time.monotonic() - began) * 1000)
            print(json.dumps({"eio": EIO, "vocabulary": vocabulary, "transport": transport, "ms": took, "ok": True}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
