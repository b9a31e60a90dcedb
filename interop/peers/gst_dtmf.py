#!/usr/bin/python3
"""A peer of digits only: dials with rtpdtmfsrc, hears with rtpdtmfdepay.

Prints "ready" when its port is bound, waits for HOST:PORT of the other side on
standard input, dials, and prints {"digits": ...} as JSON at its end.
"""

import argparse
import json
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gio, GLib, Gst  # noqa: E402

CAPS = (
    "application/x-rtp,media=audio,clock-rate=8000,"
    "encoding-name=TELEPHONE-EVENT,payload=101"
)
KEYS = "0123456789*#ABCD"
# A press and the silence after it, in milliseconds.
PRESS, EACH = 120, 320


def bound(port):
    socket = Gio.Socket.new(
        Gio.SocketFamily.IPV4, Gio.SocketType.DATAGRAM, Gio.SocketProtocol.UDP
    )
    here = Gio.InetSocketAddress.new_from_string("127.0.0.1", port)
    socket.bind(here, False)
    return socket


def press(source, key, start):
    fields = Gst.Structure.new_empty("dtmf-event")
    fields.set_value("type", 1)
    fields.set_value("method", 1)
    fields.set_value("start", start)
    if start:
        fields.set_value("number", KEYS.index(key))
        fields.set_value("volume", 10)
    # It takes the event on its source pad only.
    event = Gst.Event.new_custom(Gst.EventType.CUSTOM_UPSTREAM, fields)
    source.get_static_pad("src").send_event(event)
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--dtmf", default="")
    parser.add_argument("--seconds", type=float, required=True)
    arguments = parser.parse_args()
    Gst.init(None)
    socket = bound(arguments.port)
    print("ready", flush=True)
    host, port = sys.stdin.readline().strip().rsplit(":", 1)
    pipeline = Gst.parse_launch(
        f'udpsrc name=in caps="{CAPS}" ! rtpptdemux name=demux '
        f"rtpdtmfsrc name=dial pt=101 clock-rate=8000 ! "
        f"udpsink name=out host={host} port={port} sync=false async=false"
    )
    pipeline.get_by_name("in").set_property("socket", socket)
    pipeline.get_by_name("in").set_property("close-socket", False)
    pipeline.get_by_name("out").set_property("socket", socket)
    pipeline.get_by_name("out").set_property("close-socket", False)

    def on_pad(_, payload_type, pad):
        kind = "rtpdtmfdepay" if payload_type == 101 else "fakesink"
        element = Gst.ElementFactory.make(kind)
        pipeline.add(element)
        if payload_type == 101:
            sink = Gst.ElementFactory.make("fakesink")
            sink.set_property("async", False)
            pipeline.add(sink)
            element.link(sink)
            sink.sync_state_with_parent()
        element.sync_state_with_parent()
        pad.link(element.get_static_pad("sink"))

    pipeline.get_by_name("demux").connect("pad-added", lambda demux, pad: on_pad(
        demux, int(pad.get_name().rsplit("_", 1)[1]), pad))
    digits = []

    def on_message(_, message):
        fields = message.get_structure()
        if fields and fields.get_name() == "dtmf-event":
            digits.append(KEYS[fields.get_value("number")])

    bus = pipeline.get_bus()
    bus.add_signal_watch()
    bus.connect("message::element", on_message)
    pipeline.set_state(Gst.State.PLAYING)
    source = pipeline.get_by_name("dial")
    for n, key in enumerate(arguments.dtmf):
        at = 1000 + EACH * n
        GLib.timeout_add(at, press, source, key, True)
        GLib.timeout_add(at + PRESS, press, source, key, False)
    loop = GLib.MainLoop()
    GLib.timeout_add(int(arguments.seconds * 1000), loop.quit)
    loop.run()
    pipeline.set_state(Gst.State.NULL)
    print(json.dumps({"digits": "".join(digits)}), flush=True)


if __name__ == "__main__":
    main()
