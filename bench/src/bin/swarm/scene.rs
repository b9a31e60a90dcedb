//! One seed: a world, its applications, their calls, what goes wrong, and the
//! oracles that watch.
//!
//! In: a seed and how long to go on. Out: a hash of the wire and how many
//! call-hours passed, or the violation that was found.

use std::collections::BTreeMap;
use std::time::Duration;

use talkpath::{Event, Happening, SessionId, SourcePolicy, Time};
use talkpath_sim::{
    AWKWARD_STARTS, Filtering, Held, Link, LogDetail, Mapping, Nat, Rng, ScriptedPeer, World,
};

use crate::chaos::{Aim, Chaos, Fault, spray};
use crate::dice::Dice;
use crate::end::{Account, TOO_LOUD};
use crate::party::Party;
use crate::talk::Talk;
use crate::violation::{Violation, require};
use crate::wire::{Key, Wire};

/// What a scene came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Outcome {
    /// The hash of the wire, and how many datagrams there were.
    pub(crate) wire: (u64, u64),
    /// Virtual time of established calls, added up.
    pub(crate) talked: Duration,
    pub(crate) calls: u64,
    pub(crate) events: u64,
}

/// Whether a scene tells what happens in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Telling {
    Quiet,
    Aloud,
}

/// A world with everything in it.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) rng: Rng,
    pub(crate) chaos: Chaos,
    pub(crate) policy: SourcePolicy,
    pub(crate) parties: Vec<Party>,
    pub(crate) talks: Vec<Talk>,
    pub(crate) wire: Wire,
    pub(crate) accounts: Vec<Account>,
    pub(crate) outcome: Outcome,
    /// Every session there was, by its party and number.
    pub(crate) keys: BTreeMap<(usize, SessionId), Key>,
    nat: Option<Nat>,
    stranger: ScriptedPeer,
    weather_until: Time,
    looked: Time,
    telling: Telling,
}

impl Scene {
    /// Plays a seed to its end: `length` of trouble, then a heal, then nothing.
    pub(crate) fn play(
        seed: u64,
        length: Duration,
        telling: Telling,
    ) -> Result<Outcome, Violation> {
        let mut scene = Scene::new(seed, telling)?;
        let end = scene.world.now() + length;
        while scene.world.now() < end {
            scene.act()?;
            let beat = scene.rng.millis(20, 1_500);
            scene.pass(beat)?;
        }
        scene.heal()?;
        scene.end()
    }

    fn new(seed: u64, telling: Telling) -> Result<Self, Violation> {
        let mut rng = Rng::stream(seed, 0x5ea);
        let start = *rng.pick(&AWKWARD_STARTS);
        let world = World::starting_at(seed, start);
        world.keep_wire_log(LogDetail::Records);
        let chaos = Chaos::draw(&mut rng);
        let behind_nat = chaos.has(Fault::Nat);
        let nat = behind_nat.then(|| {
            let filtering = *rng.pick(&[
                Filtering::EndpointIndependent,
                Filtering::AddressDependent,
                Filtering::AddressAndPortDependent,
            ]);
            world.nat("203.0.113.1", Mapping::EndpointIndependent, filtering)
        });
        let mut parties = Vec::new();
        for ip in HOSTS {
            let host = match &nat {
                Some(nat) if ip == HOSTS[1] => world.host(ip).behind(nat),
                _ => world.host(ip),
            };
            parties.push(Party::new(&world, ip, host, &mut rng));
        }
        let mut scene = Scene {
            stranger: world.host(STRANGER).peer(6_000),
            policy: if behind_nat {
                SourcePolicy::Learn
            } else {
                SourcePolicy::Signalled
            },
            weather_until: start,
            looked: start,
            wire: Wire::default(),
            accounts: Vec::new(),
            talks: Vec::new(),
            keys: BTreeMap::new(),
            outcome: Outcome::default(),
            world,
            rng,
            chaos,
            parties,
            nat,
            telling,
        };
        scene.tell(|s| format!("starts at {start:?}, {:?}, {:?}", s.policy, s.chaos));
        for party in &mut scene.parties {
            scene.wire.watch(party.ip.parse().expect("an IP address"));
            let started = party.start();
            started.map_err(|error| Violation::new("operation", error.to_string()))?;
        }
        Ok(scene)
    }

    /// Says what happens, if anybody listens.
    pub(crate) fn tell(&self, what: impl FnOnce(&Self) -> String) {
        if self.telling == Telling::Aloud {
            println!("{:?} {}", self.world.now(), what(self));
        }
    }

