#!/usr/bin/env python3
"""A bad cable between two network namespaces, in user space: kernels of small machines lack netem.

    bad_link.py PEER < ORDERS

Run inside the camera's namespace, as root. The camera's end is "bad0" with 198.51.100.10/24, the other end "bad0" with 198.51.100.1/24 in
the namespace PEER. Each line on standard input sets what the cable does from then on, and is answered by "done" and the packets lost so far:

    loss=PERCENT delay=MS jitter=MS rate=KBIT/S     (what is left out is 0; rate=0 is unlimited)

Loss and rate are for what the camera sends; delay is for both ways; packets with different jitter overtake each other. What waits longer
than 400 ms for a slow cable is dropped, as a router with a small queue does.
"""
import ctypes, fcntl, heapq, os, random, select, struct, subprocess, sys, time

TUNSETIFF, IFF_TUN, IFF_NO_PI, CLONE_NEWNET = 0x400454CA, 0x0001, 0x1000, 0x40000000
QUEUE_S = 0.4


def end(address):
    """One end of the cable, in the namespace that the process is in."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH", b"bad0", IFF_TUN | IFF_NO_PI))
    for words in (["addr", "add", address, "dev", "bad0"], ["link", "set", "bad0", "up", "txqueuelen", "1000"]):
        subprocess.run(["ip", *words], check=True)
    return fd


def enter(namespace):
    with open(f"/run/netns/{namespace}") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), namespace)


def main():
    camera = end("198.51.100.10/24")
    enter(sys.argv[1])
    peer = end("198.51.100.1/24")
    os.set_blocking(0, False)
    chance, waiting, free, lost, number = random.Random(7), [], 0.0, 0, 0
    now_does = {"loss": 0.0, "delay": 0.0, "jitter": 0.0, "rate": 0.0}
    print("ready", flush=True)
    orders = b""
    while True:
        until = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        readable, _, _ = select.select([0, camera, peer], [], [], until)
        for fd in readable:
            if fd == 0:
                more = os.read(0, 4096)
                if not more:
                    return
                orders += more
                *lines, orders = orders.split(b"\n")
                for line in lines:
                    wanted = dict(pair.split("=") for pair in line.decode().split())
                    now_does = {name: float(wanted.get(name, 0)) for name in now_does}
                    print("done", lost, flush=True)
                continue
            for _ in range(64):
                try:
                    packet = os.read(fd, 65536)
                except BlockingIOError:
                    break
                at = time.monotonic()
                if fd == camera:
                    if now_does["rate"]:
                        free = max(free, at)
                        if free - at > QUEUE_S:
                            lost += 1
                            continue
                        free += len(packet) * 8 / (now_does["rate"] * 1000)
                        at = free
                    if chance.random() * 100 < now_does["loss"]:
                        lost += 1
                        continue
                at += (now_does["delay"] + chance.random() * now_does["jitter"]) / 1000
                number += 1
                heapq.heappush(waiting, (at, number, peer if fd == camera else camera, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, to, packet = heapq.heappop(waiting)
            try:
                os.write(to, packet)
            except (BlockingIOError, OSError):
                lost += 1


main()
