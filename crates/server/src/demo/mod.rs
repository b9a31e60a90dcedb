//! `talkpath demo`: the story of a call in seven steps, over real UDP.
//!
//! In: next to nothing. Out: each step in plain words, or one JSON document;
//! a status of 1 when what was counted does not add up. Everything printed is
//! read back from the manager, its sessions, their statistics and events.

mod dial;
mod outcome;
mod packets;
mod party;
mod talk;
mod teller;

use std::time::{Duration, Instant};

use talkpath::{
    Audio, Codec, Event, Events, Existing, FileDone, Happening, MediaManager, Notice, Pcap,
    Pending, PortOrder, Recording, RtcpMux,
};

use crate::cli::DemoArguments;
use crate::demo::outcome::{Happened, Outcome, check};
use crate::demo::party::Party;
use crate::demo::talk::Plan;
use crate::demo::teller::Teller;
use crate::failure::Failure;
use crate::network::Network;
use crate::output::print_line;
use crate::{distinct, interrupt, plot, recording, sound_file, sound_rate};

/// Tells the story; 1 when the numbers do not add up.
pub(crate) fn run(arguments: &DemoArguments) -> Result<u8, Failure> {
    distinct::check(&[
        ("--play", arguments.play.as_deref()),
        ("--record", arguments.record.as_deref()),
        ("--pcap", arguments.pcap.as_deref()),
        ("--plot", arguments.plot.as_deref()),
    ])?;
    let plan = Plan::of(arguments)?;
    if let Some(path) = &arguments.record {
        recording::check(path)?;
    }
    for path in arguments.record.iter().chain(&arguments.pcap) {
        sound_file::check_target(path)?;
    }
    arguments.plot.as_deref().map_or(Ok(()), plot::check)?;
    interrupt::listen()?;
    let teller = Teller::new(arguments.json);
    let outcome = Story::begin(arguments, &teller)?.tell(&plan)?;
    let problems = check(&outcome, &plan);
    if arguments.json {
        print_line(outcome.to_json(&problems));
    } else if problems.is_empty() && !outcome.interrupted {
        teller.blank();
        let lost = outcome.trial.filter(|trial| trial.harm.lost > 0);
        let received = lost.map_or("received", |_| "received, or lost as was asked for");
        teller.say(&format!(
            "Everything adds up: what was sent was {received}, and nothing is left behind."
        ));
    }
    if outcome.interrupted {
        return Err(Failure::interrupted(
            "both sides talked; the call was closed",
        ));
    }
    if problems.is_empty() {
        return Ok(0);
    }
    let hint = match outcome.is_mute() {
        true => "--play takes a file that sounds for longer",
        false => "a firewall on the loopback interface or a machine under great load would do this",
    };
    let problems = problems.join("; ");
    Err(Failure::new(format!("the demo does not add up: {problems}")).hint(hint))
}

/// A manager and two parties whose call is told.
struct Story<'a> {
    teller: &'a Teller,
    arguments: &'a DemoArguments,
    network: Network,
    manager: MediaManager,
    events: Events<Event>,
}

impl<'a> Story<'a> {
    /// Step 1: the manager.
    fn begin(arguments: &'a DemoArguments, teller: &'a Teller) -> Result<Self, Failure> {
        let network = Network::new(&arguments.network);
        let builder = MediaManager::builder()
            .interface("127.0.0.1")
            .ports(arguments.ports.clone())
            .port_order(PortOrder::Sequential);
        let manager = network.under(builder).build()?;
        let events = manager.events();
        for interface in manager.interfaces() {
            let (first, last) = (interface.ports.start(), interface.ports.end());
            let address = interface.address;
            teller.step(&format!(
                "A media manager on {address}, UDP ports {first}-{last}"
            ));
        }
        let (sessions, ports) = (manager.sessions().len(), manager.ports_in_use());
        teller.say(&format!(
            "It has {sessions} sessions and holds {ports} ports."
        ));
        Ok(Story {
            network,
            teller,
            arguments,
            manager,
            events,
        })
    }

