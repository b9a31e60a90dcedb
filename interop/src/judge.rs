//! tshark as judge of a capture.
//!
//! In: a pcap. Out: its RTP streams with loss by sequence numbers, its RTCP
//! reports, its SDP as tshark reads it, and every warning and error that its
//! dissectors raise. All parsing of our packets is tshark's.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::process::run;
use crate::verdict::{Verdict, While, check};

/// How tshark is told what a UDP port carries, where no SDP tells it.
pub type DecodeAs<'a> = &'a [(u16, &'a str)];

/// One RTP stream: packets of one SSRC from one port to another.
#[derive(Debug, Clone)]
pub struct RtpStream {
    /// UDP source port.
    pub from: u16,
    /// UDP destination port.
    pub to: u16,
    /// As tshark writes it.
    pub ssrc: String,
    /// In order of capture.
    pub packets: Vec<RtpPacket>,
}

/// What tshark read from one RTP packet.
#[derive(Debug, Clone, PartialEq)]
pub struct RtpPacket {
    /// Capture time in seconds.
    pub at: f64,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp in the RTP clock.
    pub timestamp: u32,
    /// Payload type.
    pub payload_type: u8,
    /// UDP payload in bytes: RTP header and payload.
    pub bytes: usize,
    /// What made tshark take it for RTP: "SDP" if a description did.
    pub setup: String,
}

/// One RTCP packet of a compound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RtcpPacket {
    /// UDP source port of its datagram.
    pub from: u16,
    /// UDP destination port of its datagram.
    pub to: u16,
    /// 200 SR, 201 RR, 202 SDES, 203 BYE.
    pub kind: u8,
}

/// One SDP body as tshark reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Described {
    /// The address of each `c=` line.
    pub addresses: Vec<String>,
    /// Each m-line without its `m=`.
    pub media: Vec<String>,
    /// Each attribute of a media section without its `a=`.
    pub attributes: Vec<String>,
}

impl RtpStream {
    /// Packets that the sequence numbers say were sent and the capture lacks
    /// (RFC 3550 §A.3); negative when some came twice.
    pub fn lost(&self) -> i64 {
        let Some(first) = self.packets.first() else {
            return 0;
        };
        let (mut extended, mut highest) = (i64::from(first.sequence), i64::from(first.sequence));
        for packet in &self.packets {
            // The nearest number with these 16 bits.
            extended += i64::from(packet.sequence.wrapping_sub(extended as u16) as i16);
            highest = highest.max(extended);
        }
        highest - i64::from(first.sequence) + 1 - self.packets.len() as i64
    }

    /// Mean time between packets, in ms.
    pub fn mean_gap_ms(&self) -> f64 {
        match (self.packets.first(), self.packets.last()) {
            (Some(first), Some(last)) if self.packets.len() > 1 => {
                (last.at - first.at) * 1000.0 / (self.packets.len() - 1) as f64
            }
            _ => 0.0,
        }
    }
}

/// The RTP streams of `pcap`, ordered by their ports.
///
/// # Errors
/// When tshark fails.
pub fn rtp_streams(pcap: &Path, decode: DecodeAs<'_>) -> Verdict<Vec<RtpStream>> {
    const FIELDS: [&str; 9] = [
        "udp.srcport",
        "udp.dstport",
        "rtp.ssrc",
        "frame.time_epoch",
        "rtp.seq",
        "rtp.timestamp",
        "rtp.p_type",
        "udp.length",
        "rtp.setup-method",
    ];
    let mut streams = BTreeMap::new();
    for row in rows(pcap, decode, "rtp && rtp.seq", &FIELDS)? {
        let key = (
            parsed::<u16>(&row[0])?,
            parsed::<u16>(&row[1])?,
            row[2].clone(),
        );
        let packet = RtpPacket {
            at: parsed(&row[3])?,
            sequence: parsed(&row[4])?,
            timestamp: parsed(&row[5])?,
            payload_type: parsed(&row[6])?,
            bytes: parsed::<usize>(&row[7])?.saturating_sub(8),
            setup: row[8].clone(),
        };
        streams.entry(key).or_insert_with(Vec::new).push(packet);
    }
    let streams = streams.into_iter();
    Ok(streams
        .map(|((from, to, ssrc), packets)| RtpStream {
            from,
            to,
            ssrc,
            packets,
        })
        .collect())
}

