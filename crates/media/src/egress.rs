//! What is said: PCM at the application's rate into payloads of the codec.
//!
//! In: one frame of 20 ms per tick, as far as the other end has words. Out:
//! payloads of one packet time each, with the media position of their first
//! sample and whether a talkspurt begins with them. The position goes on
//! through silence (RFC 3550 §5.1). Where pauses are to be left out, a voice
//! detector says what is speech, and comfort noise is described in place of the
//! rest (RFC 3389). Leaves numbering to the sender.
//!
//! A talkspurt begins one tick after its first sample was seen, so that an
//! application whose timer wavers by less than a frame makes no gap.

use core::time::Duration;

use talkpath_audio::{Codec, Encoder, LevelMeter, Parameters, Resampler, SampleRate};
use talkpath_wire::{PayloadType, Time};

use crate::ends::Ends;
use crate::playout::same;
use crate::setup::Numbered;
use crate::suppress::Suppressor;
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
    /// Nothing either, and nothing while what is said is no speech: comfort
    /// noise is described instead, to a peer that takes it (RFC 3389).
    Suppress,
}

/// What is to be sent, and how.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    pub(crate) codec: &'static dyn Codec,
    /// What the peer calls it, and says of it.
    pub(crate) format: Numbered,
    /// The audio of a packet, 10 to 60 ms.
    pub(crate) packet: Duration,
    pub(crate) pause: Pause,
    /// What the peer calls comfort noise, if it takes it.
    pub(crate) noise: Option<PayloadType>,
}

impl PartialEq for Outgoing {
    fn eq(&self, other: &Self) -> bool {
        same(self.codec, other.codec)
            && self.format == other.format
            && (self.packet, self.pause, self.noise) == (other.packet, other.pause, other.noise)
    }
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
    /// A description of the noise from here on. It takes no time.
    Noise {
        number: PayloadType,
        bytes: &'a [u8],
    },
    /// Silence of so many samples, in which nothing is sent.
    Silence { samples: usize },
}

/// The way out of one stream.
pub(crate) struct Egress {
    outgoing: Outgoing,
    encoder: Box<dyn Encoder>,
    /// Tells speech from noise, where noise is left out.
    suppressor: Option<Box<Suppressor>>,
    resampler: Resampler,
    spurt: Spurt,
    speaker: Speaker,
    packets: Packets,
    /// The frame being said, at the application's rate.
    frame: Box<[i16]>,
    meter: LevelMeter,
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
    /// A quiet way out, spoken into at `rate`.
    pub(crate) fn new(
        outgoing: Outgoing,
        rate: SampleRate,
    ) -> Result<Self, talkpath_audio::ResampleError> {
        let codec = outgoing.codec;
        let (suppressor, encoder) = match (outgoing.pause, codec.silence_parameter()) {
            (Pause::Suppress, None) => {
                let suppressor = Suppressor::new(codec.sample_rate())?;
                (Some(Box::new(suppressor)), outgoing.encoder(""))
            }
            (Pause::Suppress, Some(parameter)) => (None, outgoing.encoder(parameter)),
            (Pause::SendNothing | Pause::SendSilence, _) => (None, outgoing.encoder("")),
        };
        Ok(Egress {
            encoder,
            suppressor,
            resampler: Resampler::new(rate, codec.sample_rate())?,
            spurt: Spurt::Quiet,
            speaker: Speaker::End,
            packets: Packets::new(codec, outgoing.packet),
            frame: vec![0; rate.frame_len()].into(),
            meter: LevelMeter::new(),
            mute: Mute::default(),
            outgoing,
        })
    }

