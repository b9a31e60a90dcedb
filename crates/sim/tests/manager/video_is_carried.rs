//! Video is agreed on, passes a bridge as it is, and is recorded: keyframes are
//! asked for at the beginning and behind losses, not more often than needed.

use std::net::SocketAddr;
use std::time::Duration;

use crate::common::*;

use talkpath::{
    Audio, Change, Codec, Constraints, Direction, FileDone, MediaManager, Mkv, Session,
    SessionError, StreamIndex, Video, VideoCodec,
};
use talkpath_file::mkv;
use talkpath_sim::{ScriptedPeer, World};

const SERVER: &str = "10.0.0.9";
const SSRC: u32 = 0x7ee1;

/// A camera of VP8 at 25 frames a second, and its session at the server.
struct Camera {
    world: World,
    peer: ScriptedPeer,
    session: Session,
    to: SocketAddr,
    seq: u16,
    frame: u32,
    key_next: bool,
}

impl Camera {
    fn new(world: &World, server: &MediaManager, ip: &str, feedback: &str) -> Self {
        let peer = world.host(ip).peer(4002);
        let offer = format!(
            "v=0\r\no=- 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\n\
             m=video 4002 RTP/AVP 97\r\na=rtpmap:97 VP8/90000\r\na=rtcp-mux\r\n{feedback}"
        );
        let wanted = Constraints::from(Audio::sendrecv(Codec::G711))
            .and_video(Video::sendrecv(VideoCodec::ALL));
        let (session, answer) = server.accept_offer(offer.as_str(), wanted).unwrap();
        let to = addr(&format!("{SERVER}:{}", port(&answer, 1)));
        Camera {
            world: world.clone(),
            peer,
            session,
            to,
            seq: 65_000,
            frame: 0,
            key_next: true,
        }
    }

    /// Sends the next frame, in packets of 500 bytes, and waits 40 ms. One whose
    /// number is in `lost` gets lost. A keyframe follows a request for it.
    fn shoot(&mut self, lost: &[u16]) {
        let mut frame = match self.key_next {
            true => vec![0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1],
            false => vec![0x11, 2, 0],
        };
        self.key_next = false;
        frame.resize(1200, self.frame as u8);
        let parts = frame.chunks(500).enumerate();
        for (n, part) in parts {
            let last = n == 2;
            let mut packet = vec![0x80, 97 | if last { 0x80 } else { 0 }];
            packet.extend(self.seq.to_be_bytes());
            packet.extend((self.frame * 3600).to_be_bytes());
            packet.extend(SSRC.to_be_bytes());
            packet.push(if n == 0 { 0x10 } else { 0 });
            packet.extend(part);
            if !lost.contains(&self.seq) {
                self.peer.send(self.to, &packet);
            }
            self.seq = self.seq.wrapping_add(1);
        }
        self.frame += 1;
        self.world.run_for(Duration::from_millis(40));
    }

    /// The kinds of feedback that came, and their numbers.
    fn requests(&self) -> Vec<(u8, u8)> {
        let arrivals = self.peer.take_received();
        let mut found = Vec::new();
        for arrival in arrivals {
            let mut rest = &arrival.bytes[..];
            while rest.len() >= 4 && (192..=223).contains(&rest[1]) {
                let words = usize::from(u16::from_be_bytes([rest[2], rest[3]]));
                let (packet, next) = rest.split_at(4 * (words + 1));
                if packet[1] == 206 {
                    let (at, number) = match packet[0] & 31 {
                        1 => (8, 0),
                        _ => (12, packet[16]),
                    };
                    assert_eq!(packet[at..at + 4], SSRC.to_be_bytes());
                    found.push((packet[0] & 31, number));
                }
                rest = next;
            }
        }
        found
    }
}

/// Frames in a Matroska file whose first track is sound of 20 ms a frame.
fn frames_of(world: &World, done: &FileDone) -> Vec<u8> {
    assert_eq!(done.error, None);
    world.host(SERVER).disk().get(&done.path).unwrap()
}

const PLI: &str = "a=rtcp-fb:* nack pli\r\na=rtcp-fb:* ccm fir\r\n";

