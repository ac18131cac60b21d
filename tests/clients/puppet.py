"""python-socketio, 5 (EIO4) or 4 (EIO3), as a puppet: puppets.mjs says what that is, and pulls it.

    python puppet.py sync|async
"""

import asyncio
import inspect
import json
import logging
import os
import sys
import threading
from importlib.metadata import version
from urllib.parse import quote

import socketio

HAS_AUTH = int(version("python-socketio").split(".")[0]) >= 5
TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": None}


class Client(socketio.Client):
    def __init__(self, **how):
        super().__init__(**how)
        # It handles each message in a thread of its own, so in whatever order; here, in the order of their arrival.
        trigger = self.eio._trigger_event
        self.eio._trigger_event = lambda event, *args, **_: trigger(event, *args)

    def _trigger_event(self, event, namespace, *args):
        self.puppet.hears(event, namespace, args)

    def disconnect(self):
        # It waits for the answer to its last poll, and now and then goes without asking for it: then that comes with
        # the next heartbeat. Nobody else has to wait.
        leaving.append(threading.Thread(target=super().disconnect, daemon=True))
        leaving[-1].start()


class AsyncClient(socketio.AsyncClient):
    async def _trigger_event(self, event, namespace, *args):
        await done(self.puppet.hears(event, namespace, args))


class Puppet:
    """One connection. What its methods return may have to be awaited."""

    def __init__(self, client, who, url, namespace="/", path="/socket.io", transport="upgrade", auth=None, first=None):
        self.client, self.who, self.namespace, self.first = client(reconnection=False), who, namespace, first
        self.client.puppet = self
        self.how = {"namespaces": [namespace], "socketio_path": path, "transports": TRANSPORTS[transport]}
        self.url = url
        if HAS_AUTH:
            self.how |= {"auth": auth, "wait_timeout": DEADLINE}
        elif auth:
            self.url += "?auth=" + quote(json.dumps(auth))

    def connect(self):
        return self.client.connect(self.url, **self.how)

    def hears(self, event, namespace, args):
        if namespace != self.namespace:
            return None
        if event == "connect":
            self.tell(connected=self.client.eio.sid)
            return self.say(self.first) if self.first else None
        if event == "connect_error":
            return self.tell(refused=str(args))
        if event == "disconnect":
            return self.tell(gone=str(args))
        # What version 5 tells itself begins with underscores.
        return None if event.startswith("__") else self.tell(heard=[event, *args])

    def say(self, words, callback=None):
        return self.client.emit(words[0], tuple(words[1:]), namespace=self.namespace, callback=callback)

    def ask(self, words, number):
        return self.say(words, callback=lambda *answer: self.tell(number=number, answer=answer))

    def transport(self, number):
        self.tell(number=number, answer=self.client.transport())

    def leave(self):
        return self.client.disconnect()

    def tell(self, **what):
        # In one piece, for a synchronous client has several threads.
        sys.stdout.write(json.dumps({"who": self.who, **what}) + "\n")
        sys.stdout.flush()


async def done(result):
    """What a synchronous client has returned, or an asynchronous one returns some time."""
    return await result if inspect.isawaitable(result) else result


async def main(client):
    puppets = {}
    while line := await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline):
        order = json.loads(line)
        what, who = order.pop("do"), order.pop("who")
        if what == "connect":
            puppets[who] = Puppet(client, who, **order)
            order = {}
        try:
            await done(getattr(puppets[who], what)(**order))
        except socketio.exceptions.SocketIOError as error:
            puppets[who].tell(refused=str(error))
    for thread in leaving:
        thread.join(GOODBYE)
    # Nobody listens any more to those who are left.
    os._exit(0)


DEADLINE = 15
# Long enough to be on its way.
GOODBYE = 2
leaving = []

if __name__ == "__main__":
    # Where it says that version 4 leaves its HTTP sessions to the garbage collector.
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    asyncio.run(main({"sync": Client, "async": AsyncClient}[sys.argv[1]]))