    pub(crate) fn codec(&self) -> &'static dyn Codec {
        self.outgoing.codec
    }

    /// What it sends.
    pub(crate) fn outgoing(&self) -> &Outgoing {
        &self.outgoing
    }

    /// Goes on with another codec, number or packet time. What is being said
    /// goes on with it, without a gap, where the rate of the samples stays.
    ///
    /// # Errors
    /// When the application's rate cannot be turned into the codec's; nothing
    /// has changed then.
    pub(crate) fn change(
        &mut self,
        outgoing: Outgoing,
        rate: SampleRate,
    ) -> Result<(), talkpath_audio::ResampleError> {
        let mut next = Egress::new(outgoing, rate)?;
        next.mute = self.mute;
        if next.codec().sample_rate() == self.codec().sample_rate() {
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
        self.suppress(give);
        self.flush(turn.at, give);
    }

    /// Leaves the frame that was put behind the others out if it is no speech.
    /// While nobody speaks it waits for the next one: what precedes speech is
    /// sent with it.
    fn suppress(&mut self, give: &mut dyn FnMut(Leaving<'_>)) {
        let frame = self.frame_len();
        let Some(mut suppressor) = self.suppressor.take() else {
            return;
        };
        if let Some(before) = self.packets.queue.len().checked_sub(frame) {
            let was_resting = suppressor.is_resting();
            suppressor.push(&self.packets.queue[before..]);
            match (was_resting, suppressor.is_resting()) {
                (false, false) => {}
                (true, false) => self.send_until(frame, give),
                (was_resting, true) => {
                    if !was_resting {
                        self.send_until(frame, give);
                    }
                    let rest = self.packets.queue.len() - frame;
                    self.leave_out(rest, give);
                    if let (Some(number), Some(bytes)) =
                        (self.outgoing.noise, suppressor.describe())
                    {
                        give(Leaving::Noise { number, bytes });
                    }
                }
            }
        }
        self.suppressor = Some(suppressor);
    }

    /// Whether what waits is held back, for nobody speaks.
    fn is_resting(&self) -> bool {
        let suppressor = self.suppressor.as_ref();
        suppressor.is_some_and(|suppressor| suppressor.is_resting())
    }

    /// Gives whole packets of all but the newest samples that wait.
    fn send_until(&mut self, kept: usize, give: &mut dyn FnMut(Leaving<'_>)) {
        while self.packets.queue.len() >= kept + self.packets.len {
            self.packet(give);
        }
    }

    /// Lets the oldest samples that wait pass as silence.
    fn leave_out(&mut self, samples: usize, give: &mut dyn FnMut(Leaving<'_>)) {
        self.packets.queue.drain(..samples);
        self.pass(samples, give);
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
        if let Some(suppressor) = &mut self.suppressor {
            suppressor.wake();
        }
        self.enqueue();
        self.flush(at, give);
    }

    /// Gives the packets due at `at`.
    pub(crate) fn flush(&mut self, at: Time, give: &mut dyn FnMut(Leaving<'_>)) {
        if self.is_resting() {
            return;
        }
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
        let is_due = self.packets.queue.len() >= self.packets.len && !self.is_resting();
        is_due.then_some(self.packets.due)
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
        match (said, self.outgoing.pause) {
            (1.., _) => Taken::Words,
            (0, Pause::SendSilence | Pause::Suppress) => Taken::Silence,
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
        if self.is_resting() {
            self.leave_out(self.packets.queue.len(), give);
        }
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
                    number: self.outgoing.format.number,
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
        self.codec().sample_rate().frame_len()
    }
}

impl Outgoing {
    /// An encoder for what the peer says that it receives, and `also`.
    fn encoder(&self, also: &str) -> Box<dyn Encoder> {
        let said = [&self.format.format.fmtp, also.as_bytes()].join(&b';');
        self.codec.encoder(Parameters::new(&said))
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
            .field("codec", &self.outgoing.codec)
            .field("spurt", &self.spurt)
            .field("queued", &self.packets.queue.len())
            .finish_non_exhaustive()
    }
}

/// Samples of `duration` at `rate`.
fn samples(duration: Duration, rate: SampleRate) -> usize {
    (duration.as_millis() as usize * rate.hz() as usize) / 1000
}
