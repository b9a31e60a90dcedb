#!/usr/bin/python3
"""A camera: GStreamer's rtpbin sends video and obeys requests for keyframes.

  gst_camera.py --codec VP8 --local 127.0.0.1:20000 --remote 127.0.0.1:20010 --frames 75

Sends from one port (RFC 4961), RTCP on the next. Prints "ready" once its ports
are bound; with `--remote -` it then reads the remote address from a line of
standard input. Its own keyframes are a minute apart: another is a request that
was obeyed. Ends after the last frame with a BYE and one line of JSON.
"""
import argparse
import json
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gio, GLib, Gst  # noqa: E402

FPS = 15
PAYLOAD_TYPE = 96
CODECS = {
    "VP8": "vp8enc deadline=1 target-bitrate=400000 keyframe-max-dist=900 ! rtpvp8pay",
    "H264": (
        "x264enc tune=zerolatency speed-preset=ultrafast bitrate=400 key-int-max=900 "
        "! video/x-h264,profile=constrained-baseline ! rtph264pay aggregate-mode=none"
    ),
}
# How long the BYE may take.
BYE_MS = 500


def address(text):
    host, port = text.strip().rsplit(":", 1)
    return host, int(port)


def check():
    """Status 0 if every element is there."""
    wanted = ["rtpbin", "videotestsrc", "vp8enc", "rtpvp8pay", "x264enc", "rtph264pay"]
    missing = [name for name in wanted if Gst.ElementFactory.find(name) is None]
    return f"gst_camera: GStreamer has no {', '.join(missing)}" if missing else 0


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="only whether all it needs is here")
    parser.add_argument("--codec", choices=sorted(CODECS), default="VP8")
    parser.add_argument("--local", type=address, default="127.0.0.1:0", metavar="HOST:PORT")
    parser.add_argument("--remote", default="-", metavar="HOST:PORT|-")
    parser.add_argument("--frames", type=int, default=75)
    return parser.parse_args()


def bound(host, port):
    socket = Gio.Socket.new(Gio.SocketFamily.IPV4, Gio.SocketType.DATAGRAM, Gio.SocketProtocol.UDP)
    socket.bind(Gio.InetSocketAddress.new_from_string(host, port), False)
    return socket


class Camera:
    def __init__(self, options, media, control):
        host, port = options.remote
        self.options = options
        self.frames = self.keyframes = self.requests = 0
        self.errors = []
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.parse_launch(
            f"rtpbin name=bin videotestsrc is-live=true pattern=ball num-buffers={options.frames} "
            f"! video/x-raw,format=I420,width=320,height=240,framerate={FPS}/1 ! queue "
            f"! {CODECS[options.codec]} name=pay pt={PAYLOAD_TYPE} mtu=1200 "
            "! capsfilter name=feedback ! bin.send_rtp_sink_0 "
            f"bin.send_rtp_src_0 ! udpsink name=rtp host={host} port={port} async=false "
            f"bin.send_rtcp_src_0 ! udpsink name=rtcp host={host} port={port + 1} sync=false async=false "
            "udpsrc name=reports ! application/x-rtcp ! bin.recv_rtcp_sink_0"
        )
        # What lets rtpbin make an encoder's event of a PLI.
        feedback = Gst.Caps.from_string(
            "application/x-rtp,rtcp-fb-nack-pli=(boolean)true,rtcp-fb-ccm-fir=(boolean)true"
        )
        self.pipeline.get_by_name("feedback").set_property("caps", feedback)
        for name, socket in (("rtp", media), ("rtcp", control), ("reports", control)):
            element = self.pipeline.get_by_name(name)
            element.set_property("socket", socket)
            element.set_property("close-socket", False)
        pay = self.pipeline.get_by_name("pay")
        pay.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, self.on_frame)
        pay.get_static_pad("src").add_probe(Gst.PadProbeType.EVENT_UPSTREAM, self.on_event)

    def on_frame(self, _pad, info):
        self.frames += 1
        if not info.get_buffer().has_flags(Gst.BufferFlags.DELTA_UNIT):
            self.keyframes += 1
        return Gst.PadProbeReturn.OK

    def on_event(self, _pad, info):
        structure = info.get_event().get_structure()
        if structure and structure.get_name() == "GstForceKeyUnit":
            self.requests += 1
        return Gst.PadProbeReturn.OK

    def on_message(self, _bus, message):
        if message.type == Gst.MessageType.EOS:
            GLib.timeout_add(BYE_MS, self.loop.quit)
        elif message.type == Gst.MessageType.ERROR:
            error, detail = message.parse_error()
            self.errors.append(f"{error.message} ({detail})")
            self.loop.quit()

    def run(self):
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)
        self.pipeline.set_state(Gst.State.PLAYING)
        GLib.timeout_add(int(1000 * (self.options.frames / FPS + 5)), self.loop.quit)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        print(json.dumps({
            "codec": self.options.codec,
            "frames": self.frames,
            "keyframes": self.keyframes,
            "requests": self.requests,
            "errors": self.errors,
        }), flush=True)
        return 1 if self.errors else 0


def main():
    Gst.init(None)
    options = arguments()
    if options.check:
        return check()
    host, port = options.local
    media, control = bound(host, port), bound(host, port + 1)
    print("ready", flush=True)
    options.remote = address(sys.stdin.readline() if options.remote == "-" else options.remote)
    return Camera(options, media, control).run()


if __name__ == "__main__":
    sys.exit(main())
