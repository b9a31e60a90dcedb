//! Digits of a stream: heard from its packets or its sound, and dialled into
//! them.
//!
//! In: telephone-event packets, frames that are heard, what to dial, ticks.
//! Out: events to the owner, packets, and tones in place of what is said. An
//! event never reaches playout. Where the peer takes no telephone-event, keys
//! are dialled as sound. RFC 4733.

use talkpath_audio::SampleRate;
use talkpath_audio::dtmf::{Detected, Detector, Key, KeyTone};
use talkpath_transport::DropReason;
use talkpath_wire::{ExtSeq, RtpPacket, Time};

use super::Stream;
use crate::MediaHappening;
use crate::call::Context;
use crate::dtmf::{
    Carriage, DialEnd, DialId, Dialler, Digit, Dtmf, Echoes, Edge, EventPacket, EventWriter,
    Inband, Press, Pressing, Receiver, Slot, Wish,
};
use crate::egress::Egress;
use crate::ends::Ends;
use crate::passing::Carried;
use crate::room::Member;
use crate::setup::Agreement;

/// What a stream keeps of digits.
pub(super) struct Digits {
    receiver: Receiver,
    /// Whether the peer ever sent an event: then its sound is not listened to.
    has_events: bool,
    /// Whether packets of the press that goes on passed to the other member of
    /// a room: he learns of it by them.
    has_passed: bool,
    listener: Option<Listener>,
    dialler: Dialler,
    writer: EventWriter,
    /// The key that is dialled as sound.
    tone: Option<KeyTone>,
    /// Keys that sounded to the peer: its echo of them is no press.
    echoes: Echoes,
    /// What is told in a moment; its memory is kept.
    told: Vec<(Pressing, Told)>,
}

/// Hears keys in sound.
struct Listener {
    detector: Detector,
    heard: Option<Heard>,
    /// Up to when it has heard everything.
    up_to: Option<Time>,
    /// Whether the application asked for it; else it is told nothing.
    application: Inband,
    /// Whether the room needs it, to dial for its others.
    room: Inband,
}

/// A key that sounds.
#[derive(Clone, Copy)]
struct Heard {
    press: Press,
    /// Whether the application was told that it began.
    told: Told,
}

/// Who learns of a press.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Told {
    /// The application and the room.
    All,
    /// The room alone.
    Room,
}

impl Digits {
    pub(super) fn new() -> Self {
        Digits {
            receiver: Receiver::new(),
            has_events: false,
            has_passed: false,
            listener: None,
            dialler: Dialler::new(),
            writer: EventWriter::new(),
            tone: None,
            echoes: Echoes::default(),
            told: Vec::with_capacity(MOST_TOLD),
        }
    }

    /// Whether something is still to be dialled.
    pub(super) fn is_dialling(&self) -> bool {
        !self.dialler.is_idle()
    }

    pub(super) fn poll_timeout(&self) -> Option<Time> {
        self.receiver.poll_timeout()
    }

    /// Listens no more; a key that sounds is over.
    fn quiet_listener(&mut self, now: Time) {
        if let Some(mut listener) = self.listener.take() {
            listener.finish(now, &mut self.told);
        }
    }

    /// Whether the sound is listened to.
    pub(super) fn listens(&self) -> bool {
        self.listener.is_some()
    }
}

impl Listener {
    fn new(rate: SampleRate) -> Self {
        Listener {
            detector: Detector::new(rate),
            heard: None,
            up_to: None,
            application: Inband::Ignored,
            room: Inband::Ignored,
        }
    }

    fn wish(&mut self, by: Wish, inband: Inband) {
        match by {
            Wish::Application => self.application = inband,
            Wish::Room => self.room = inband,
        }
    }

    fn is_wanted(&self) -> bool {
        [self.application, self.room].contains(&Inband::Detected)
    }

