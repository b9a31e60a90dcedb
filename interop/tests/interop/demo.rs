//! `talkpath demo` run to its end, with tshark watching.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use libtest_mimic::Trial;
use talkpath_interop::capture::Capture;
use talkpath_interop::judge::{self, RtpStream};
use talkpath_interop::needs::Need;
use talkpath_interop::process::Process;
use talkpath_interop::talkpath::binary;
use talkpath_interop::verdict::{Verdict, check};

use crate::trial;

const NEEDS: &[Need] = &[Need::Tshark, Need::Capture];
/// The demo's own range.
const PORTS: std::ops::RangeInclusive<u16> = 10_000..=10_100;
const PATIENCE: Duration = Duration::from_secs(30);
const PACKETS: usize = 5;
const PACKET_BYTES: usize = 12 + 160;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial(
        "demo::five_packets_each_way",
        NEEDS,
        five_packets_each_way,
    )]
}

fn five_packets_each_way(folder: &Path) -> Verdict {
    let own_pcap = folder.join("own.pcap");
    let capture = Capture::start(&PORTS, &folder.join("wire.pcap"))?;
    let mut command = Command::new(binary()?);
    command.args(["demo", "--json", "--pcap"]).arg(&own_pcap);
    Process::start("talkpath demo", &mut command)?
        .finish(PATIENCE)?
        .json()?;
    // On the wire, and in the file that the demo itself wrote of it.
    for pcap in [capture.stop()?, own_pcap] {
        let decode: Vec<_> = PORTS.map(|port| (port, "rtp")).collect();
        let streams = judge::rtp_streams(&pcap, &decode)?;
        check(streams.len() == 2, || {
            format!("{}: {streams:?}", pcap.display())
        })?;
        let (one, other) = (&streams[0], &streams[1]);
        check((one.from, one.to) == (other.to, other.from), || {
            format!("not two ways of one call: {streams:?}")
        })?;
        even(one)?;
        even(other)?;
        let kinds: Vec<_> = judge::rtcp_packets(&pcap, &decode)?
            .iter()
            .map(|packet| packet.kind)
            .collect();
        // Each side sent, so each says BYE (RFC 3550 §6.3.7).
        let byes = kinds.iter().filter(|kind| **kind == 203).count();
        check(byes == 2, || {
            format!("RTCP types {kinds:?}, wanted two BYEs")
        })?;
        judge::no_warnings(&pcap, &decode)?;
    }
    Ok(())
}

fn even(stream: &RtpStream) -> Verdict {
    let count = stream.packets.len();
    check(count == PACKETS && stream.lost() == 0, || {
        format!("{count} packets: {stream:?}")
    })?;
    let sized = stream
        .packets
        .iter()
        .all(|packet| packet.bytes == PACKET_BYTES);
    check(sized, || {
        format!("not {PACKET_BYTES} bytes each: {stream:?}")
    })?;
    let gap = stream.mean_gap_ms();
    check((15.0..40.0).contains(&gap), || {
        format!("{gap} ms between packets: {stream:?}")
    })
}
