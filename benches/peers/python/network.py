import asyncio
import os
import sys
import threading
import time
from email.utils import formatdate

from common import Start, figure, main


class Server(asyncio.Protocol):
    """HTTP by hand, as a protocol: the fastest form that the standard library has."""

    date = (0, b"")

    def connection_made(self, transport):
        self.transport = transport
        self.buffer = b""

    def data_received(self, data):
        self.buffer += data
        while (end := self.buffer.find(b"\r\n\r\n")) >= 0:
            head = self.buffer[:end].decode("latin-1")
            self.buffer = self.buffer[end + 4 :]
            request_line, *lines = head.split("\r\n")
            headers = {}
            for line in lines:
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            self.answer(*request_line.split(" ", 2), headers)

    def answer(self, method, path, version, headers):
        if method == "GET" and path[1:].isdigit():
            status, body = b"200 OK", f"{path[1:]} It works".encode()
        else:
            status, body = b"404 Not Found", b"not found"
        self.transport.write(
            b"HTTP/1.1 %b\r\n"
            b"content-type: text/plain; charset=utf-8\r\n"
            b"content-length: %d\r\n"
            b"date: %b\r\n"
            b"\r\n"
            b"%b" % (status, len(body), self.now(), body)
        )

    @classmethod
    def now(cls):
        now = int(time.time())
        if now != cls.date[0]:
            cls.date = (now, formatdate(now, usegmt=True).encode())
        return cls.date[1]


async def echo(reader, writer):
    while data := await reader.read(4096):
        writer.write(data)
        await writer.drain()
    writer.close()


def serve(start_server):
    async def run():
        loop = asyncio.get_running_loop()
        server = await start_server(loop)
        print("listening %s:%d" % server.sockets[0].getsockname(), flush=True)
        start = Start()

        def report():
            for _ in sys.stdin:
                print("cpu", start.cpu(), flush=True)
            os._exit(0)  # as the others do: without a word about the connections

        threading.Thread(target=report, daemon=True).start()
        await server.serve_forever()

    asyncio.run(run())


async def get(reader, writer, host):
    """HTTP by hand on asyncio's streams."""
    writer.write(f"GET /0 HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    status_line, *lines = head[:-4].split("\r\n")
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = await reader.readexactly(int(headers["content-length"]))
    assert status_line.split(" ")[1] == "200" and body == b"0 It works"


def http_client(requests, address, connections):
    async def run():
        host, port = address.split(":")
        streams = [
            await asyncio.open_connection(host, port) for _ in range(connections)
        ]

        async def ask(stream, requests):
            for _ in range(requests):
                await get(*stream, address)

        await asyncio.gather(*(ask(stream, requests // 10) for stream in streams))
        start = Start()
        await asyncio.gather(*(ask(stream, requests) for stream in streams))
        figure("cpu", start.cpu() / (connections * requests))

    asyncio.run(run())


main(
    http_server=lambda: serve(lambda loop: loop.create_server(Server, "127.0.0.1", 0)),
    echo_server=lambda: serve(lambda loop: asyncio.start_server(echo, "127.0.0.1", 0)),
    http_client=http_client,
)
