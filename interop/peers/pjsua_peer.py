#!/usr/bin/env python3
"""PJMEDIA hears G.711 of which packets are missing, and records it.

  pjsua_peer.py PACKETS OUT.wav [--port 25060] [--rtp 25070]

pjsua2 (PyPI: pjsua2-python) answers a call that this script makes to it with a
few lines of SIP; then PACKETS go to its port, one every 20 ms of the wall's
clock, sequence numbers and timestamps counting on over those that are missing.
PACKETS holds for each packet a byte, 1 when it arrives and 0 when it is lost,
and 160 bytes of PCMU.
"""
import argparse
import re
import socket
import struct
import sys
import threading
import time

HOST = "127.0.0.1"
PACKET = 1 + 160


class Check(argparse.Action):
    def __init__(self, **options):
        super().__init__(nargs=0, **options)

    def __call__(self, *_):
        import pjsua2  # noqa: F401

        sys.exit(0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action=Check, help="only say whether pjsua2 is here")
    parser.add_argument("packets")
    parser.add_argument("out")
    parser.add_argument("--port", type=int, default=25060, help="SIP port of pjsua2")
    parser.add_argument("--rtp", type=int, default=25070, help="first RTP port of pjsua2")
    options = parser.parse_args()
    with open(options.packets, "rb") as file:
        data = file.read()
    packets = [data[at : at + PACKET] for at in range(0, len(data), PACKET)]
    answer(options, packets)


def message(start, port, branch, cseq, to_tag, body=""):
    return (
        f"{start}\r\nVia: SIP/2.0/UDP {HOST}:{port};branch=z9hG4bK{branch}\r\n"
        f"Max-Forwards: 70\r\nFrom: <sip:script@{HOST}:{port}>;tag=script\r\n"
        f"To: <sip:{HOST}>{to_tag}\r\nCall-ID: script-{port}@{HOST}\r\nCSeq: {cseq}\r\n"
        f"Contact: <sip:script@{HOST}:{port}>\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    ).encode()


def call(sip_port, packets, done):
    """Calls pjsua2, sends it the packets, says goodbye."""
    sip = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sip.bind((HOST, 0))
    rtp.bind((HOST, 0))
    sip.settimeout(10)
    port, to = sip.getsockname()[1], (HOST, sip_port)
    target = f"sip:{HOST}:{sip_port}"
    body = (
        f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
        f"m=audio {rtp.getsockname()[1]} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=ptime:20\r\n"
    )
    sip.sendto(message(f"INVITE {target} SIP/2.0", port, 1, "1 INVITE", "", body), to)
    while True:
        said = sip.recv(65536).decode("latin-1")
        if said.startswith("SIP/2.0 200"):
            break
        if not said.startswith("SIP/2.0 1"):
            raise SystemExit(f"pjsua_peer: refused: {said.splitlines()[0]}")
    tag = re.search(r"^To:.*?(;tag=[^\s;]+)", said, re.M | re.I).group(1)
    sip.sendto(message(f"ACK {target} SIP/2.0", port, 2, "1 ACK", tag), to)
    media = (HOST, int(re.search(r"^m=audio (\d+)", said, re.M).group(1)))
    time.sleep(0.5)
    begin = time.monotonic()
    for count, packet in enumerate(packets):
        wait = begin + 0.02 * count - time.monotonic()
        if wait > 0:
            time.sleep(wait)
        if packet[0]:
            header = struct.pack(">BBHII", 0x80, 0x80 * (count == 0), count & 0xFFFF, 160 * count, 7)
            rtp.sendto(header + packet[1:], media)
    time.sleep(0.5)
    sip.sendto(message(f"BYE {target} SIP/2.0", port, 3, "2 BYE", tag), to)
    time.sleep(0.3)
    done.set()


def answer(options, packets):
    import pjsua2 as pj

    endpoint = pj.Endpoint()
    endpoint.libCreate()
    config = pj.EpConfig()
    config.uaConfig.threadCnt = 0
    config.uaConfig.mainThreadOnly = True
    config.logConfig.level = 0
    config.logConfig.consoleLevel = 0
    config.medConfig.clockRate = 8000
    config.medConfig.sndClockRate = 8000
    config.medConfig.noVad = True
    config.medConfig.ecTailLen = 0
    endpoint.libInit(config)
    endpoint.audDevManager().setNullDev()
    transport = pj.TransportConfig()
    transport.port = options.port
    transport.boundAddress = HOST
    endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
    endpoint.libStart()
    # Lists, to be emptied before the library ends: it wants its objects back.
    recorders = [pj.AudioMediaRecorder()]
    recorders[0].createRecorder(options.out)

    class Call(pj.Call):
        pass

    calls = []

    class Account(pj.Account):
        def onIncomingCall(self, incoming):
            one = Call(self, incoming.callId)
            calls.append(one)
            how = pj.CallOpParam()
            how.statusCode = 200
            one.answer(how)

    settings = pj.AccountConfig()
    settings.idUri = f"sip:{HOST}:{options.port}"
    settings.mediaConfig.transportConfig.port = options.rtp
    settings.mediaConfig.transportConfig.boundAddress = HOST
    account = Account()
    account.create(settings)
    done = threading.Event()
    threading.Thread(target=call, args=(options.port, packets, done), daemon=True).start()
    deadline = time.monotonic() + 0.02 * len(packets) + 20
    is_recorded = False
    while not done.is_set() and time.monotonic() < deadline:
        endpoint.libHandleEvents(10)
        if not is_recorded and calls and calls[0].hasMedia():
            calls[0].getAudioMedia(-1).startTransmit(recorders[0])
            is_recorded = True
    calls.clear()
    recorders.clear()
    account.shutdown()
    endpoint.libDestroy()
    if not done.is_set():
        raise SystemExit("pjsua_peer: the call did not end")


if __name__ == "__main__":
    main()
