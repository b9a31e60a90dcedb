//! Samples in and out: what is heard and said in a tick, alone or in a room.

use core::time::Duration;

use talkpath_audio::{Parameters, SampleRate};
use talkpath_wire::Time;

use super::{Audio, Incoming, Stream};
use crate::MediaHappening;
use crate::call::Context;
use crate::dtmf::Slot;
use crate::egress::{Egress, Mute, Outgoing, Pause, Speaker};
use crate::ends::{Ends, Tick};
use crate::ingress::Ingress;
use crate::place::{Onward, Place, Voice};
use crate::playout::FrameKind;
use crate::setup::Agreement;
use crate::stats::Levels;
use crate::ticker::{TICK, Turn};

impl Stream {
    /// Begins to tick: somebody sits at the other end.
    pub(crate) fn listen(&mut self, now: Time) {
        self.audio.attended = true;
        if self.audio.ticker.is_none() && self.audio.place.is_none() {
            self.rtp.sender.catch_up(now);
            self.audio.ticker = Some(self.audio.count.ticker(now));
            self.fit_audio();
        }
    }

    /// Whether anybody listens or speaks here beside a room.
    pub(crate) fn is_attended(&self) -> bool {
        self.audio.attended
    }

    /// Whether packets alone will not do: somebody listens or speaks here, or
    /// silence is to leave in place of sound.
    pub(crate) fn needs_samples(&self) -> bool {
        self.audio.attended || self.is_muted()
    }

    /// Whether silence leaves while nobody speaks.
    fn says_silence(&self) -> bool {
        let agreement = self.agreement.as_ref();
        self.setup.pause == Pause::SendSilence && agreement.is_some_and(Agreement::sends)
    }

    /// Learns whether anybody still does.
    pub(crate) fn look_for(&mut self, session: crate::SessionId, ends: &mut dyn Ends) {
        let stream = self.index();
        let is_of_use = ends.is_attended(session, stream) || self.digits.is_dialling();
        self.audio.attended = self.audio.attended && is_of_use;
    }

    /// Takes or changes its place in a room, or leaves it.
    pub(crate) fn sit(&mut self, now: Time, place: Option<Place>) {
        self.audio.ticker = None;
        self.audio.place = place;
        self.shape_formats();
        if self.audio.place.is_none() {
            self.audio.egress = None;
            match self.audio.attended || self.says_silence() {
                true => self.listen(now),
                false => self.rest(),
            }
        }
    }

    /// Does with packets and samples what was decided.
    pub(crate) fn route(&mut self, now: Time, onward: Onward, voice: Voice) {
        let Some(place) = &mut self.audio.place else {
            return;
        };
        if place.voice != voice {
            self.rtp.sender.catch_up(now);
        }
        let begins_to_pass = place.onward == Onward::Hear && onward != Onward::Hear;
        (place.onward, place.voice) = (onward, voice);
        if begins_to_pass && self.is_video() {
            self.pass_keyframe_request();
        }
        self.fit_audio();
    }

    /// Whether what is heard here goes on to the others of a room.
    pub(super) fn is_heard_by_others(&self) -> bool {
        let place = self.audio.place.as_ref();
        place.is_some_and(|place| place.onward == Onward::Hear)
    }

    /// Its place, if it has one.
    pub(crate) fn place(&self) -> Option<&Place> {
        self.audio.place.as_ref()
    }

    /// Nobody is left at the other end: nothing is decoded for nobody.
    fn rest(&mut self) {
        self.audio.ticker = None;
        self.audio.ingress = None;
        self.audio.egress = None;
    }

    /// The highest rate at which its samples are of use.
    pub(super) fn rate_of_use(&self) -> SampleRate {
        let place = self.audio.place.as_ref();
        place.map_or(self.setup.rate, |place| place.rate.max(self.setup.rate))
    }

    /// Takes the codecs of what may arrive in the shape that is of use.
    pub(super) fn shape_formats(&mut self) {
        let rate = self.rate_of_use();
        for format in &mut self.formats {
            *format = Incoming::of(&format.numbered, rate);
        }
    }