#[test]
fn a_recording_begins_with_a_keyframe_and_goes_on_with_one_behind_a_loss() {
    let world = World::new(500);
    let server = manager(&world, SERVER);
    let mut camera = Camera::new(&world, &server, ALICE, PLI);
    // Nobody watches: packets are counted, nothing is asked for.
    for _ in 0..10 {
        camera.shoot(&[]);
    }
    assert_eq!(camera.requests(), []);
    let recording = camera.session.record(Mkv::new("call.mkv")).unwrap();
    camera.shoot(&[]);
    assert_eq!(camera.requests(), [(1, 0)]);
    camera.key_next = true;
    let begun = camera.frame;
    for _ in 0..50 {
        camera.shoot(&[]);
    }
    assert_eq!(camera.requests(), [], "all came");
    // The second packet of a frame is lost: until it is given up, frames wait.
    let lost = camera.seq.wrapping_add(1);
    let broken = camera.frame;
    let mut asked = 0;
    while asked == 0 {
        camera.shoot(&[lost]);
        asked = camera.requests().len();
        assert!(camera.frame < broken + 30);
    }
    assert_eq!(asked, 1);
    // A request is not heeded: it comes again after half a second, not before.
    for _ in 0..11 {
        camera.shoot(&[]);
    }
    assert_eq!(camera.requests(), []);
    camera.shoot(&[]);
    camera.shoot(&[]);
    assert_eq!(camera.requests(), [(1, 0)]);
    camera.key_next = true;
    let whole = camera.frame;
    for _ in 0..25 {
        camera.shoot(&[]);
    }
    let expected = u64::from(broken - begun + camera.frame - whole);
    let stats = camera.session.stats();
    let video = stats
        .streams
        .iter()
        .find(|stream| stream.stream.0 == 1)
        .unwrap();
    let seen = video.video.unwrap();
    assert_eq!(
        (seen.frames, seen.keyframes, seen.lost_packets),
        (expected, 2, 1)
    );
    assert_eq!(video.sent.keyframe_requests, 3);
    let done = recording.finish().wait().unwrap();
    assert_eq!((done.pictures, done.lost_pictures), (expected, 0));
    let file = frames_of(&world, &done);
    // It is whole, and has the size of the pictures: 640 × 480.
    assert_eq!(mkv::repair(&file).unwrap(), None);
    let size = [0xb0, 0x82, 2, 0x80, 0xba, 0x82, 1, 0xe0];
    assert!(file.windows(8).any(|window| window == size));
    camera.session.close().wait().unwrap();
    drop(server);
}

// RFC 5104 §4.3.1: each command has the next number.
#[test]
fn a_peer_that_knows_only_full_intra_requests_gets_these() {
    let world = World::new(501);
    let server = manager(&world, SERVER);
    let mut camera = Camera::new(&world, &server, ALICE, "a=rtcp-fb:97 ccm fir\r\n");
    camera.key_next = false;
    let _recording = camera.session.record(Mkv::new("call.mkv")).unwrap();
    for _ in 0..26 {
        camera.shoot(&[]);
    }
    assert_eq!(camera.requests(), [(4, 1), (4, 2), (4, 3)]);
}

#[test]
fn a_peer_that_says_nothing_of_feedback_is_sent_none() {
    let world = World::new(502);
    let server = manager(&world, SERVER);
    let mut camera = Camera::new(&world, &server, ALICE, "");
    let recording = camera.session.record(Mkv::new("call.mkv")).unwrap();
    for n in 0..60 {
        camera.key_next = n % 30 == 0;
        camera.shoot(&[]);
    }
    assert_eq!(camera.requests(), []);
    assert_eq!(recording.finish().wait().unwrap().pictures, 60);
}

#[test]
fn a_pause_is_followed_by_a_keyframe() {
    let world = World::new(503);
    let server = manager(&world, SERVER);
    let mut camera = Camera::new(&world, &server, ALICE, PLI);
    let recording = camera.session.record(Mkv::new("call.mkv")).unwrap();
    for _ in 0..20 {
        camera.shoot(&[]);
    }
    camera.requests();
    recording.pause();
    for _ in 0..20 {
        camera.shoot(&[]);
    }
    assert_eq!(camera.requests(), []);
    recording.resume();
    camera.shoot(&[]);
    camera.shoot(&[]);
    assert_eq!(camera.requests(), [(1, 0)]);
    camera.key_next = true;
    for _ in 0..20 {
        camera.shoot(&[]);
    }
    let done = recording.finish().wait().unwrap();
    assert_eq!(done.pictures, 40);
    let millis = done.length.as_millis();
    assert!((2400..=2560).contains(&millis), "{millis}");
}

#[test]
fn two_cameras_see_each_other_over_a_bridge() {
    let world = World::new(504);
    let server = manager(&world, SERVER);
    let mut a = Camera::new(&world, &server, ALICE, PLI);
    let b = Camera::new(&world, &server, BOB, PLI);
    for _ in 0..5 {
        a.shoot(&[]);
    }
    assert_eq!(a.requests(), []);
    let _bridge = server.bridge(&a.session, &b.session).unwrap();
    a.shoot(&[]);
    // Who comes in late sees nothing before a keyframe.
    assert_eq!(a.requests(), [(1, 0)]);
    let recording = a.session.record(Mkv::new("call.mkv")).unwrap();
    for n in 0..40 {
        a.key_next = n == 15;
        a.shoot(&[]);
    }
    let came = b.peer.take_received();
    let video: Vec<_> = came
        .iter()
        .filter(|arrival| arrival.bytes[1] & 0x7f == 97)
        .collect();
    assert_eq!(video.len(), 41 * 3);
    assert!(
        video
            .iter()
            .all(|arrival| arrival.bytes[8..12] == SSRC.to_be_bytes())
    );
    // What the other side asks for goes to where the video comes from.
    a.requests();
    let mut pli = vec![0x80, 201, 0, 1, 0, 0, 0, 9];
    pli.extend([0x81, 206, 0, 2, 0, 0, 0, 9]);
    pli.extend(SSRC.to_be_bytes());
    b.peer.send(b.to, &pli);
    a.shoot(&[]);
    assert_eq!(a.requests(), [(1, 0)]);
    world.run_for(Duration::from_millis(30));
    let stats = b.session.stats();
    assert_eq!(stats.streams[1].received.keyframe_requests, 1);
    let done = recording.finish().wait().unwrap();
    assert_eq!(done.pictures, 26);
    for camera in [a, b] {
        camera.session.close().wait().unwrap();
    }
}

