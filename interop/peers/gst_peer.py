#!/usr/bin/python3
"""One end of an RTP call, played by GStreamer's rtpbin.

  gst_peer.py --codec PCMU --local 127.0.0.1:20000 --remote 127.0.0.1:20010 \
              [--play in.wav | --tone 440] [--record out.wav] [--mux] --seconds 5

Sends from and receives on the same port (RFC 4961), RTCP on the next port or,
with --mux, on the same one (RFC 5761). Prints "ready" once its ports are bound;
with `--remote -` it then reads the remote address from a line of standard
input, so that nothing sent to it meanwhile is lost. Ends --seconds later or on
SIGTERM, with a BYE and one line of JSON: what it received and what the other
side's reports said.
"""
import argparse
import itertools
import json
import math
import os
import signal
import struct
import sys
import wave

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gio, GLib, Gst  # noqa: E402

# name: (static payload type, RTP clock, sample rate, encoder, payloader, depayloader, decoder)
CODECS = {
    "PCMU": (0, 8000, 8000, "mulawenc", "rtppcmupay", "rtppcmudepay", "mulawdec"),
    "PCMA": (8, 8000, 8000, "alawenc", "rtppcmapay", "rtppcmadepay", "alawdec"),
    "G722": (9, 8000, 16000, "avenc_g722", "rtpg722pay", "rtpg722depay", "avdec_g722"),
    "opus": (111, 48000, 48000, "opusenc", "rtpopuspay", "rtpopusdepay", "opusdec"),
    "L16": (96, 16000, 16000, "audioconvert", "rtpL16pay", "rtpL16depay", "audioconvert"),
}
PTIME_NS = 20_000_000
# How long the BYE may take, and the file after the end of the stream.
BYE_MS = 500
EOS_MS = 1500
# RFC 5761 §4: the second byte of RTCP, read as RTP, is 64..95 with the marker.
RTCP_TYPES = range(192, 224)


def address(text):
    host, port = text.strip().rsplit(":", 1)
    return host, int(port)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--codec", choices=sorted(CODECS), required=True)
    parser.add_argument("--payload-type", type=int, help="other than the codec's own")
    parser.add_argument("--local", type=address, required=True, metavar="HOST:PORT")
    parser.add_argument("--remote", required=True, metavar="HOST:PORT|-")
    parser.add_argument("--mux", action="store_true", help="RTCP on the RTP port")
    parser.add_argument("--play", metavar="WAV", help="then silence until the end")
    parser.add_argument("--tone", type=float, metavar="HZ")
    parser.add_argument("--record", metavar="WAV")
    parser.add_argument("--seconds", type=float, required=True)
    return parser.parse_args()


def bound(host, port):
    """A UDP socket that udpsrc and udpsink share, so that both use one port."""
    socket = Gio.Socket.new(Gio.SocketFamily.IPV4, Gio.SocketType.DATAGRAM, Gio.SocketProtocol.UDP)
    socket.bind(Gio.InetSocketAddress.new_from_string(host, port), False)
    return socket