    /// Takes a frame that ends at `at`.
    fn push(
        &mut self,
        at: Time,
        (pcm, echoes): (&[i16], &Echoes),
        told: &mut Vec<(Pressing, Told)>,
    ) {
        let (heard, application) = (&mut self.heard, self.application);
        self.detector.push(pcm, &mut |what| {
            let new = Self::told(heard, (at, application), what);
            let is_echo = |press: &Press| echoes.is_echo(press.digit, at);
            match new {
                // Its end will not be told either.
                Some((Pressing::Began(press), _)) if is_echo(&press) => *heard = None,
                new => told.extend(new),
            }
        });
    }

    fn finish(&mut self, at: Time, told: &mut Vec<(Pressing, Told)>) {
        let (heard, application) = (&mut self.heard, self.application);
        self.detector.finish(&mut |what| {
            told.extend(Self::told(heard, (at, application), what));
        });
    }

    fn told(
        heard: &mut Option<Heard>,
        (at, application): (Time, Inband),
        what: Detected,
    ) -> Option<(Pressing, Told)> {
        match what {
            Detected::Began { key, level } => {
                let quieter = -level.dbm0();
                let press = Press {
                    digit: Digit::from_char(key.as_char())?,
                    began: at,
                    duration: core::time::Duration::ZERO,
                    // The cast saturates.
                    volume: (quieter.round() as u8).min(63),
                };
                let told = match application {
                    Inband::Detected => Told::All,
                    Inband::Ignored => Told::Room,
                };
                *heard = Some(Heard { press, told });
                Some((Pressing::Began(press), told))
            }
            Detected::Ended { duration, .. } => {
                let Heard { press, told } = heard.take()?;
                Some((Pressing::Ended(Press { duration, ..press }), told))
            }
        }
    }
}