    /// Makes the audio paths fit what was agreed and who listens.
    pub(super) fn fit_audio(&mut self) {
        let (hears, speaks) = match &self.audio.place {
            Some(place) => (place.onward == Onward::Hear, place.voice == Voice::Samples),
            None => (self.audio.ticker.is_some(), self.audio.ticker.is_some()),
        };
        if self.agreement.is_none() {
            return;
        }
        if !hears {
            self.audio.ingress = None;
        } else if self.audio.ingress.is_none() {
            let first = self.formats.iter().find_map(|format| format.codec);
            let ingress = first
                .and_then(|codec| Ingress::new(codec, self.setup.rate, self.setup.playout).ok());
            self.audio.ingress = ingress;
        }
        self.fit_decoders();
        match speaks {
            true => self.fit_egress(),
            false => self.audio.egress = None,
        }
    }

    /// Decoders follow what we said of what we receive.
    fn fit_decoders(&mut self) {
        let Some(ingress) = &mut self.audio.ingress else {
            return;
        };
        for format in &self.formats {
            if let Some(codec) = format.codec {
                let ours = Parameters::new(&format.numbered.format.fmtp);
                ingress.set_parameters(codec, ours);
            }
        }
    }

    /// Learns from the peer's report which share of our packets it lost, in
    /// 1/256, for codecs that can send redundancy against it.
    pub(super) fn expect_loss(&mut self, share: u8) {
        let percent = (u16::from(share) * 100).div_ceil(256) as u8;
        // What was lost once may be lost again: half of it is believed in for
        // each report without loss.
        self.audio.loss = percent.max(self.audio.loss / 2);
        if let Some(egress) = &mut self.audio.egress {
            egress.expect_loss(self.audio.loss);
        }
    }

    fn fit_egress(&mut self) {
        let rate = self.setup.rate;
        let rate_of_use = self.rate_of_use();
        let agreement = self.agreement.as_ref();
        let pause = self.setup.pause;
        let outgoing = agreement.and_then(|agreement| {
            let send = agreement.send.as_ref()?;
            let codec = send.codec_at(rate_of_use)?;
            let noise = agreement.noise(codec.clock_rate());
            Some(Outgoing {
                codec,
                format: send.clone(),
                packet: agreement.packet,
                pause,
                noise: noise.map(|noise| noise.number),
            })
        });
        let Some(outgoing) = outgoing else {
            self.audio.egress = None;
            return;
        };
        let clock_rate = outgoing.codec.clock_rate();
        let fits = match &mut self.audio.egress {
            Some(egress) if *egress.outgoing() == outgoing => Ok(()),
            Some(egress) => egress.change(outgoing, rate),
            none => Egress::new(outgoing, rate).map(|mut egress| {
                egress.mute = self.audio.mute;
                *none = Some(egress);
            }),
        };
        if let Some(egress) = &mut self.audio.egress {
            egress.expect_loss(self.audio.loss);
        }
        match fits {
            // One that has sent keeps its clock until the next frame is said.
            Ok(()) if !self.rtp.sender.has_spoken() => self.rtp.sender.set_clock_rate(clock_rate),
            Ok(()) => {}
            // Rates that cannot be resampled never pass negotiation.
            Err(_) => self.audio.egress = None,
        }
    }

    /// Does the ticks that are due, at most two late ones. In a room the room
    /// ticks.
    pub(super) fn tick(&mut self, now: Time, ends: &mut dyn Ends, cx: &mut Context<'_>) {
        while let Some(turn) = self.audio.ticker.as_mut().and_then(|it| it.turn(now)) {
            self.look_for(cx.session, ends);
            if self.setup.pause != Pause::SendSilence && !self.audio.attended {
                self.rest();
                return;
            }
            self.pull(turn);
            self.speak(turn, None, ends, cx);
            self.attend(turn, None, ends, cx);
        }
        self.flush_packets(now, cx);
    }

    /// Makes the next frame that is heard.
    pub(crate) fn pull(&mut self, turn: Turn) {
        let Audio {
            ingress,
            place,
            levels,
            kind,
            ..
        } = &mut self.audio;
        *kind = match ingress {
            Some(ingress) => {
                levels.heard = ingress.level();
                let (_, kind) = ingress.tick(turn.at, self.transport.drops_mut());
                if let Some(place) = place {
                    let (pcm, rate) = ingress.decoded();
                    place.hear(pcm, rate);
                }
                kind
            }
            None => FrameKind::Silence,
        };
        levels.silent = match levels.heard >= Levels::SILENCE {
            true => levels.silent + TICK,
            false => Duration::ZERO,
        };
    }

