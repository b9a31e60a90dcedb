#!/usr/bin/python3
"""What libopus itself makes of Opus packets of which some were lost.

  opus_offline.py PACKETS OUT.wav [--rate 16000]

PACKETS holds, for each packet in order, its place in 48 kHz samples and its
length as 32-bit little-endian numbers, and its bytes; length 0 is a packet that
was lost. A lost packet is recovered from the in-band FEC of the next one when
that is there, and concealed otherwise, as libopus's manual has it. The library
is the system's libopus.so.0.
"""
import argparse
import ctypes
import struct
import wave

FRAME_MS = 20


def packets(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 0
    while at < len(data):
        place, length = struct.unpack_from("<II", data, at)
        at += 8
        yield place, data[at : at + length]
        at += length


class Decoder:
    def __init__(self, rate):
        self.opus = ctypes.CDLL("libopus.so.0")
        self.opus.opus_decoder_create.restype = ctypes.c_void_p
        error = ctypes.c_int()
        self.state = ctypes.c_void_p(self.opus.opus_decoder_create(rate, 1, ctypes.byref(error)))
        if error.value:
            raise SystemExit(f"opus_offline: no decoder: error {error.value}")
        self.frame = rate * FRAME_MS // 1000

    def decode(self, packet, fec):
        """20 ms from `packet`, or from its FEC, or made up where it is empty."""
        pcm = (ctypes.c_int16 * self.frame)()
        made = self.opus.opus_decode(
            self.state, packet or None, len(packet), pcm, self.frame, int(fec)
        )
        if made < 0:
            raise SystemExit(f"opus_offline: libopus failed with {made}")
        return bytes(pcm)[: 2 * made]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packets")
    parser.add_argument("out")
    parser.add_argument("--rate", type=int, default=16000)
    options = parser.parse_args()
    decoder = Decoder(options.rate)
    heard = bytearray()
    sent = list(packets(options.packets))
    for index, (place, packet) in enumerate(sent):
        # Nothing is sent in a pause.
        start = 2 * (place * options.rate // 48000)
        heard.extend(bytes(max(0, start - len(heard))))
        following = sent[index + 1][1] if index + 1 < len(sent) else b""
        if not packet and following:
            heard.extend(decoder.decode(following, True))
        else:
            heard.extend(decoder.decode(packet, False))
    with wave.open(options.out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(options.rate)
        file.writeframes(bytes(heard))


if __name__ == "__main__":
    main()