impl Stream {
    /// Takes a telephone-event packet.
    pub(super) fn hear_event(
        &mut self,
        now: Time,
        (packet, seq, clock_rate): (&RtpPacket<'_>, ExtSeq, u32),
        cx: &mut Context<'_>,
    ) {
        let event = EventPacket {
            ssrc: packet.ssrc(),
            seq,
            timestamp: packet.timestamp(),
            marker: packet.marker(),
            clock_rate,
        };
        let Digits { receiver, told, .. } = &mut self.digits;
        let taken = receiver.receive(now, event, packet.payload(), &mut |what| {
            told.push((what, Told::All))
        });
        match taken {
            Ok(()) => self.heed_events(now, cx),
            Err(_) => self.count_drop(now, DropReason::Undecodable),
        }
        let place = self.audio.place.as_ref();
        let passes = place.is_some_and(|place| place.passes(packet.payload_type()).is_some());
        self.digits.has_passed |= passes;
        self.tell_digits(Carriage::Event, cx);
        // What the packet holds last may go on.
        self.digits.has_passed |= passes;
    }

    /// Its peer sends events: its sound is listened to no more, and what was
    /// heard of a key in it is over.
    fn heed_events(&mut self, now: Time, cx: &mut Context<'_>) {
        self.digits.has_events = true;
        let listener = self.digits.listener.as_mut();
        let heard = listener.and_then(|listener| listener.heard.take());
        if let Some(Heard { press, told }) = heard
            && told == Told::All
        {
            let duration = now - press.began;
            let what = Pressing::Ended(Press { duration, ..press });
            let carriage = Carriage::Sound;
            self.tell(MediaHappening::Digit { what, carriage }, cx);
        }
    }

    /// Ends presses of which nothing more came.
    pub(super) fn expire_digits(&mut self, now: Time, cx: &mut Context<'_>) {
        let Digits { receiver, told, .. } = &mut self.digits;
        receiver.handle_timeout(now, &mut |what| told.push((what, Told::All)));
        self.tell_digits(Carriage::Event, cx);
    }

    /// Ends what goes on: the stream closes.
    pub(super) fn finish_digits(&mut self, now: Time, cx: &mut Context<'_>) {
        let Digits { receiver, told, .. } = &mut self.digits;
        receiver.finish(&mut |what| told.push((what, Told::All)));
        self.tell_digits(Carriage::Event, cx);
        self.digits.quiet_listener(now);
        self.tell_digits(Carriage::Sound, cx);
        self.digits.dialler.abandon();
        self.tell_dialled(cx);
    }

    /// Listens for keys in the sound, or no more: as long as somebody wants it.
    pub(crate) fn listen_for_digits(
        &mut self,
        now: Time,
        (by, inband): (Wish, Inband),
        cx: &mut Context<'_>,
    ) {
        if inband == Inband::Detected {
            let rate = self.setup.rate;
            let listener = &mut self.digits.listener;
            listener.get_or_insert_with(|| Listener::new(rate));
        }
        if let Some(listener) = &mut self.digits.listener {
            listener.wish(by, inband);
            if !listener.is_wanted() {
                self.digits.quiet_listener(now);
                self.tell_digits(Carriage::Sound, cx);
            }
        }
    }

    /// Listens to the frame that was heard last, which ends at `at`. In a room
    /// it is heard before anybody speaks, and not once more after that.
    pub(crate) fn listen_for_keys(&mut self, at: Time, cx: &mut Context<'_>) {
        if self.digits.listens()
            && let Some(ingress) = self.audio.ingress.take()
        {
            self.hear_keys(at, ingress.frame(), cx);
            self.audio.ingress = Some(ingress);
        }
    }

    /// Listens to a frame that was heard.
    pub(super) fn hear_keys(&mut self, at: Time, heard: &[i16], cx: &mut Context<'_>) {
        let agreement = self.agreement.as_ref();
        let Digits {
            listener,
            told,
            has_events,
            echoes,
            ..
        } = &mut self.digits;
        *has_events &= agreement.is_some_and(Agreement::hears_events);
        let Some(listener) = listener else { return };
        if listener.up_to.replace(at) == Some(at) {
            return;
        }
        // Some send both: then the event counts.
        if !*has_events {
            listener.push(at, (heard, echoes), told);
            self.tell_digits(Carriage::Sound, cx);
        }
    }

    /// A key sounds to the peer at `at`: it may come back.
    pub(crate) fn expect_echo(&mut self, key: Digit, at: Time) {
        self.digits.echoes.sounds(key, at);
    }

    /// Whether its peer is told of keys by events.
    pub(crate) fn takes_events(&self) -> bool {
        let agreement = self.agreement.as_ref();
        agreement.is_some_and(Agreement::takes_events)
    }

    /// The key that sounds in what it hears, as far as it listens for any.
    pub(crate) fn key_in_sound(&self) -> Option<Digit> {
        let listener = self.digits.listener.as_ref();
        let listener = listener.filter(|_| !self.digits.has_events)?;
        listener.heard.map(|heard| heard.press.digit)
    }

    fn tell_digits(&mut self, carriage: Carriage, cx: &mut Context<'_>) {
        let mut told = core::mem::take(&mut self.digits.told);
        for (what, whom) in told.drain(..) {
            let is_known = carriage == Carriage::Event && self.digits.has_passed;
            let carries = self.is_heard_by_others() && !is_known;
            if let (Pressing::Ended(press), true) = (&what, carries) {
                let (session, stream) = (cx.session, self.index());
                let press = *press;
                let key = Carried { press, carriage };
                cx.passing.press(Member { session, stream }, key);
            }
            if let (Pressing::Began(_), Carriage::Event) = (&what, carriage) {
                self.digits.has_passed = false;
            }
            if whom == Told::All {
                self.tell(MediaHappening::Digit { what, carriage }, cx);
            }
        }
        self.digits.told = told;
    }

    /// Dials, when all before it is dialled and the peer may be sent something:
    /// what is dialled before the answer or on hold waits.
    pub(crate) fn dial(&mut self, now: Time, id: DialId, dtmf: Dtmf, cx: &mut Context<'_>) {
        let is_taken = self.can_hold_keys() && self.digits.dialler.dial(id, dtmf).is_ok();
        if is_taken {
            return self.listen(now);
        }
        let end = DialEnd::Refused;
        self.tell(MediaHappening::Dialled { id, end }, cx);
    }

    /// Whether what is sent, as far as it is agreed, is made here: what only
    /// passes has no room for keys.
    fn can_hold_keys(&self) -> bool {
        let agreement = self.agreement.as_ref();
        let agreement = agreement.filter(|agreement| agreement.remote.is_some());
        let codec = |agreement: &Agreement| agreement.send.as_ref()?.codec;
        agreement.is_none_or(|agreement| codec(agreement).is_some())
    }

    /// Whether the peer may be sent something now.
    pub(crate) fn may_be_sent_keys(&self) -> bool {
        self.transport.rtp_destination().is_ok()
    }

    /// Stops dialling.
    pub(crate) fn stop_dialling(&mut self, id: DialId, cx: &mut Context<'_>) {
        self.digits.dialler.stop(id);
        self.tell_dialled(cx);
    }

    fn tell_dialled(&mut self, cx: &mut Context<'_>) {
        while let Some((id, end)) = self.digits.dialler.poll_end() {
            self.tell(MediaHappening::Dialled { id, end }, cx);
        }
    }

    /// What this tick is for. Before the answer and on hold nothing is dialled.
    pub(super) fn next_slot(&mut self, missed: u32, cx: &mut Context<'_>) -> Slot {
        if self.is_unanswered() || !self.digits.is_dialling() {
            return Slot::Media;
        }
        let slot = match self.audio.egress.is_some() && self.may_be_sent_keys() {
            true => self.digits.dialler.tick(missed),
            false => self.digits.dialler.tick_held(missed),
        };
        self.tell_dialled(cx);
        slot
    }

    /// Sends a key in place of what the other end says.
    pub(super) fn press(
        &mut self,
        (at, missed): (Time, u32),
        slot: Slot,
        (egress, ends): (&mut Egress, &mut dyn Ends),
        cx: &mut Context<'_>,
    ) {
        let who = (cx.session, self.index());
        let clock_rate = egress.codec().clock_rate();
        let events = self.agreement.as_ref();
        let events = events.and_then(|agreement| agreement.events(clock_rate));
        let Some((number, clock_rate)) = events.map(|e| (e.number, e.format.clock_rate)) else {
            return self.sound((at, missed), slot, (egress, ends), cx);
        };
        let mut writer = core::mem::take(&mut self.digits.writer);
        let mut way = self.way_out(at, egress, cx);
        egress.hush(missed, who, ends, &mut |leaving| way.send(leaving));
        let media = way.timestamp();
        writer.write(slot, media, clock_rate, &mut |event| {
            way.send_event(number, &event)
        });
        egress.pass_tick(&mut |leaving| way.send(leaving));
        self.digits.writer = writer;
    }

    /// Makes the sound of a key in place of what the other end says.
    fn sound(
        &mut self,
        (at, missed): (Time, u32),
        slot: Slot,
        (egress, ends): (&mut Egress, &mut dyn Ends),
        cx: &mut Context<'_>,
    ) {
        let who = (cx.session, self.index());
        let mut tone = self.digits.tone.take();
        if let Slot::Down(down) = slot {
            self.expect_echo(down.digit, at);
            let begins = down.edge == Edge::Pressed || tone.is_none();
            if let (true, Some(key)) = (begins, Key::from_char(down.digit.as_char())) {
                tone = Some(KeyTone::new(key, down.length, self.setup.rate));
            } else if let (Edge::Released, Some(tone)) = (down.edge, &mut tone) {
                tone.cap(down.length);
            }
        }
        let mut way = self.way_out(at, egress, cx);
        let mut fill = |frame: &mut [i16]| match &mut tone {
            Some(tone) => {
                tone.fill(frame);
            }
            None => frame.fill(0),
        };
        egress.sound((at, missed), who, (&mut fill, ends), &mut |leaving| {
            way.send(leaving)
        });
        if let Slot::Down(_) = slot {
            self.digits.tone = tone;
        }
    }
}

/// Presses that a packet can tell of: sixteen begun and ended, and one ended.
const MOST_TOLD: usize = 40;