    /// One thing happens, of the network, the machines or the applications.
    fn act(&mut self) -> Result<(), Violation> {
        if self.world.now() >= self.weather_until {
            self.change_weather();
        }
        match self.rng.below(10) {
            0 if self.chaos.has(Fault::Stall) => {
                let party = self.rng.below(HOSTS.len() as u64) as usize;
                let how_long = self.parties[party].stall(&mut self.rng);
                self.tell(|_| format!("{} stalls for {how_long:?}", HOSTS[party]));
            }
            1 if self.chaos.has(Fault::System) && self.rng.chance(0.2) => {
                self.chaos.plan_system_fault(&mut self.rng, &self.world);
            }
            2 if self.rng.chance(0.1) => {
                if let Some(nat) = &self.nat {
                    nat.rebind();
                    self.tell(|_| "the NAT forgets".into());
                }
            }
            3 => self.spoil_a_disk(),
            4 if self.chaos.has(Fault::ManagerDrop) && self.rng.chance(0.05) => {
                self.restart_a_party()?;
            }
            _ => self.do_something()?,
        }
        Ok(())
    }

    fn change_weather(&mut self) {
        for from in HOSTS {
            for to in HOSTS.into_iter().filter(|to| *to != from) {
                let link = self.chaos.link(&mut self.rng);
                self.world.link(from, to, link);
            }
        }
        self.weather_until = self.world.now() + self.rng.millis(3_000, 20_000);
    }

    fn spoil_a_disk(&mut self) {
        let party = self.rng.below(HOSTS.len() as u64) as usize;
        let disk = self.parties[party].host.disk();
        match self.rng.below(4) {
            0 if self.chaos.has(Fault::SlowDisk) => disk.slow_down(self.rng.millis(0, 10)),
            1 if self.chaos.has(Fault::FullDisk) => disk.full_after(self.rng.below(100_000)),
            _ => {
                disk.make_room();
                disk.slow_down(Duration::ZERO);
            }
        }
    }

    /// An application ends in the middle of its calls and starts again.
    fn restart_a_party(&mut self) -> Result<(), Violation> {
        let party = self.rng.below(HOSTS.len() as u64) as usize;
        if !self.parties[party].is_prompt() {
            return Ok(());
        }
        self.tell(|_| format!("{} ends and starts again", HOSTS[party]));
        self.world.faults().clear();
        let talks = std::mem::take(&mut self.talks);
        let (mut gone, stay): (Vec<_>, Vec<_>) = talks
            .into_iter()
            .partition(|talk| talk.ends.iter().any(|end| end.party == party));
        self.talks = stay;
        if let Some(office) = self.parties[party].office.take() {
            let ended = office.manager.now();
            for event in office.end()? {
                self.note(party, &event)?;
            }
            let ends = gone.iter_mut().flat_map(|talk: &mut Talk| &mut talk.ends);
            let its = ends.filter(|end| end.party == party);
            let tapes: Vec<_> = its.filter_map(|end| end.recording.take()).collect();
            for tape in tapes {
                self.find_tape(party, tape, ended)?;
            }
            self.keys.retain(|(owner, _), _| *owner != party);
        }
        let started = self.parties[party].start();
        started.map_err(|error| Violation::new("operation", error.to_string()))?;
        for talk in gone {
            self.hang_up(talk)?;
        }
        Ok(())
    }

    /// Lets time pass: everybody speaks and listens, a stranger may spray.
    pub(crate) fn pass(&mut self, time: Duration) -> Result<(), Violation> {
        let mut left = time;
        while left > Duration::ZERO {
            let slice = left.min(BEAT);
            left -= slice;
            let now = self.world.now();
            for talk in &mut self.talks {
                for voice in talk.ends.iter_mut().filter_map(|end| end.voice.as_mut()) {
                    voice.live(now, slice, &mut self.rng);
                }
                if talk.is_established {
                    self.outcome.talked += slice;
                }
            }
            self.disturb();
            self.world.run_for(slice);
            if self.world.now().saturating_since(self.looked) > LOOK_EVERY {
                self.look()?;
            }
        }
        Ok(())
    }

    fn disturb(&mut self) {
        if !self.chaos.has(Fault::Stranger) || !self.rng.chance(0.3) {
            return;
        }
        let targets = self.wire.held();
        let aim = match self.policy {
            SourcePolicy::Signalled => Aim::Everything,
            _ => Aim::Noise,
        };
        for _ in 0..self.rng.below(4) {
            if targets.is_empty() {
                return;
            }
            let to = *self.rng.pick(&targets);
            spray(&mut self.rng, &self.stranger, to, aim);
        }
    }

