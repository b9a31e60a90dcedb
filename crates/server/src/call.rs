//! `talkpath offer` and `talkpath answer`: one session against any RTP peer.
//!
//! In: descriptions and sound files. Out: descriptions, sound files and a
//! report. The order is such that what cannot work is said before the other
//! side hears of a call: files first, then ports, then descriptions.

use std::path::Path;

use talkpath::{
    Audio, Constraints, Direction, Event, Events, Existing, Interface, MediaManager, Pcap,
    Recording, SampleRate, Session, Video,
};

use crate::cli::{AnswerArguments, CallArguments, OfferArguments};
use crate::distinct;
use crate::exchange::Place;
use crate::failure::Failure;
use crate::interrupt;
use crate::network::Network;
use crate::output::{print, print_line};
use crate::plot;
use crate::recording;
use crate::refusal;
use crate::report::Report;
use crate::sound_file;
use crate::sound_rate;
use crate::talk::{Begin, Talk};

/// Calls: offers, and talks once it is answered.
pub(crate) fn offer(arguments: &OfferArguments) -> Result<u8, Failure> {
    let call = &arguments.call;
    let (ours, theirs) = (
        Place::target(&arguments.sdp_out),
        Place::source(&arguments.answer),
    );
    let side = Side::prepare(
        call,
        ("--sdp-out", &arguments.sdp_out),
        ("--answer", &arguments.answer),
    )?;
    let (session, offer) = side
        .manager
        .create_offer(constraints(call, sound_rate::best(&call.codecs)))?;
    let capture = side.capture(call, &session)?;
    // Whoever answers has seen the offer first.
    let leftover = theirs.leftover();
    ours.write(offer.as_bytes(), call.wait)?;
    eprintln!("offer written to {ours}");
    let answer = theirs.read("answer", leftover.as_ref(), call.wait)?;
    let applied = session.apply_answer(&answer[..]);
    applied.map_err(|error| refusal::answer(error, &answer).at(theirs.holding("answer")))?;
    let talk = Talk::begin(call, session, side.events)?;
    let report = talk.run(Begin::Now, capture);
    conclude(call, &ours, &report.with_trial(side.network.trial()))
}

/// Is called: answers an offer, and talks.
pub(crate) fn answer(arguments: &AnswerArguments) -> Result<u8, Failure> {
    let call = &arguments.call;
    let (ours, theirs) = (
        Place::target(&arguments.sdp_out),
        Place::source(&arguments.offer),
    );
    let side = Side::prepare(
        call,
        ("--offer", &arguments.offer),
        ("--sdp-out", &arguments.sdp_out),
    )?;
    let offer = theirs.read("offer", None, call.wait)?;
    let rate = sound_rate::answering(&call.codecs, &offer);
    let accepted = side
        .manager
        .accept_offer(&offer[..], constraints(call, rate));
    let (session, answer) = accepted
        .map_err(|error| refusal::offer(error, &offer, &call.codecs).at(theirs.holding("offer")))?;
    let capture = side.capture(call, &session)?;
    let talk = Talk::begin(call, session, side.events)?;
    ours.write(answer.as_bytes(), call.wait)?;
    eprintln!("answer written to {ours}");
    let report = talk.run(Begin::AtFirstPacket, capture);
    conclude(call, &ours, &report.with_trial(side.network.trial()))
}

/// What one side needs before it has a session.
struct Side {
    manager: MediaManager,
    events: Events<Event>,
    network: Network,
}

impl Side {
    /// Checks what can be checked, and builds a manager.
    fn prepare(
        call: &CallArguments,
        first: (&'static str, &Path),
        second: (&'static str, &Path),
    ) -> Result<Self, Failure> {
        distinct::check(&[
            (first.0, Some(first.1)),
            (second.0, Some(second.1)),
            ("--play", call.play.as_deref()),
            ("--record", call.record.as_deref()),
            ("--pcap", call.pcap.as_deref()),
            ("--plot", call.plot.as_deref()),
        ])?;
        if let Some(path) = &call.play {
            sound_file::length(path)?;
        }
        if let Some(path) = &call.record {
            recording::check(path)?;
        }
        for path in call.record.iter().chain(&call.pcap) {
            sound_file::check_target(path)?;
        }
        call.plot.as_deref().map_or(Ok(()), plot::check)?;
        interrupt::listen()?;
        let mut interface = Interface::new(call.address);
        if let Some(advertised) = call.advertise {
            interface = interface.advertised(advertised);
        }
        let network = Network::new(&call.network);
        let builder = network.under(MediaManager::builder().interface(interface));
        let manager = builder.ports(call.ports.clone()).build()?;
        if let Some(overlap) = manager.ephemeral_overlaps().first() {
            let (first, last) = (overlap.start(), overlap.end());
            eprintln!(
                "warning: ports {first}-{last} of --ports are also given to programs that ask for \
                 any port; a range outside of them is safer"
            );
        }
        let events = manager.events();
        Ok(Side {
            manager,
            events,
            network,
        })
    }

    fn capture(
        &self,
        call: &CallArguments,
        session: &Session,
    ) -> Result<Option<Recording>, Failure> {
        let capture = call
            .pcap
            .as_ref()
            .map(|path| session.record(Pcap::new(path).existing(Existing::Replace)));
        Ok(capture.transpose()?)
    }
}

/// What is wanted, heard at `rate` if nobody said at which.
fn constraints(call: &CallArguments, rate: SampleRate) -> Constraints {
    let codecs = call.codecs.iter().cloned();
    let mut audio = match Direction::from(call.direction) {
        Direction::SendRecv => Audio::sendrecv(codecs),
        Direction::SendOnly => Audio::sendonly(codecs),
        Direction::RecvOnly => Audio::recvonly(codecs),
        Direction::Inactive => Audio::inactive(codecs),
    };
    audio = audio
        .rate(call.rate.unwrap_or(rate))
        .rtcp_mux(call.rtcp_mux.into());
    if let Some(millis) = call.delay {
        let delay = std::time::Duration::from_millis(millis.into());
        audio = audio.playout(talkpath::Playout::Fixed(delay));
    }
    if let Some(millis) = call.ptime {
        audio = audio.ptime(std::time::Duration::from_millis(millis.into()));
    }
    let wanted = Constraints::from(audio).source_policy(call.source_policy.into());
    match call.video[..] {
        [] => wanted,
        // Nothing here makes pictures.
        _ => wanted.and_video(Video::recvonly(call.video.iter().copied())),
    }
}

/// Prints what it came to.
fn conclude(call: &CallArguments, ours: &Place, report: &Report) -> Result<u8, Failure> {
    match (call.json, ours) {
        (true, _) => print_line(report.to_json()),
        // Standard output holds our description, and nothing else.
        (false, Place::Standard(_)) => eprint!("{report}"),
        (false, Place::File(_)) => print(&report.to_string()),
    }
    match report.failed_file() {
        Some(failed) => Err(Failure::new(failed)),
        None if call.require_media && !report.was_heard() => Err(Failure::new(
            "nothing was heard, and --require-media asks for it",
        )),
        None => Ok(0),
    }
}