    fn tell(self, plan: &Plan) -> Result<Outcome, Failure> {
        let caller = self.caller()?;
        let callee = self.callee(&caller)?;
        let capture = self.arguments.pcap.as_ref();
        let capture = capture
            .map(|path| {
                callee
                    .session
                    .record(Pcap::new(path).existing(Existing::Replace))
            })
            .transpose()?;
        self.activate(&caller, &callee)?;
        let recording = self.arguments.record.as_ref();
        let recording = match recording {
            Some(path) => {
                let wanted = recording::of_what_is_heard(path, None)?;
                Some(callee.session.record(wanted)?)
            }
            None => None,
        };
        let mut talked = talk::talk(
            self.teller,
            (&self.manager, &self.network),
            plan,
            [&caller, &callee],
        )?;
        if let Some(dtmf) = &self.arguments.dtmf {
            let events = self.manager.events();
            let parties = [&caller, &callee];
            talked.dialled = Some(dial::dial(self.teller, &events, dtmf, parties)?);
            talk::settle(parties, &self.network);
        }
        if let Some(path) = &self.arguments.plot {
            let [caller, callee] = std::mem::take(&mut talked.watched);
            let courses = [
                caller.course("What the caller received"),
                callee.course("What the callee received"),
            ];
            plot::draw(path, "talkpath demo", &courses)?;
        }
        self.close(caller, callee, talked, [recording, capture])
    }

    /// Step 2: the caller and its offer.
    fn caller(&self) -> Result<Party, Failure> {
        let (session, offer) = self.manager.create_offer(wanted(self.offered()))?;
        let caller = Party::new("caller", session, offer.to_string())?;
        let address = caller.local;
        self.teller
            .step(&format!("A caller at {address}, with an offer"));
        let ports = self
            .manager
            .interfaces()
            .into_iter()
            .map(|bound| bound.ports);
        if let Some(first) = ports.map(|ports| *ports.start()).next() {
            self.explain_port(&caller, first);
        }
        self.teller
            .say("Its offer goes to the callee, by SIP or any other way:");
        self.teller.quote(&caller.description);
        Ok(caller)
    }

    /// Step 3: the callee, made from the offer, and its answer: of the codecs
    /// that the caller offers it chooses one.
    fn callee(&self, caller: &Party) -> Result<Party, Failure> {
        let (session, answer) = self
            .manager
            .accept_offer(&caller.description[..], wanted(self.taken()))?;
        let callee = Party::new("callee", session, answer.to_string())?;
        let address = callee.local;
        self.teller.step(&format!(
            "A callee at {address}, made from that offer, with an answer"
        ));
        self.explain_port(&callee, caller.local.port().saturating_add(1));
        self.teller.say("Its answer goes back to the caller:");
        self.teller.quote(&callee.description);
        Ok(callee)
    }

    /// What the caller offers: what was asked for, or both laws of G.711.
    fn offered(&self) -> &[Codec] {
        match &self.arguments.codecs[..] {
            [] => &G711,
            codecs => codecs,
        }
    }

    /// What the callee takes: the first of it.
    fn taken(&self) -> &[Codec] {
        let offered = self.offered();
        offered.get(..1).unwrap_or(offered)
    }

    /// Says why a party has another port than the one that was its turn.
    fn explain_port(&self, party: &Party, turn: u16) {
        let (name, port) = (party.name, party.local.port());
        if port > turn {
            let taken = match port - turn {
                1 => format!("port {turn} is taken"),
                _ => format!("ports {turn}-{} are taken", port - 1),
            };
            self.teller.note(&format!(
                "{taken} by another program, so the {name} uses the next one, {port}"
            ));
        }
    }

