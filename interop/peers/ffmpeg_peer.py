#!/usr/bin/python3
"""One direction of an RTP call, played by ffmpeg.

  ffmpeg_peer.py send    --codec PCMU --local 127.0.0.1:20100 --remote 127.0.0.1:20000 \
                         --play in.wav
  ffmpeg_peer.py receive --sdp peer.sdp --record out.wav --seconds 5

`send` plays the file once, one packet every 20 ms, from the local port (RTCP
from the next). `receive` listens where the SDP file says and records. Prints
"ready" once ffmpeg holds its port, and one line of JSON at the end. ffmpeg
sends one sender report and never a receiver report: it is no judge of RTCP.
"""
import argparse
import json
import re
import signal
import subprocess
import sys
import threading
import time

# name: (encoder and its options, sample rate, samples per packet, payload type, RTP packet bytes)
VOICE = ["libopus", "-b:a", "32k", "-application", "voip", "-frame_duration", "20"]
CODECS = {
    "PCMU": (["pcm_mulaw"], 8000, 160, 0, 172),
    "PCMA": (["pcm_alaw"], 8000, 160, 8, 172),
    "G722": (["g722"], 16000, 320, 9, 172),
    "opus": (VOICE, 48000, 960, 111, 1200),
    "L16": (["pcm_s16be"], 16000, 320, 96, 652),
}
BIND_TIMEOUT_S = 10
GRACE_S = 1.5


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ways = parser.add_subparsers(dest="way", required=True)
    send = ways.add_parser("send")
    send.add_argument("--codec", choices=sorted(CODECS), required=True)
    send.add_argument("--local", required=True, metavar="HOST:PORT")
    send.add_argument("--remote", required=True, metavar="HOST:PORT")
    send.add_argument("--play", required=True, metavar="WAV")
    receive = ways.add_parser("receive")
    receive.add_argument("--sdp", required=True, metavar="FILE")
    receive.add_argument("--record", required=True, metavar="WAV")
    receive.add_argument("--rate", type=int, default=8000, metavar="HZ")
    receive.add_argument("--seconds", type=float, required=True)
    return parser.parse_args()


def send_command(options):
    encoder, rate, samples, payload_type, packet = CODECS[options.codec]
    local_host, local_port = options.local.rsplit(":", 1)
    query = (
        f"pkt_size={packet}&localaddr={local_host}"
        f"&localrtpport={local_port}&localrtcpport={int(local_port) + 1}"
    )
    # Frames of one packet each, let through at the pace of the clock: with
    # `-re` alone ffmpeg sends uneven packets in bursts.
    pace = f"aresample={rate},asetnsamples=n={samples}:p=1,arealtime"
    command = ["-i", options.play, "-af", pace, "-c:a", *encoder, "-ar", str(rate), "-ac", "1"]
    command += ["-payload_type", str(payload_type), "-f", "rtp", f"rtp://{options.remote}?{query}"]
    return command, int(local_port)


def receive_command(options):
    with open(options.sdp, encoding="latin-1") as file:
        port = int(re.search(r"^m=audio (\d+)", file.read(), re.M).group(1))
    command = ["-protocol_whitelist", "file,udp,rtp", "-fflags", "nobuffer"]
    command += ["-analyzeduration", "1", "-probesize", "32", "-reorder_queue_size", "10"]
    command += ["-i", options.sdp]
    # Lost packets become silence instead of a shorter file.
    command += ["-af", "aresample=async=1:min_hard_comp=0.015"]
    command += ["-ar", str(options.rate), "-ac", "1", "-c:a", "pcm_s16le", options.record]
    return command, port


def holds(port):
    """Whether some process has bound this UDP port, as the kernel lists it."""
    wanted = f":{port:04X}"
    with open("/proc/net/udp", encoding="ascii") as table:
        return any(line.split()[1].endswith(wanted) for line in table.readlines()[1:])


def wait_until_bound(port, process):
    deadline = time.monotonic() + BIND_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if holds(port):
            return
        time.sleep(0.02)
    if process.poll() is None:
        process.kill()
    sys.exit(f"ffmpeg_peer: ffmpeg did not bind port {port}: {process.communicate()[1]}")


def stop(process):
    """Asks ffmpeg to finish its file, then insists."""
    # The first signal ends its loop, the second a read that waits for packets.
    for _ in range(2):
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            process.wait(GRACE_S)
            return
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    process.wait()


def main():
    options = arguments()
    command, port = (send_command if options.way == "send" else receive_command)(options)
    base = ["ffmpeg", "-nostdin", "-hide_banner", "-loglevel", "warning", "-y"]
    process = subprocess.Popen(
        base + command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    wait_until_bound(port, process)
    print("ready", flush=True)
    deadline = time.monotonic() + getattr(options, "seconds", float("inf"))
    while process.poll() is None and not asked.is_set() and time.monotonic() < deadline:
        time.sleep(0.05)
    stopped = process.poll() is None
    stop(process)
    said = process.stderr.read().strip()
    print(json.dumps({"way": options.way, "exit": process.returncode, "stopped": stopped, "said": said}))
    # Interrupted by us, ffmpeg closes its file and still exits with 255.
    return 0 if stopped or process.returncode == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
