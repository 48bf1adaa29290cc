"""What goes in and out of a network namespace in which nothing but a proxy can be reached, and who tries something else.

The namespace holds the loopback alone. Two ports lead through: the proxy's, to the outside, and the service's, to the inside.
Besides, the service may talk to what it serves itself. Every other packet is a line on stdout.
"""

import asyncio
import ctypes
import os
import socket
import struct
import sys

namespace, service_port, inner_port, proxy_port = sys.argv[1], *map(int, sys.argv[2:])
LOOPBACK = "127.0.0.1"
ALL_PACKETS = 3
libc = ctypes.CDLL(None, use_errno=True)
outside = os.open("/proc/self/ns/net", os.O_RDONLY)
inside = os.open(namespace, os.O_RDONLY)


def enter(which):
    if libc.setns(which, 0x40000000) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def made_inside(make):
    """A socket belongs for ever to the namespace in which it was made."""
    enter(inside)
    try:
        return make()
    finally:
        enter(outside)


def stream():
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    return sock


def listening(port):
    sock = stream()
    sock.bind((LOOPBACK, port))
    sock.listen(64)
    return sock


known = {service_port, inner_port}


def listening_inside():
    """The ports that somebody serves in there."""
    with open(namespace.replace("/ns/net", "/net/tcp")) as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return {int(row[1].split(":")[1], 16) for row in rows if row[3] == "0A"}


def stray(packet, protocol):
    """What the packet is, when nobody in there serves either of its ports."""
    if protocol != 0x0800:
        return f"protocol {protocol:#06x}"
    if packet[9] != socket.IPPROTO_TCP:
        return f"IP protocol {packet[9]} to {socket.inet_ntoa(packet[16:20])}"
    ports = struct.unpack("!HH", packet[(packet[0] & 15) * 4 :][:4])
    if known.isdisjoint(ports):
        known.update(listening_inside())
    if known.isdisjoint(ports):
        return f"TCP to {socket.inet_ntoa(packet[16:20])}:{ports[1]}"
    return None


async def watch(sniffer):
    loop = asyncio.get_running_loop()
    while True:
        ready = loop.create_future()
        loop.add_reader(sniffer, lambda: ready.done() or ready.set_result(None))
        await ready
        loop.remove_reader(sniffer)
        try:
            packet, address = sniffer.recvfrom(65_536)
        except BlockingIOError:
            continue
        if what := stray(packet, address[1]):
            print("stray", what, flush=True)


async def pump(source, sink):
    loop = asyncio.get_running_loop()
    try:
        while data := await loop.sock_recv(source, 65_536):
            await loop.sock_sendall(sink, data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
        sink.close()


async def carry(came, make, port):
    loop = asyncio.get_running_loop()
    there = make()
    try:
        await loop.sock_connect(there, (LOOPBACK, port))
        await asyncio.gather(pump(came, there), pump(there, came))
    except OSError:
        pass
    finally:
        came.close()
        there.close()


async def serve(listener, make, port):
    loop = asyncio.get_running_loop()
    running = set()
    while True:
        came, _ = await loop.sock_accept(listener)
        came.setblocking(False)
        task = asyncio.create_task(carry(came, make, port))
        running.add(task)
        task.add_done_callback(running.discard)


def packets():
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ALL_PACKETS))
    sock.setblocking(False)
    return sock


async def main():
    sniffer = made_inside(packets)
    inner = made_inside(lambda: listening(inner_port))
    outer = listening(service_port)
    print("ready", flush=True)
    await asyncio.gather(
        watch(sniffer),
        serve(inner, stream, proxy_port),
        serve(outer, lambda: made_inside(stream), service_port),
    )


asyncio.run(main())