    /// Step 4: the caller takes the answer.
    fn activate(&self, caller: &Party, callee: &Party) -> Result<(), Failure> {
        caller.session.apply_answer(&callee.description[..])?;
        self.teller
            .step("The caller takes the answer: both are active");
        for party in [caller, callee] {
            let words = party.agreement();
            self.teller.say(&format!("The {}: {words}.", party.name));
        }
        let ports = self.manager.ports_in_use();
        let sessions = self.manager.sessions().len();
        self.teller.say(&format!(
            "{sessions} sessions hold {ports} ports: RTCP shares the port of RTP."
        ));
        Ok(())
    }

    /// Steps 6 and 7: what was counted, and the end.
    fn close(
        &self,
        caller: Party,
        callee: Party,
        talked: talk::Talked,
        files: [Option<Recording>; 2],
    ) -> Result<Outcome, Failure> {
        let mut happened = Happened::default();
        let [recorded, captured] = files.map(|file| file.map(Recording::done));
        let mut before = [&caller, &callee].map(|party| party.watch.stats());
        for (stats, listened) in before.iter_mut().zip(&talked.listened) {
            let audio = stats.streams.first_mut();
            audio.into_iter().for_each(|audio| listened.correct(audio));
        }
        self.teller.step("Statistics, as the sessions counted them");
        for (party, stats) in [&caller, &callee].into_iter().zip(&before) {
            self.teller.statistics(party, stats);
        }
        self.teller.step("The end: goodbyes, ports back");
        let (caller, callee) = (caller.keep(), callee.keep());
        let ((caller, session), (callee, other)) = (caller, callee);
        session.close().wait_timeout(PATIENCE);
        // The callee's capture is to hold the caller's goodbye too.
        happened.collect_until(&self.events, |event| {
            matches!(event.what, Happening::Bye { .. }) && event.session == callee.id
        });
        other.close().wait_timeout(PATIENCE);
        let (recorded, captured) = (wait_for(recorded), wait_for(captured));
        let closed = |event: &Event| matches!(event.what, Happening::Closed { .. });
        happened.collect_until(&self.events, |event| {
            closed(event) && event.session == callee.id
        });
        happened.collect_rest(&self.events);
        let outcome = Outcome {
            interface: self.manager.interfaces().into_iter().next(),
            stats: before,
            parties: [caller, callee],
            notes: self.teller.notes(),
            sessions_left: self.manager.sessions().len(),
            ports_left: self.manager.ports_in_use(),
            interrupted: interrupt::is_asked(),
            trial: self.network.trial(),
            happened,
            talked,
            recorded,
            captured,
        };
        self.teller.end(&outcome);
        Ok(outcome)
    }
}

fn wanted(codecs: &[Codec]) -> Audio {
    Audio::sendrecv(codecs.iter().cloned())
        .rate(sound_rate::best(codecs))
        .rtcp_mux(RtcpMux::Only)
}

fn wait_for(file: Option<Pending<FileDone>>) -> Option<FileDone> {
    file?.wait_timeout(PATIENCE)?.ok()
}

impl Happened {
    /// Takes events until one is `wanted`, or for as long as is reasonable.
    fn collect_until(&mut self, events: &Events<Event>, wanted: impl Fn(&Event) -> bool) {
        let until = Instant::now() + PATIENCE;
        while !self.events.iter().any(&wanted) {
            let left = until.saturating_duration_since(Instant::now());
            match events.recv_timeout(left) {
                Ok(notice) => self.add(notice),
                Err(_) => return,
            }
        }
    }

    fn collect_rest(&mut self, events: &Events<Event>) {
        while let Ok(notice) = events.try_recv() {
            self.add(notice);
        }
    }

    fn add(&mut self, notice: Notice<Event>) {
        match notice {
            Notice::Event(event) => self.events.push(event),
            Notice::Lagged(lost) => self.lost += lost,
        }
    }
}

/// What the story is told with.
static G711: [Codec; 2] = Codec::G711;
/// How long an end may take; on loopback it takes none.
const PATIENCE: Duration = Duration::from_secs(2);
