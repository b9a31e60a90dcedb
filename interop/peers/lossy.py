#!/usr/bin/python3
"""A path that loses packets, for peers and kernels that cannot.

  lossy.py --listen 127.0.0.1:20300 --target 127.0.0.1:20010 --loss 0.05 --seed 1 --seconds 8

Forwards each datagram from the listening port to the target, except those that
the seed drops: the same seed and packets lose the same ones. One way. Prints
"ready", and at its end one line of JSON with what it passed and what it lost.
"""
import argparse
import json
import random
import signal
import socket
import sys
import time


def address(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listen", type=address, required=True, metavar="HOST:PORT")
    parser.add_argument("--target", type=address, required=True, metavar="HOST:PORT")
    parser.add_argument("--loss", type=float, required=True, metavar="SHARE")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    way = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    way.bind(options.listen)
    dice = random.Random(options.seed)
    passed = lost = 0
    print("ready", flush=True)
    deadline = time.monotonic() + options.seconds
    try:
        while (left := deadline - time.monotonic()) > 0:
            way.settimeout(left)
            try:
                datagram = way.recv(65536)
            except (TimeoutError, ConnectionError):
                continue
            if dice.random() < options.loss:
                lost += 1
            else:
                passed += 1
                way.sendto(datagram, options.target)
    finally:
        print(json.dumps({"passed": passed, "lost": lost}))


if __name__ == "__main__":
    main()
