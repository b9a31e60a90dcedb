//! An offer and an answer as the SIP call that would carry them.
//!
//! In: two SDP bodies. Out: a pcap of an INVITE and its 200, for tshark, which
//! then reads our SDP by itself and dissects the media by what it says. The
//! packets stand at the beginning of time, before any capture they are merged
//! with. SIP as little as the dissector needs (RFC 3261 §24.2).

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::run;
use crate::verdict::{Verdict, While};

/// The two messages of a negotiation; the answer may be missing.
#[derive(Debug, Clone)]
pub struct Dialogue {
    /// The body of the INVITE.
    pub offer: String,
    /// The body of the 200.
    pub answer: Option<String>,
}

const SIP_PORT: u16 = 5060;
const LINKTYPE_ETHERNET: u32 = 1;

impl Dialogue {
    /// Writes the dialogue alone as a pcap.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, file: &Path) -> Verdict {
        let mut pcap = header();
        let invite = message("INVITE sip:callee@127.0.0.1 SIP/2.0", "", &self.offer);
        pcap.extend(record(0, &invite));
        if let Some(answer) = &self.answer {
            pcap.extend(record(1, &message("SIP/2.0 200 OK", ";tag=callee", answer)));
        }
        std::fs::write(file, pcap).while_doing(file.display())
    }

    /// Puts the dialogue before the packets of `capture`, in a new file beside
    /// it.
    ///
    /// # Errors
    /// When mergecap fails.
    pub fn before(&self, capture: &Path) -> Verdict<PathBuf> {
        let (sip, call) = (
            capture.with_extension("sip.pcap"),
            capture.with_extension("call.pcap"),
        );
        self.write(&sip)?;
        run(Command::new("mergecap")
            .arg("-w")
            .arg(&call)
            .arg(&sip)
            .arg(capture))?;
        Ok(call)
    }
}

fn message(start: &str, to_tag: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    let text = format!(
        "{start}\r\n\
         Via: SIP/2.0/UDP 127.0.0.1:{SIP_PORT};branch=z9hG4bK-interop\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:caller@127.0.0.1>;tag=caller\r\n\
         To: <sip:callee@127.0.0.1>{to_tag}\r\n\
         Call-ID: interop@127.0.0.1\r\n\
         CSeq: 1 INVITE\r\n\
         Contact: <sip:interop@127.0.0.1:{SIP_PORT}>\r\n\
         Content-Type: application/sdp\r\n\
         Content-Length: {length}\r\n\
         \r\n{body}"
    );
    text.into_bytes()
}

/// The pcap file header, little-endian, microseconds.
fn header() -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(0xa1b2_c3d4_u32.to_le_bytes());
    bytes.extend(2_u16.to_le_bytes());
    bytes.extend(4_u16.to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend(65_535_u32.to_le_bytes());
    bytes.extend(LINKTYPE_ETHERNET.to_le_bytes());
    bytes
}

/// One packet record: Ethernet, IPv4 and UDP around `payload`.
fn record(second: u32, payload: &[u8]) -> Vec<u8> {
    let udp_length = (8 + payload.len()) as u16;
    let mut packet = vec![0; 12];
    packet.extend(0x0800_u16.to_be_bytes());
    packet.extend(ipv4(20 + udp_length));
    for field in [SIP_PORT, SIP_PORT, udp_length, 0] {
        packet.extend(field.to_be_bytes());
    }
    packet.extend(payload);
    let length = packet.len() as u32;
    let mut bytes = Vec::new();
    for field in [second, 0, length, length] {
        bytes.extend(field.to_le_bytes());
    }
    bytes.extend(packet);
    bytes
}

/// An IPv4 header from and to 127.0.0.1 with its checksum (RFC 791 §3.1).
fn ipv4(total: u16) -> [u8; 20] {
    let [high, low] = total.to_be_bytes();
    let mut header = [
        0x45, 0, high, low, 0, 0, 0x40, 0, 64, 17, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1,
    ];
    let words = header
        .chunks_exact(2)
        .map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]])));
    let sum: u32 = words.sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !(folded as u16);
    [header[10], header[11]] = checksum.to_be_bytes();
    header
}