    /// What was heard last, for the room; nothing when nothing was.
    pub(crate) fn heard(&self) -> Option<&[i16]> {
        let heard = self.audio.place.as_ref()?.heard();
        // The noise that fills a pause is there for everybody.
        let ingress = self.audio.ingress.as_ref();
        let is_noise = ingress.is_some_and(Ingress::hears_noise) && heard.iter().any(|s| *s != 0);
        (self.audio.kind != FrameKind::Silence || is_noise).then_some(heard)
    }

    /// Says a frame of the other end, or else of the room.
    pub(crate) fn speak(
        &mut self,
        turn: Turn,
        room: Option<&[i16]>,
        ends: &mut dyn Ends,
        cx: &mut Context<'_>,
    ) {
        let who = (cx.session, self.setup.stream);
        let slot = self.next_slot(turn.missed, cx);
        let Some(mut egress) = self.audio.egress.take() else {
            // What is said before the answer waits for it. What is said where
            // nothing may be is taken and forgotten, so that nobody waits for
            // ever.
            if !self.is_unanswered() && self.audio.attended {
                ends.say(who.0, who.1, &mut self.audio.quiet);
                self.audio.quiet.fill(0);
            }
            return;
        };
        self.audio.levels.said = egress.level();
        self.take_clock(turn.at, egress.codec().clock_rate(), cx);
        if slot != Slot::Media {
            self.press((turn.at, turn.missed), slot, (&mut egress, ends), cx);
            self.audio.egress = Some(egress);
            return;
        }
        let mut place = self.audio.place.take();
        let rate = egress.codec().sample_rate();
        let words = place.as_mut().zip(room);
        let words = words.map(|(place, pcm)| place.say(pcm, rate));
        let mut way = self.way_out(turn.at, &egress, cx);
        egress.tick(turn, who, (words, ends), &mut |leaving| way.send(leaving));
        self.audio.place = place;
        self.audio.egress = Some(egress);
    }

    /// Lets those who listen hear the tick.
    pub(crate) fn attend(
        &mut self,
        turn: Turn,
        room: Option<&[i16]>,
        ends: &mut dyn Ends,
        cx: &mut Context<'_>,
    ) {
        let Audio {
            ingress,
            egress,
            place,
            quiet,
            mute,
            kind,
            count,
            attended,
            ..
        } = &mut self.audio;
        let number = count.number(turn);
        let said = match (egress, place, room) {
            (Some(egress), _, _) if egress.speaker() == Speaker::End => egress.said(),
            (Some(_), Some(place), Some(room)) if *mute == Mute::Off => {
                place.say_aside(room, self.setup.rate)
            }
            _ => &quiet[..],
        };
        let heard = ingress.as_ref().map_or(&quiet[..], Ingress::frame);
        let kind = *kind;
        if let Some(number) = number.filter(|_| *attended) {
            let tick = Tick {
                number,
                heard,
                kind,
                said,
            };
            ends.hear(cx.session, self.setup.stream, tick);
        }
        if kind == FrameKind::Heard && !self.counted.heard {
            self.counted.heard = true;
            let packets = self.rtp.sources.counts().packets;
            self.tell(MediaHappening::Heard { packets }, cx);
        }
        if self.digits.listens()
            && let Some(ingress) = self.audio.ingress.take()
        {
            self.hear_keys(turn.at, ingress.frame(), cx);
            self.audio.ingress = Some(ingress);
        }
    }

    /// Whether the peer has not answered yet for the first time.
    pub(super) fn is_unanswered(&self) -> bool {
        let agreement = self.agreement.as_ref();
        agreement.is_none_or(|agreement| agreement.remote.is_none())
    }

    /// Lets packets leave that are due between ticks.
    pub(super) fn flush_packets(&mut self, now: Time, cx: &mut Context<'_>) {
        let Some(mut egress) = self.audio.egress.take() else {
            return;
        };
        self.take_clock(now, egress.codec().clock_rate(), cx);
        let mut way = self.way_out(now, &egress, cx);
        egress.flush(now, &mut |leaving| way.send(leaving));
        self.audio.egress = Some(egress);
    }
}
