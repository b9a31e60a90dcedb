//! What is said: PCM at the application's rate into payloads of the codec.
//!
//! In: one frame of 20 ms per tick, as far as the other end has words. Out:
//! payloads of one packet time each, with the media position of their first
//! sample and whether a talkspurt begins with them. The position goes on
//! through silence (RFC 3550 §5.1). Leaves numbering to the sender.
//!
//! A talkspurt begins one tick after its first sample was seen, so that an
//! application whose timer wavers by less than a frame makes no gap.

use core::time::Duration;

use talkpath_audio::{Codec, Encoder, LevelMeter, Parameters, Resampler, SampleRate};
use talkpath_wire::{PayloadType, Time};

use crate::ends::Ends;
use crate::playout::same;
use crate::setup::Numbered;
use crate::ticker::Turn;
use crate::{SessionId, StreamIndex};

/// What is sent while nobody says anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Pause {
    /// Nothing: the next talkspurt carries the marker bit.
    #[default]
    SendNothing,
    /// Packets of silence.
    SendSilence,
}

/// Whether what is said leaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Mute {
    /// It leaves.
    #[default]
    Off,
    /// Silence leaves in its place; the peer's timers see no difference.
    On,
}

/// What leaves, in the order of its media time.
#[derive(Debug)]
pub(crate) enum Leaving<'a> {
    /// One packet's payload, of so many samples.
    Packet {
        number: PayloadType,
        samples: usize,
        bytes: &'a [u8],
    },
    /// Silence of so many samples, in which nothing is sent.
    Silence { samples: usize },
}

/// The way out of one stream.
pub(crate) struct Egress {
    codec: &'static dyn Codec,
    /// What the peer calls it, and says of it.
    format: Numbered,
    encoder: Box<dyn Encoder>,
    resampler: Resampler,
    spurt: Spurt,
    speaker: Speaker,
    packets: Packets,
    /// The frame being said, at the application's rate.
    frame: Box<[i16]>,
    meter: LevelMeter,
    pub(crate) pause: Pause,
    pub(crate) mute: Mute,
}

/// Who spoke in a frame: one at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Speaker {
    /// The application or a file, or nobody.
    End,
    /// The others of the room.
    Room,
}

/// What there is to say in a tick: a frame of the room at the codec's rate, if
/// it has one, and whatever the other end has, which comes first.
pub(crate) type Words<'a> = (Option<&'a [i16]>, &'a mut dyn Ends);

/// What writes a frame at the application's rate.
pub(crate) type Fill<'a> = &'a mut dyn FnMut(&mut [i16]);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Spurt {
    Quiet,
    /// Words were seen; they leave with the next tick.
    Armed,
    Talking,
}

/// What the other end had for a tick.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Taken {
    Words,
    /// It has nothing to say, and silence is to be sent.
    Silence,
    Nothing,
}

/// Samples at the codec's rate on their way into packets.
struct Packets {
    /// Samples that wait, oldest first; never more than two frames above one
    /// packet.
    queue: Vec<i16>,
    /// Samples of a packet.
    len: usize,
    /// How much audio that is.
    time: Duration,
    /// How much was asked for, which the codec may have no packets of.
    wanted: Duration,
    /// The next packet does not leave before.
    due: Time,
    /// Samples by which a filled-up packet ran ahead of the ticks.
    ahead: usize,
    payload: Box<[u8]>,
}

impl Packets {
    /// When the packet after the one that leaves at `at` is due. Lateness of
    /// one does not delay the next.
    fn next_due(&self, at: Time) -> Time {
        let is_on_time = self.due <= at && at < self.due + self.time;
        (if is_on_time { self.due } else { at }) + self.time
    }
}

impl Egress {
    /// A quiet way out. `packet` is the audio of a packet, 10 to 60 ms.
    pub(crate) fn new(
        codec: &'static dyn Codec,
        format: &Numbered,
        rate: SampleRate,
        packet: Duration,
    ) -> Result<Self, talkpath_audio::ResampleError> {
        Ok(Egress {
            codec,
            format: format.clone(),
            encoder: codec.encoder(Parameters::new(&format.format.fmtp)),
            resampler: Resampler::new(rate, codec.sample_rate())?,
            spurt: Spurt::Quiet,
            speaker: Speaker::End,
            packets: Packets::new(codec, packet),
            frame: vec![0; rate.frame_len()].into(),
            meter: LevelMeter::new(),
            pause: Pause::default(),
            mute: Mute::default(),
        })
    }

