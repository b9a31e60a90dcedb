//! What passed on the wire, captured by tshark on the loopback interface.
//!
//! In: the ports of one test. Out: a pcap file of those ports' UDP alone, so
//! that tests beside each other do not see one another.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::process::Process;
use crate::verdict::Verdict;

/// From "started" to the first packet seen, and from the last packet to its
/// being written.
const SETTLE: Duration = Duration::from_millis(300);
const TIMEOUT: Duration = Duration::from_secs(20);

/// A running capture.
#[derive(Debug)]
pub struct Capture {
    tshark: Process,
    file: PathBuf,
}

impl Capture {
    /// Starts to capture UDP from or to `ports` into `file`.
    ///
    /// # Errors
    /// When tshark does not start, most often for want of the right to.
    pub fn start(ports: &RangeInclusive<u16>, file: &Path) -> Verdict<Self> {
        let filter = format!("udp portrange {}-{}", ports.start(), ports.end());
        let mut command = Command::new("tshark");
        command
            .args(["-q", "-i", "lo", "-f", &filter, "-w"])
            .arg(file);
        let mut tshark = Process::start("tshark", &mut command)?;
        tshark.wait_for("Capture started", TIMEOUT)?;
        sleep(SETTLE);
        Ok(Self {
            tshark,
            file: file.to_path_buf(),
        })
    }

    /// Ends the capture and returns its file.
    ///
    /// # Errors
    /// When tshark fails to finish it.
    pub fn stop(self) -> Verdict<PathBuf> {
        sleep(SETTLE);
        self.tshark.stop("INT", TIMEOUT)?;
        Ok(self.file)
    }
}
