"""python-socketio on uvicorn, as its documentation has it: server.py PORT"""

import sys

import socketio
import uvicorn

server = socketio.AsyncServer(async_mode="asgi")


@server.event
async def message(_sid, text):
    await server.emit("response", text)


if __name__ == "__main__":
    application = socketio.ASGIApp(server, socketio_path="/sio/socket.io")
    uvicorn.run(
        application, port=int(sys.argv[1]), loop="uvloop", http="httptools", log_level="warning", access_log=False
    )