    pub(crate) fn codec(&self) -> &'static dyn Codec {
        self.codec
    }

    /// Whether it makes packets of `packet` in this format.
    pub(crate) fn is(
        &self,
        codec: &'static dyn Codec,
        format: &Numbered,
        packet: Duration,
    ) -> bool {
        same(self.codec, codec) && self.format == *format && self.packets.wanted == packet
    }

    /// Goes on with another codec, number or packet time. What is being said
    /// goes on with it, without a gap, where the rate of the samples stays.
    ///
    /// # Errors
    /// When the application's rate cannot be turned into the codec's; nothing
    /// has changed then.
    pub(crate) fn change(
        &mut self,
        codec: &'static dyn Codec,
        format: &Numbered,
        rate: SampleRate,
        packet: Duration,
    ) -> Result<(), talkpath_audio::ResampleError> {
        let mut next = Egress::new(codec, format, rate, packet)?;
        (next.pause, next.mute) = (self.pause, self.mute);
        if codec.sample_rate() == self.codec.sample_rate() {
            next.packets.take_over(&mut self.packets);
            core::mem::swap(&mut next.resampler, &mut self.resampler);
            core::mem::swap(&mut next.frame, &mut self.frame);
            next.spurt = self.spurt;
        }
        *self = next;
        Ok(())
    }

    /// Learns which share of the packets the peer loses, in percent.
    pub(crate) fn expect_loss(&mut self, percent: u8) {
        self.encoder.expect_loss(percent);
    }

    /// Who spoke last.
    pub(crate) fn speaker(&self) -> Speaker {
        self.speaker
    }

    /// The frame that the other end said last, at the application's rate.
    pub(crate) fn said(&self) -> &[i16] {
        &self.frame
    }

    /// Loudness of what was said since asked last, as −dBov.
    pub(crate) fn level(&mut self) -> u8 {
        self.meter.take().rms.minus_dbov()
    }

    /// One tick: takes a frame of what there is to say and gives what is due.
    /// What was missed before it stays silent.
    pub(crate) fn tick(
        &mut self,
        turn: Turn,
        who: (SessionId, StreamIndex),
        (room, ends): Words<'_>,
        give: &mut dyn FnMut(Leaving<'_>),
    ) {
        if turn.missed > 0 {
            self.end_talkspurt(give);
            self.pass(turn.missed as usize * self.frame_len(), give);
        }
        match (self.take(who, ends), room) {
            (Taken::Words, _) => self.enqueue(),
            (Taken::Nothing | Taken::Silence, Some(room)) => self.enqueue_room(room),
            (Taken::Silence, None) => self.enqueue(),
            (Taken::Nothing, None) => {
                self.end_talkspurt(give);
                self.pass(self.frame_len(), give);
            }
        }
        self.flush(turn.at, give);
    }

    /// Falls silent before a key: what the other end says is taken and
    /// forgotten, what was said leaves. `missed` ticks stay silent; the tick
    /// itself is let pass by [`Egress::pass_tick`].
    pub(crate) fn hush(
        &mut self,
        missed: u32,
        (session, stream): (SessionId, StreamIndex),
        ends: &mut dyn Ends,
        give: &mut dyn FnMut(Leaving<'_>),
    ) {
        let said = ends.say(session, stream, &mut self.frame);
        self.frame.fill(0);
        self.end_talkspurt(give);
        if said > 0 {
            // Who goes on after the key does so at once.
            self.spurt = Spurt::Armed;
        }
        self.pass(missed as usize * self.frame_len(), give);
    }

    /// Lets a tick pass in silence.
    pub(crate) fn pass_tick(&mut self, give: &mut dyn FnMut(Leaving<'_>)) {
        self.pass(self.frame_len(), give);
    }

    /// Says what `fill` writes in place of what the other end says.
    pub(crate) fn sound(
        &mut self,
        (at, missed): (Time, u32),
        (session, stream): (SessionId, StreamIndex),
        (fill, ends): (Fill<'_>, &mut dyn Ends),
        give: &mut dyn FnMut(Leaving<'_>),
    ) {
        if missed > 0 {
            self.end_talkspurt(give);
            self.pass(missed as usize * self.frame_len(), give);
        }
        ends.say(session, stream, &mut self.frame);
        fill(&mut self.frame);
        self.spurt = Spurt::Talking;
        self.enqueue();
        self.flush(at, give);
    }

    /// Gives the packets due at `at`.
    pub(crate) fn flush(&mut self, at: Time, give: &mut dyn FnMut(Leaving<'_>)) {
        // What waits beyond a frame was left by longer packets of before.
        let most = self.packets.len + self.frame_len();
        while self.packets.queue.len() >= self.packets.len
            && (at >= self.packets.due || self.packets.queue.len() >= most)
        {
            self.packets.due = self.packets.next_due(at);
            self.packet(give);
        }
    }

    /// When a packet is due between ticks.
    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        (self.packets.queue.len() >= self.packets.len).then_some(self.packets.due)
    }

    /// Reads the next frame from the other end.
    fn take(&mut self, (session, stream): (SessionId, StreamIndex), ends: &mut dyn Ends) -> Taken {
        let spurt = match self.speaker {
            Speaker::End => self.spurt,
            // In the talkspurt of the others a first word needs no tick more.
            Speaker::Room if ends.has_words(session, stream) => Spurt::Armed,
            Speaker::Room => return Taken::Nothing,
        };
        let said = match spurt {
            Spurt::Quiet if ends.has_words(session, stream) => {
                self.spurt = Spurt::Armed;
                0
            }
            Spurt::Quiet => 0,
            Spurt::Armed | Spurt::Talking => ends.say(session, stream, &mut self.frame),
        };
        let filled = said.min(self.frame.len());
        self.frame[filled..].fill(0);
        if said > 0 {
            self.spurt = Spurt::Talking;
        }
        if self.mute == Mute::On {
            self.frame.fill(0);
        }
        match (said, self.pause) {
            (1.., _) => Taken::Words,
            (0, Pause::SendSilence) => Taken::Silence,
            (0, Pause::SendNothing) => Taken::Nothing,
        }
    }

    /// Moves a frame of the room behind the samples that wait.
    fn enqueue_room(&mut self, room: &[i16]) {
        if self.speaker == Speaker::End {
            self.resampler.reset();
        }
        (self.speaker, self.spurt) = (Speaker::Room, Spurt::Talking);
        self.meter.push(room);
        let start = self.packets.queue.len();
        self.packets.queue.extend_from_slice(room);
        if self.mute == Mute::On {
            self.packets.queue[start..].fill(0);
        }
    }

    /// Moves the frame, resampled, behind the samples that wait.
    fn enqueue(&mut self) {
        self.speaker = Speaker::End;
        self.meter.push(&self.frame);
        let start = self.packets.queue.len();
        self.packets.queue.resize(start + self.frame_len(), 0);
        let _ = self
            .resampler
            .process(&self.frame, &mut self.packets.queue[start..]);
    }

    /// Ends the talkspurt: what is left leaves as one more packet, filled up
    /// with silence.
    fn end_talkspurt(&mut self, give: &mut dyn FnMut(Leaving<'_>)) {
        let Packets {
            queue, len, ahead, ..
        } = &mut self.packets;
        let whole = queue.len().next_multiple_of(*len);
        *ahead += whole - queue.len();
        queue.resize(whole, 0);
        while !self.packets.queue.is_empty() {
            self.packet(give);
        }
        if self.spurt == Spurt::Talking {
            (self.spurt, self.speaker) = (Spurt::Quiet, Speaker::End);
            self.resampler.reset();
        }
    }

    /// Lets `samples` of silence pass, less what a packet already ran ahead.
    fn pass(&mut self, samples: usize, give: &mut dyn FnMut(Leaving<'_>)) {
        let ahead = self.packets.ahead.min(samples);
        self.packets.ahead -= ahead;
        if samples > ahead {
            give(Leaving::Silence {
                samples: samples - ahead,
            });
        }
    }

    /// Encodes the oldest packet's worth of the queue.
    fn packet(&mut self, give: &mut dyn FnMut(Leaving<'_>)) {
        let Packets {
            queue,
            len,
            payload,
            ..
        } = &mut self.packets;
        let samples = *len;
        match self.encoder.encode(&queue[..samples], payload) {
            // Discontinuous transmission: time passes, nothing is sent.
            Ok(0) => give(Leaving::Silence { samples }),
            Ok(written) => {
                let bytes = &payload[..written];
                give(Leaving::Packet {
                    number: self.format.number,
                    samples,
                    bytes,
                });
            }
            // The codec was chosen with its packet time: it has such frames.
            Err(_) => give(Leaving::Silence { samples }),
        }
        queue.drain(..samples);
    }

    /// Samples of a tick at the codec's rate.
    fn frame_len(&self) -> usize {
        self.codec.sample_rate().frame_len()
    }
}

impl Packets {
    /// An empty queue for packets of `wanted`, or as near as the codec comes.
    fn new(codec: &'static dyn Codec, wanted: Duration) -> Self {
        let len = codec.packet_len(samples(wanted, codec.sample_rate()));
        let time = codec.sample_rate().duration_of(len as u64);
        let frame = codec.sample_rate().frame_len();
        Packets {
            queue: Vec::with_capacity(len + 2 * frame),
            len,
            time,
            wanted,
            due: Time::ZERO,
            ahead: 0,
            payload: vec![0; codec.max_payload_len(len)].into(),
        }
    }

    /// Goes on where `other`, of the same rate, stands.
    fn take_over(&mut self, other: &mut Packets) {
        self.queue.append(&mut other.queue);
        (self.due, self.ahead) = (other.due, other.ahead);
    }
}

impl core::fmt::Debug for Egress {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Egress")
            .field("codec", &self.codec)
            .field("spurt", &self.spurt)
            .field("queued", &self.packets.queue.len())
            .finish_non_exhaustive()
    }
}

/// Samples of `duration` at `rate`.
fn samples(duration: Duration, rate: SampleRate) -> usize {
    (duration.as_millis() as usize * rate.hz() as usize) / 1000
}
