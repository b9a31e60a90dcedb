//! A virtual world of calls for tests: clock, network, peers, all from one seed.
//!
//! In: a seed, hosts and the links between them, what peers send, faults. Out:
//! what an application did in it, the same each time: every datagram with its
//! fate, and a hash to compare two runs by. A manager is put into it with
//! `builder().driver(world.host("10.0.0.1").driver())`; its worker code is the
//! same as in life. Nothing sleeps: an hour of calls passes in a second.
//!
//! # An application in virtual time
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use talkpath::{Audio, Codec, MediaManager};
//! use talkpath_sim::{Link, Loss, World};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let world = World::new(42);
//! let mobile = Link::after(Duration::from_millis(60)).with_loss(Loss::Random(0.03));
//! world.link_both("10.0.0.1", "10.0.0.2", mobile);
//! let manager = |ip: &str| {
//!     let driver = Arc::new(world.host(ip).driver());
//!     MediaManager::builder().interface(ip).driver(driver).build()
//! };
//! let (alice, bob) = (manager("10.0.0.1")?, manager("10.0.0.2")?);
//!
//! let (caller, offer) = alice.create_offer(Audio::sendrecv(Codec::USUAL))?;
//! let (callee, answer) = bob.accept_offer(&offer, Audio::sendrecv(Codec::USUAL))?;
//! caller.apply_answer(&answer)?;
//! let (mut say, _) = caller.audio()?.split();
//! for _ in 0..50 {
//!     say.send_all(&[1000; 160])?; // waits for room: virtual time passes
//! }
//! world.run_for(Duration::from_secs(1));
//! assert!(callee.stats().audio().is_some_and(|audio| audio.received.packets > 40));
//! # Ok(())
//! # }
//! ```
//!
//! # A task in virtual time
//!
//! ```
//! use core::time::Duration;
//! use talkpath::driver::{Batch, Driver, Io, Next, Socket, Task};
//! use talkpath_media::{SocketKey, Transmits};
//! use talkpath_sim::{Link, Loss, World};
//!
//! /// Sends everything back.
//! struct Echo {
//!     socket: Option<Socket>,
//! }
//!
//! impl Task for Echo {
//!     fn turn(&mut self, io: &mut dyn Io) -> Next {
//!         if let Some(socket) = self.socket.take() {
//!             io.adopt(SocketKey(0), socket).expect("the key is free");
//!         }
//!         let (mut batch, mut out) = (Batch::new(8), Transmits::default());
//!         io.receive(&mut batch);
//!         batch.drain(|datagram| {
//!             if let Some(bytes) = datagram.bytes {
//!                 out.push(datagram.socket, datagram.from, bytes);
//!             }
//!         });
//!         io.send(&out, &mut |_, _| {});
//!         Next::WhenWoken
//!     }
//! }
//!
//! # fn main() -> std::io::Result<()> {
//! let world = World::new(7);
//! let driver = world.host("10.0.0.1").driver();
//! let socket = driver.bind("10.0.0.1:4000".parse().unwrap(), &Default::default())?;
//! driver.start("echo", Box::new(Echo { socket: Some(socket) }))?;
//!
//! let peer = world.host("10.0.0.2").peer(5000);
//! let lossy = Link::after(Duration::from_millis(40)).with_loss(Loss::Random(0.1));
//! world.link("10.0.0.2", "10.0.0.1", lossy);
//! for i in 0..100 {
//!     peer.send_at(world.now() + Duration::from_millis(20 * i), "10.0.0.1:4000".parse().unwrap(), b"hi");
//! }
//! world.run_for(Duration::from_secs(3));
//! assert!((80..100).contains(&peer.received().len()));
//! # Ok(())
//! # }
//! ```
//!
//! # Rules of the world
//!
//! * Time moves only in `run_*`, `step` and `block_on`, and in functions under
//!   test that wait. Whoever waits for what cannot come gets a panic that says
//!   so, not a hang.
//! * What happens at one moment happens in the order in which it was asked for.
//! * Each link, each translator and the entropy of drivers have a chance of
//!   their own from the seed: a change in one place does not reshuffle another.
//! * Use one thread. Others are safe, but then the order is not the seed's.
#![forbid(unsafe_code)]

mod clock;
mod disk;
mod driver;
mod engine;
mod faults;
mod host;
mod io;
mod link;
mod nat;
mod network;
mod peer;
mod phone;
mod queue;
mod rng;
mod rtp_twin;
mod task;
mod transit;
mod wire_log;
mod world;

pub use disk::Disk;
pub use driver::VirtualDriver;
pub use faults::{Call, Faults};
pub use host::{Host, Nat};
pub use link::{Jitter, Link, Loss, Verdict};
pub use nat::{Filtering, Mapping};
pub use peer::{Arrival, ScriptedPeer};
pub use phone::{Keep, Phone, PhoneSetup, Ticks, pcmu};
pub use rng::Rng;
pub use rtp_twin::{Heard, RtpTwin, Summary};
pub use wire_log::{Fate, LogDetail, Record};
pub use world::{AWKWARD_STARTS, Held, Refusals, World};