/// Every RTCP packet of `pcap`, compounds taken apart.
///
/// # Errors
/// When tshark fails.
pub fn rtcp_packets(pcap: &Path, decode: DecodeAs<'_>) -> Verdict<Vec<RtcpPacket>> {
    let mut packets = Vec::new();
    for row in rows(
        pcap,
        decode,
        "rtcp",
        &["udp.srcport", "udp.dstport", "rtcp.pt"],
    )? {
        for kind in row[2].split(',') {
            let (from, to) = (parsed(&row[0])?, parsed(&row[1])?);
            packets.push(RtcpPacket {
                from,
                to,
                kind: parsed(kind)?,
            });
        }
    }
    Ok(packets)
}

/// The SDP bodies of `pcap`, in order.
///
/// # Errors
/// When tshark fails.
pub fn descriptions(pcap: &Path) -> Verdict<Vec<Described>> {
    // Attributes contain commas; this separator does not occur in SDP.
    const AGGREGATOR: &str = "\u{1}";
    let fields = ["sdp.connection_info.address", "sdp.media", "sdp.media_attr"];
    let rows = rows_with(pcap, &[], "sdp", &fields, AGGREGATOR)?;
    let list = |text: &String| -> Vec<String> {
        text.split(AGGREGATOR)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let described = rows.iter().map(|row| Described {
        addresses: list(&row[0]),
        media: list(&row[1]),
        attributes: list(&row[2]),
    });
    Ok(described.collect())
}

/// Fails when tshark finds a packet malformed or worth a warning.
///
/// # Errors
/// With the packets in question as tshark shows them.
pub fn no_warnings(pcap: &Path, decode: DecodeAs<'_>) -> Verdict {
    // 0x600000 is the severity "warning"; errors are above it.
    let filter = "_ws.malformed || _ws.expert.severity >= 0x600000";
    let fields = [
        "frame.number",
        "udp.srcport",
        "udp.dstport",
        "_ws.expert.message",
    ];
    let found = rows(pcap, decode, filter, &fields)?;
    check(found.is_empty(), || {
        format!("tshark warns in {}:\n{found:?}", pcap.display())
    })
}

fn rows(
    pcap: &Path,
    decode: DecodeAs<'_>,
    filter: &str,
    fields: &[&str],
) -> Verdict<Vec<Vec<String>>> {
    rows_with(pcap, decode, filter, fields, ",")
}

fn rows_with(
    pcap: &Path,
    decode: DecodeAs<'_>,
    filter: &str,
    fields: &[&str],
    aggregator: &str,
) -> Verdict<Vec<Vec<String>>> {
    let mut tshark = Command::new("tshark");
    tshark
        .arg("-n")
        .arg("-r")
        .arg(pcap)
        .args(["-Y", filter, "-T", "fields"]);
    tshark.args(["-E", "separator=/t", "-E", "occurrence=a"]);
    tshark.args(["-E", &format!("aggregator={aggregator}")]);
    for (port, protocol) in decode {
        tshark.args(["-d", &format!("udp.port=={port},{protocol}")]);
    }
    for field in fields {
        tshark.args(["-e", field]);
    }
    let said = run(&mut tshark)?;
    let row = |line: &str| -> Verdict<Vec<String>> {
        let row: Vec<_> = line.split('\t').map(str::to_owned).collect();
        check(row.len() == fields.len(), || {
            format!("tshark printed {line:?} for {fields:?}")
        })?;
        Ok(row)
    };
    said.lines().map(row).collect()
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(text: &str) -> Verdict<T> {
    text.parse()
        .while_doing(format_args!("reading {text:?} from tshark"))
}

#[cfg(test)]
mod tests {
    use super::{RtpPacket, RtpStream};

    fn stream(sequence: &[u16]) -> RtpStream {
        let packet = |(index, sequence): (usize, &u16)| RtpPacket {
            at: index as f64 * 0.02,
            sequence: *sequence,
            timestamp: 160 * index as u32,
            payload_type: 0,
            bytes: 172,
            setup: "SDP".to_owned(),
        };
        RtpStream {
            ssrc: String::new(),
            from: 1,
            to: 2,
            packets: sequence.iter().enumerate().map(packet).collect(),
        }
    }

    #[test]
    fn a_missing_number_is_lost_across_the_wrap() {
        assert_eq!(stream(&[65_534, 65_535, 0, 1]).lost(), 0);
        assert_eq!(stream(&[65_534, 65_535, 1, 2]).lost(), 1);
    }

    #[test]
    fn reordered_packets_are_not_lost_and_doubled_ones_show() {
        assert_eq!(stream(&[10, 12, 11, 13]).lost(), 0);
        assert_eq!(stream(&[10, 11, 11, 12]).lost(), -1);
    }

    #[test]
    fn the_mean_gap_is_per_packet() {
        assert!((stream(&[1, 2, 3]).mean_gap_ms() - 20.0).abs() < 1e-9);
        assert!(stream(&[1]).mean_gap_ms().abs() < 1e-9);
    }
}