class Peer:
    def __init__(self, options, media, control):
        self.options, self.media, self.control = options, media, control
        pt, clock, rate, *elements = CODECS[options.codec]
        self.pt = pt if options.payload_type is None else options.payload_type
        self.clock, self.rate = clock, rate
        self.encoder, self.payloader, self.depayloader, self.decoder = elements
        self.frames = 0
        self.recording = None
        self.ssrcs = []
        self.errors = []
        self.loop = GLib.MainLoop()
        self.pipeline = Gst.Pipeline.new("peer")
        self.bin = self.element("rtpbin", latency=100, autoremove=True)
        # Recordings follow RTP time alone: the sender's clock, no guesses.
        self.bin.set_property("buffer-mode", 0)
        self.bin.connect("request-pt-map", lambda _bin, _session, _pt: self.rtp_caps())
        self.bin.connect("pad-added", self.on_pad)
        self.build_sender()
        self.build_sockets()

    # --- building ---------------------------------------------------------
    def element(self, kind, **properties):
        made = Gst.ElementFactory.make(kind)
        if made is None:
            raise SystemExit(f"gst_peer: GStreamer has no element {kind}")
        for name, value in properties.items():
            made.set_property(name.replace("_", "-"), value)
        self.pipeline.add(made)
        return made

    def chain(self, *elements):
        for left, right in zip(elements, elements[1:]):
            if not left.link(right):
                raise SystemExit(f"gst_peer: cannot link {left.name} to {right.name}")
        return elements[-1]

    def rtp_caps(self):
        return Gst.Caps.from_string(
            f"application/x-rtp,media=audio,payload={self.pt},clock-rate={self.clock},"
            f"encoding-name={self.options.codec.upper()}"
        )

    def pcm_caps(self):
        caps = f"audio/x-raw,format=S16LE,rate={self.rate},channels=1,layout=interleaved"
        return self.element("capsfilter", caps=Gst.Caps.from_string(caps))

    def build_sender(self):
        samples = self.samples()
        if samples is None:
            self.voice = None
            return
        frame = self.rate // 50 * 2
        self.frames_out = iter(lambda: next(samples, bytes(frame)).ljust(frame, b"\0"), None)
        self.sent_frames = 0
        self.voice = self.element("appsrc", format=Gst.Format.TIME, max_bytes=frame * 5)
        caps = f"audio/x-raw,format=S16LE,rate={self.rate},channels=1,layout=interleaved"
        self.voice.set_property("caps", Gst.Caps.from_string(caps))
        self.voice.connect("need-data", self.on_need)
        pay = self.element(
            self.payloader, pt=self.pt, min_ptime=PTIME_NS, max_ptime=PTIME_NS
        )
        self.chain(self.voice, self.encoding(), pay)
        pay.link_pads("src", self.bin, "send_rtp_sink_0")

    def encoding(self):
        encoder = self.element(self.encoder)
        if self.options.codec == "opus":
            encoder.set_property("bitrate", 32000)
            Gst.util_set_object_arg(encoder, "audio-type", "voice")
        return encoder

    def samples(self):
        """What is sent, in frames of 20 ms; silence follows when it ends."""
        size = self.rate // 50
        if self.options.play:
            with wave.open(self.options.play, "rb") as file:
                shape = file.getnchannels(), file.getsampwidth(), file.getframerate()
                if shape != (1, 2, self.rate):
                    raise SystemExit(f"gst_peer: {self.options.play}: wants mono, 16 bit, {self.rate} Hz")
                pcm = file.readframes(file.getnframes())
            return iter([pcm[at : at + 2 * size] for at in range(0, len(pcm), 2 * size)])
        if self.options.tone:
            step = 2 * math.pi * self.options.tone / self.rate
            return (
                b"".join(
                    struct.pack("<h", round(8000 * math.sin(step * (at + n)))) for n in range(size)
                )
                for at in itertools.count(0, size)
            )
        return None

    def on_need(self, source, _bytes):
        buffer = Gst.Buffer.new_wrapped(next(self.frames_out))
        buffer.pts, buffer.duration = self.sent_frames * PTIME_NS, PTIME_NS
        self.sent_frames += 1
        source.emit("push-buffer", buffer)

    def build_sockets(self):
        to_host, to_port = self.options.remote
        media, control = self.media, self.control
        sink = self.element("udpsink", host=to_host, port=to_port, sync=True)
        self.share(sink, media)
        if self.voice:
            self.bin.link_pads("send_rtp_src_0", sink, "sink")
        else:
            self.pipeline.remove(sink)
        source = self.element("udpsrc", socket=media, close_socket=False)
        if self.options.mux:
            to_control = to_port
            tee = self.chain(source, self.element("tee"))
            self.filtered(tee, "recv_rtp_sink_0", lambda kind: kind not in RTCP_TYPES, self.rtp_caps())
            self.filtered(tee, "recv_rtcp_sink_0", lambda kind: kind in RTCP_TYPES, None)
        else:
            to_control = to_port + 1
            source.set_property("caps", self.rtp_caps())
            source.link_pads("src", self.bin, "recv_rtp_sink_0")
            reports = self.element("udpsrc", socket=control, close_socket=False)
            reports.link_pads("src", self.bin, "recv_rtcp_sink_0")
        # `async` is a Python keyword, hence the dictionary.
        out = self.element("udpsink", host=to_host, port=to_control, **{"sync": False, "async": False})
        self.share(out, control)
        self.bin.link_pads("send_rtcp_src_0", out, "sink")

    @staticmethod
    def share(sink, socket):
        sink.set_property("socket", socket)
        sink.set_property("close-socket", False)
        sink.set_property("async", False)

    def filtered(self, tee, pad_name, wanted, caps):
        """One half of a multiplexed port: the packets whose second byte is wanted."""
        queue = self.element("queue")
        kind = caps.to_string() if caps else "application/x-rtcp"
        setter = self.element("capssetter", caps=Gst.Caps.from_string(kind), join=False, replace=True)

        def probe(_pad, info):
            data = info.get_buffer().extract_dup(0, 2)
            return Gst.PadProbeReturn.OK if len(data) == 2 and wanted(data[1]) else Gst.PadProbeReturn.DROP

        queue.get_static_pad("sink").add_probe(Gst.PadProbeType.BUFFER, probe)
        self.chain(tee, queue, setter)
        setter.link_pads("src", self.bin, pad_name)

    # --- running ----------------------------------------------------------
    def on_pad(self, _bin, pad):
        if not pad.get_name().startswith("recv_rtp_src_"):
            return
        self.ssrcs.append(int(pad.get_name().split("_")[4]))
        if self.recording or not self.options.record:
            tail = [self.element("fakesink", sync=False)]
        else:
            self.recording = self.options.record
            tail = [
                self.element(self.depayloader),
                self.element(self.decoder),
                self.element("audioconvert"),
                # A lost packet becomes silence instead of a shorter file.
                self.element("audiorate", skip_to_first=True),
                self.pcm_caps(),
                self.element("wavenc"),
                self.element("filesink", location=self.recording, sync=False),
            ]
            tail[-1].set_property("async", False)
        self.chain(*tail)
        first = tail[0].get_static_pad("sink")
        first.add_probe(Gst.PadProbeType.BUFFER, self.on_frame)
        pad.link(first)
        for made in reversed(tail):
            made.sync_state_with_parent()

    def on_frame(self, _pad, _info):
        self.frames += 1
        return Gst.PadProbeReturn.OK

    def on_message(self, _bus, message):
        if message.type == Gst.MessageType.EOS:
            self.loop.quit()
        elif message.type == Gst.MessageType.ERROR:
            error, detail = message.parse_error()
            self.errors.append(f"{error.message} ({detail})")
            self.loop.quit()

    def finish(self):
        """Reads the numbers while the session lives, says BYE, then closes the file."""
        if not self.sources:
            self.sources = self.read_sources()
            if self.voice:
                self.voice.emit("end-of-stream")
            GLib.timeout_add(BYE_MS, self.close)
        return False

    def close(self):
        self.pipeline.send_event(Gst.Event.new_eos())
        GLib.timeout_add(EOS_MS, self.loop.quit)
        return False

    def read_sources(self):
        session = self.bin.emit("get-internal-session", 0)
        wanted = (
            "packets-received", "packets-lost", "jitter", "have-rb", "rb-fractionlost",
            "rb-packetslost", "rb-jitter", "rb-round-trip", "have-sr", "sr-packet-count",
            "packets-sent", "internal", "received-bye",
        )
        found = []
        for ssrc in self.known_ssrcs(session):
            source = session.emit("get-source-by-ssrc", ssrc)
            if source is None:
                continue
            stats = source.get_property("stats")
            entry = {"ssrc": ssrc}
            for name in wanted:
                if stats.has_field(name):
                    entry[name] = stats.get_value(name)
            found.append(entry)
        return found

    def known_ssrcs(self, session):
        return dict.fromkeys([session.get_property("internal-ssrc"), *self.ssrcs])

    def run(self):
        bus = self.pipeline.get_bus()
        bus.add_signal_watch()
        bus.connect("message", self.on_message)
        self.sources = []
        if self.pipeline.set_state(Gst.State.PLAYING) == Gst.StateChangeReturn.FAILURE:
            raise SystemExit("gst_peer: the pipeline does not start")
        GLib.timeout_add(int(self.options.seconds * 1000), self.finish)
        GLib.unix_signal_add(GLib.PRIORITY_HIGH, signal.SIGTERM, self.finish)
        self.loop.run()
        self.pipeline.set_state(Gst.State.NULL)
        print(json.dumps({
            "codec": self.options.codec,
            "frames": self.frames,
            "remote_ssrcs": self.ssrcs,
            "recorded": bool(self.recording and os.path.exists(self.recording)),
            "sources": self.sources,
            "errors": self.errors,
        }), flush=True)
        return 1 if self.errors else 0


def main():
    Gst.init(None)
    options = arguments()
    host, port = options.local
    media = bound(host, port)
    control = media if options.mux else bound(host, port + 1)
    print("ready", flush=True)
    options.remote = address(sys.stdin.readline() if options.remote == "-" else options.remote)
    return Peer(options, media, control).run()


if __name__ == "__main__":
    sys.exit(main())