#[test]
fn what_was_recorded_before_a_crash_is_recovered() {
    let world = World::new(505);
    let server = manager(&world, SERVER);
    let mut camera = Camera::new(&world, &server, ALICE, PLI);
    let _recording = camera.session.record(Mkv::new("call.mkv")).unwrap();
    for _ in 0..100 {
        camera.shoot(&[]);
    }
    let part = world.host(SERVER).disk().get("call.mkv.part").unwrap();
    let repair = mkv::repair(&part).unwrap().unwrap();
    // Sound and pictures of all but the last second.
    assert!(repair.frames > 3 * 50 + 3 * 25 - 10, "{}", repair.frames);
}

#[test]
fn a_camera_that_begins_anew_is_recorded_once_the_old_one_is_silent() {
    let world = World::new(506);
    let server = manager(&world, SERVER);
    let mut camera = Camera::new(&world, &server, ALICE, PLI);
    let recording = camera.session.record(Mkv::new("call.mkv")).unwrap();
    for _ in 0..10 {
        camera.shoot(&[]);
    }
    // Somebody else between them changes nothing.
    for _ in 0..10 {
        let mut other = vec![0x80, 97, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9, 0x10];
        other.extend([0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1]);
        camera.peer.send(camera.to, &other);
        camera.shoot(&[]);
    }
    assert_eq!(camera.requests(), []);
    // The other one goes on alone: it is asked for a keyframe and seen.
    world.run_for(Duration::from_millis(300));
    for n in 0..10u8 {
        let mut other = vec![0x80, 97 | 0x80, 0, 20 + n, 0, 1, 0, 9 + n, 0, 0, 0, 9, 0x10];
        other.extend([0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0xe0, 1]);
        camera.peer.send(camera.to, &other);
        world.run_for(Duration::from_millis(40));
    }
    assert_eq!(recording.finish().wait().unwrap().pictures, 20 + 10);
    let stats = camera.session.stats();
    assert_eq!(stats.video().map(|stream| stream.stream.0), Some(1));
    assert_eq!(stats.audio().map(|stream| stream.stream.0), Some(0));
}

#[test]
fn video_comes_is_held_and_goes_by_a_new_offer() {
    let sound = || Audio::sendrecv(Codec::G711);
    let both = Constraints::from(sound()).and_video(Video::sendrecv([VideoCodec::H264]));
    let talk = Talk::with(507, sound(), both);
    let change = |change| {
        let offer = talk.caller.offer(change)?;
        talk.caller.apply_answer(&talk.callee.answer(&offer)?)
    };
    let video = Video::sendrecv(VideoCodec::ALL);
    change(Change::AddVideo(video)).unwrap();
    talk.world.run_for(Duration::from_millis(40));
    for session in [&talk.caller, &talk.callee] {
        let stream = &session.streams()[1];
        assert_eq!(stream.direction, Direction::SendRecv);
        assert!(stream.send.iter().all(|codec| codec.format.is("H264")));
        assert_eq!(
            session.stats().audio().map(|stream| stream.stream.0),
            Some(0)
        );
    }
    // Sound of a stream of video is nothing that there is.
    let none = talk.caller.audio_of(StreamIndex(1)).unwrap_err();
    assert!(
        matches!(none, SessionError::NoSuchStream { line: 1 }),
        "{none}"
    );
    let codecs = Change::Codecs(StreamIndex(1), vec![Codec::PCMU]);
    let none = talk.caller.offer(codecs).unwrap_err();
    assert!(
        matches!(none, SessionError::NoSuchStream { line: 1 }),
        "{none}"
    );
    change(Change::Hold).unwrap();
    let direction = |session: &Session| session.streams()[1].direction;
    assert_eq!(direction(&talk.callee), Direction::RecvOnly);
    change(Change::Resume).unwrap();
    assert_eq!(direction(&talk.callee), Direction::SendRecv);
    change(Change::Remove(StreamIndex(1))).unwrap();
    assert!(!talk.callee.streams()[1].is_live());
    talk.end();
}