    /// Looks at what was told and what was sent.
    pub(crate) fn look(&mut self) -> Result<(), Violation> {
        self.looked = self.world.now();
        for party in 0..self.parties.len() {
            self.take_news(party)?;
        }
        let records = self.world.take_wire_log();
        self.wire.judge(&records)?;
        if self.policy == SourcePolicy::Signalled {
            let voices = self.talks.iter().flat_map(|talk| &talk.ends);
            let loudest = voices
                .filter_map(|end| end.voice.as_ref())
                .map(|voice| voice.peak);
            let loudest = loudest.max().unwrap_or(0);
            require(loudest < TOO_LOUD, "stranger", || {
                format!("a sample of {loudest} was heard, which only the stranger says")
            })?;
        }
        Ok(())
    }

    fn take_news(&mut self, party: usize) -> Result<(), Violation> {
        let Some(office) = &mut self.parties[party].office else {
            return Ok(());
        };
        for event in office.news()? {
            self.outcome.events += 1;
            self.note(party, &event)?;
        }
        Ok(())
    }

    /// What an event means for the books.
    fn note(&mut self, party: usize, event: &Event) -> Result<(), Violation> {
        self.tell(|_| format!("{}: {:?} {:?}", HOSTS[party], event.session, event.what));
        let faulty = self.chaos.has(Fault::System);
        let Some(key) = self.keys.get(&(party, event.session)).copied() else {
            return Ok(());
        };
        match &event.what {
            Happening::SourceChanged { change, .. } => {
                let ip = change.to.ip();
                let named = self.policy != SourcePolicy::Signalled || self.wire.knows(key, ip);
                require(named, "destination", || {
                    format!("{ip} was never signalled: {change:?}")
                })?;
                self.wire.allow(key, change.to);
            }
            Happening::Closed { reason } => {
                let ends = self.talks.iter_mut().flat_map(|talk| &mut talk.ends);
                // One that was not hung up.
                for end in ends.filter(|end| end.key == key) {
                    require(faulty, "closed", || format!("a live session: {reason:?}"))?;
                    end.broken = true;
                }
            }
            what => self.hear_digit(key, what)?,
        }
        Ok(())
    }

    /// Everything works again: everybody must be heard.
    fn heal(&mut self) -> Result<(), Violation> {
        self.tell(|_| "heals".into());
        self.world.faults().clear();
        self.chaos = self.chaos.aftermath();
        for from in HOSTS {
            for to in HOSTS.into_iter().filter(|to| *to != from) {
                self.world
                    .link(from, to, Link::after(Duration::from_millis(20)));
            }
        }
        for party in &self.parties {
            party.host.disk().make_room();
            party.host.disk().slow_down(Duration::ZERO);
        }
        // The last stall, and what is on its way.
        self.pass(Duration::from_millis(1_500))?;
        self.look()?;
        self.resume_talks()?;
        self.pass(RESUMED_WITHIN)?;
        self.each_voice(|voice| voice.reset());
        self.pass(Duration::from_secs(2))?;
        for talk in self.talks.iter().filter(|talk| talk.is_whole()) {
            talk.judge_sound()?;
        }
        self.judge_digits()
    }

    /// Ends everything and proves that nothing is held.
    fn end(mut self) -> Result<Outcome, Violation> {
        self.tell(|_| "ends".into());
        for talk in std::mem::take(&mut self.talks) {
            self.hang_up(talk)?;
        }
        self.pass(Duration::from_millis(500))?;
        self.look()?;
        for party in &self.parties {
            let used = party
                .office
                .as_ref()
                .map_or(0, |office| office.manager.ports_in_use());
            require(used == 0, "at rest", || {
                format!("{}: {used} ports in use", party.ip)
            })?;
        }
        for party in 0..self.parties.len() {
            if let Some(office) = self.parties[party].office.take() {
                for event in office.end()? {
                    self.note(party, &event)?;
                }
            }
        }
        let held = self.world.held();
        require(held == Held::default(), "at rest", || format!("{held:?}"))?;
        let moves = (0..MOST_LEFT).take_while(|_| self.world.step()).count();
        require(moves < MOST_LEFT, "at rest", || {
            "timers go on for ever".into()
        })?;
        let records = self.world.take_wire_log();
        self.wire.judge(&records)?;
        for account in &self.accounts {
            account.judge(|key, line| self.wire.delivered(key, line))?;
        }
        self.outcome.wire = (self.world.wire_hash(), self.world.wire_count());
        Ok(self.outcome)
    }
}

/// The hosts of the managers; the second may be behind a NAT.
pub(crate) const HOSTS: [&str; 3] = ["10.0.0.1", "10.1.0.2", "10.0.0.3"];
const STRANGER: &str = "198.51.100.66";
/// Half of what the rings between application and worker hold.
const BEAT: Duration = Duration::from_millis(100);
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How soon after the faults everybody is heard.
const RESUMED_WITHIN: Duration = Duration::from_secs(4);
/// Turns and scripts that may be left when everybody has gone.
const MOST_LEFT: usize = 10_000;
