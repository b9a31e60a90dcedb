#!/usr/bin/python3
"""Measures recordings: the frequency of a tone, the quality of speech.

  score.py tone HEARD.wav                 {"hz":..,"snr_db":..,"seconds":..,"dropout_ms":..}
  score.py speech REFERENCE.wav HEARD.wav... {"pesq":..,"lag_ms":..,"drift_ms":..,"covered":..}

`tone` looks at the part that sounds (over -50 dBFS) less 100 ms at each end:
its strongest frequency, everything within 15 Hz of it against all the rest, and
the gaps in it. `speech` aligns by cross-correlation, cuts to the reference's
speech and gives narrow-band PESQ (ITU-T P.862.1 mapping); drift is how much
later the last third is than the first, covered the share of the reference's
speech that the recording spans; one line for each recording. Mono or stereo (--channel), any rate.
"""
import argparse
import json
import sys
import wave

import numpy as np
from scipy.signal import correlate, resample_poly

NARROW, WIDE = 8000, 16000
SOUNDING = 10 ** (-50 / 20)


def rate_of(path):
    """The rate to compare at: PESQ knows two."""
    with wave.open(path, "rb") as file:
        return WIDE if file.getframerate() >= WIDE else NARROW


def load(path, channel, wanted):
    with wave.open(path, "rb") as file:
        if file.getsampwidth() != 2:
            sys.exit(f"score: {path}: {8 * file.getsampwidth()} bit samples, wanted 16")
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        raw = raw.reshape(-1, file.getnchannels())
        rate = file.getframerate()
    samples = raw[:, min(channel, raw.shape[1] - 1)].astype(float) / 32768
    if rate != wanted:
        divisor = np.gcd(rate, wanted)
        samples = resample_poly(samples, wanted // divisor, rate // divisor)
    return samples


def sounding(samples, rate):
    """First and last sample over the threshold, by 20 ms frames, and the frames' verdicts."""
    frame = rate // 50
    count = len(samples) // frame
    levels = np.sqrt((samples[: count * frame].reshape(count, frame) ** 2).mean(axis=1))
    loud = np.flatnonzero(levels > SOUNDING)
    if not len(loud):
        return None
    return loud[0] * frame, (loud[-1] + 1) * frame, len(loud)


def tone(path, channel):
    rate = NARROW
    samples = load(path, channel, rate)
    span = sounding(samples, rate)
    if span is None or span[1] - span[0] < rate // 2:
        return {"hz": 0.0, "snr_db": -99.0, "seconds": 0.0, "dropout_ms": 0}
    start, end, loud = span
    part = samples[start + rate // 10 : end - rate // 10]
    power = np.abs(np.fft.rfft(part * np.hanning(len(part)))) ** 2
    hz = np.fft.rfftfreq(len(part), 1 / rate)
    power[hz < 50] = 0
    peak = hz[power.argmax()]
    near = np.abs(hz - peak) <= 15
    snr = 10 * np.log10(power[near].sum() / max(power[~near].sum(), 1e-20))
    return {
        "hz": round(float(peak), 2),
        "snr_db": round(float(snr), 1),
        "seconds": round((end - start) / rate, 3),
        "dropout_ms": int((end - start) // (rate // 50) - loud) * 20,
    }


def lag(reference, heard):
    """Samples by which `heard` is late against `reference`."""
    match = correlate(heard, reference, mode="full", method="fft")
    return int(np.argmax(np.abs(match))) - (len(reference) - 1)


def speech(reference_path, heard_path, channel):
    from pesq import pesq

    rate = rate_of(reference_path)
    reference, heard = load(reference_path, 0, rate), load(heard_path, channel, rate)
    if sounding(heard, rate) is None:
        return {"pesq": 0.0, "lag_ms": 0.0, "drift_ms": 0.0, "covered": 0.0}
    late = lag(reference, heard)
    start, end, _ = sounding(reference, rate)
    spoken = end - start
    # The same stretch of time in both, as far as the recording has it.
    first, last = max(start - rate // 4, 0, -late), min(end + rate // 4, len(reference), len(heard) - late)
    covered = max(0, min(last, end) - max(first, start)) / spoken
    if covered < 0.1:
        return {"pesq": 0.0, "lag_ms": late * 1000 / rate, "drift_ms": 0.0, "covered": covered}
    a, b = reference[first:last], heard[first + late : last + late]
    third = len(a) // 3
    drift = lag(a[-third:], b[-third:]) - lag(a[:third], b[:third])
    return {
        "pesq": round(float(pesq(rate, a, b, "wb" if rate == WIDE else "nb")), 3),
        "lag_ms": late * 1000 / rate,
        "drift_ms": drift * 1000 / rate,
        "covered": round(covered, 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    kinds = parser.add_subparsers(dest="kind", required=True)
    one = kinds.add_parser("tone")
    two = kinds.add_parser("speech")
    two.add_argument("reference")
    one.add_argument("heard")
    two.add_argument("heard", nargs="+")
    for kind in (one, two):
        kind.add_argument("--channel", type=int, default=0)
    options = parser.parse_args()
    if options.kind == "tone":
        print(json.dumps(tone(options.heard, options.channel)))
        return
    for heard in options.heard:
        print(json.dumps(speech(options.reference, heard, options.channel)))


if __name__ == "__main__":
    main()
