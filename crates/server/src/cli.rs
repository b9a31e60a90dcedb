//! The arguments: what can be asked on the command line, and its help.

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use talkpath::{Codec, Direction, Dtmf, RtcpMux, SampleRate, SourcePolicy, VideoCodec};

use crate::value::{
    USUAL, codec, delay, lateness, length, packet_time, percent, ports, rate, seconds,
};

/// Carries the sound of calls: SDP, RTP and RTCP from the command line.
#[derive(Debug, Parser)]
#[command(name = "talkpath", version, after_help = STATUSES, max_term_width = 100)]
pub(crate) struct TopLevel {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Shows a whole call on this machine, step by step, over real UDP
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoArguments),
    /// Calls somebody: writes an offer, waits for the answer, talks
    #[command(after_help = OFFER_EXAMPLES)]
    Offer(OfferArguments),
    /// Is called: waits for an offer, writes the answer, talks
    #[command(after_help = ANSWER_EXAMPLES)]
    Answer(AnswerArguments),
    /// Shows what an SDP says, line by line, and what is wrong in it
    #[command(after_help = SDP_EXAMPLES)]
    Sdp(SdpArguments),
    /// Makes recordings whole that a crash left unfinished, FILE.part
    #[command(after_help = RECOVER_EXAMPLES)]
    Recover(RecoverArguments),
    /// Shows the RTP streams of a capture: loss, jitter, quality, digits, sound
    #[command(after_help = PROBE_EXAMPLES)]
    Probe(ProbeArguments),
}

/// `talkpath demo`
#[derive(Debug, Args)]
pub(crate) struct DemoArguments {
    /// Talk for so long instead of five packets
    #[arg(long, value_name = "SECONDS", value_parser = length, allow_negative_numbers = true)]
    pub(crate) seconds: Option<Duration>,
    /// The WAV or Opus file that the caller plays, to its end if --seconds does
    /// not say
    #[arg(long, value_name = "FILE")]
    pub(crate) play: Option<PathBuf>,
    /// The file to record what the callee hears into: .wav or .opus, or .pcap
    /// for every packet
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// The local ports, used upwards from the first
    #[arg(long, value_name = "FIRST-LAST", value_parser = ports, default_value = "10000-10100")]
    pub(crate) ports: RangeInclusive<u16>,
    /// The codec to talk in, or several to offer: the callee takes the first
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = codec)]
    pub(crate) codecs: Vec<Codec>,
    /// The digits that the caller dials in the end, as in `talkpath offer`
    #[arg(long, value_name = "DIGITS")]
    pub(crate) dtmf: Option<Dtmf>,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    /// Write every packet into this pcap file
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    /// Draw jitter, delay and loss of both directions into this SVG file
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
    /// Print one JSON document instead of the story
    #[arg(long)]
    pub(crate) json: bool,
}

/// `talkpath offer`
#[derive(Debug, Args)]
pub(crate) struct OfferArguments {
    /// Where to write the offer; - is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) sdp_out: PathBuf,
    /// Where the answer will be; - is standard input. One that is there before
    /// the offer is written is an earlier call's, until it is written anew
    #[arg(long, value_name = "FILE")]
    pub(crate) answer: PathBuf,
    #[command(flatten)]
    pub(crate) call: CallArguments,
}

/// `talkpath answer`
#[derive(Debug, Args)]
pub(crate) struct AnswerArguments {
    /// Where the offer is, or will be; - is standard input
    #[arg(long, value_name = "FILE")]
    pub(crate) offer: PathBuf,
    /// Where to write the answer; - is standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) sdp_out: PathBuf,
    #[command(flatten)]
    pub(crate) call: CallArguments,
}

/// `talkpath sdp`
#[derive(Debug, Args)]
pub(crate) struct SdpArguments {
    /// The file with the SDP body; - is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The offer that the file answers: what is wrong between them is shown too
    #[arg(long, value_name = "OFFER")]
    pub(crate) answer_to: Option<PathBuf>,
    /// Print it as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// `talkpath recover`
#[derive(Debug, Args)]
pub(crate) struct RecoverArguments {
    /// The folder of the recordings
    #[arg(value_name = "FOLDER", default_value = ".")]
    pub(crate) folder: PathBuf,
}

/// `talkpath probe`
#[derive(Debug, Args)]
pub(crate) struct ProbeArguments {
    /// The capture, in the pcap format of tcpdump
    #[arg(value_name = "FILE.pcap")]
    pub(crate) file: PathBuf,
    /// A description of the call, to name its payload types; can stand twice
    #[arg(long, value_name = "FILE")]
    pub(crate) sdp: Vec<PathBuf>,
    /// Write what each stream sounds like into this folder, as a receiver would
    /// have played it out: stream-1.wav and so on
    #[arg(long, value_name = "FOLDER")]
    pub(crate) wav: Option<PathBuf>,
    /// Draw jitter, delay and loss over time into this SVG file
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
    /// Print one JSON document instead of words
    #[arg(long)]
    pub(crate) json: bool,
}

/// What both sides of a call can ask.
#[derive(Debug, Args)]
pub(crate) struct CallArguments {
    /// The WAV or Opus file to play to the other side
    #[arg(long, value_name = "FILE")]
    pub(crate) play: Option<PathBuf>,
    /// The file to record what is heard into: .wav or .opus, .mkv with the video,
    /// or .pcap for every packet
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// The digits to dial: 0-9, *, #, A-D, ! for a flash, and , for a pause of
    /// two seconds
    #[arg(long, value_name = "DIGITS")]
    pub(crate) dtmf: Option<Dtmf>,
    /// How long to talk, from when both sides are active; without it, until
    /// --play is played or the other side says goodbye
    #[arg(long, value_name = "SECONDS", value_parser = length, allow_negative_numbers = true)]
    pub(crate) seconds: Option<Duration>,
    /// How long to wait for the other side's SDP
    #[arg(long, value_name = "SECONDS", value_parser = seconds, allow_negative_numbers = true, default_value = "60")]
    pub(crate) wait: Duration,
    /// The codecs to talk in, the preferred one first: opus, G722, PCMU, PCMA,
    /// or L16 with its rate, L16/8000, 16000, 24000, 44100 or 48000, and
    /// L16/44100/2 or L16/48000/2 in stereo
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = codec, default_value = USUAL)]
    pub(crate) codecs: Vec<Codec>,
    /// The video codecs to receive, the preferred one first: vp8, h264. What comes
    /// is recorded into FILE.mkv; none is sent
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) video: Vec<VideoCodec>,
    /// Which way sound may flow, seen from here
    #[arg(long, value_enum, default_value = "sendrecv")]
    pub(crate) direction: Way,
    /// The local address to send from and receive at
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) address: IpAddr,
    /// The address that the SDP says instead, for a host behind a NAT
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) advertise: Option<IpAddr>,
    /// The local ports to choose from
    #[arg(long, value_name = "FIRST-LAST", value_parser = ports, default_value = "10000-20000")]
    pub(crate) ports: RangeInclusive<u16>,
    /// Milliseconds of sound in a packet, 10 to 60
    #[arg(long, value_name = "MS", value_parser = packet_time)]
    pub(crate) ptime: Option<u16>,
    /// Milliseconds that what is heard waits, 20 to 500; without it the delay
    /// follows the network
    #[arg(long, value_name = "MS", value_parser = delay)]
    pub(crate) delay: Option<u16>,
    /// The sample rate of what is recorded: 8000, 16000, 24000 or 48000; if not
    /// said, that of the codec agreed on: 48000 of opus, 16000 of G722, 8000 of
    /// PCMU and PCMA
    #[arg(long, value_name = "HZ", value_parser = rate)]
    pub(crate) rate: Option<SampleRate>,
    #[command(flatten)]
    pub(crate) network: NetworkArguments,
    /// Whether RTCP shares the port of RTP
    #[arg(long, value_enum, default_value = "offer")]
    pub(crate) rtcp_mux: Mux,
    /// Whose packets are taken
    #[arg(long, value_enum, default_value = "signalled")]
    pub(crate) source_policy: Policy,
    /// Write every packet, sent and received, into this pcap file
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    /// Draw jitter, delay and loss of what is received into this SVG file
    #[arg(long, value_name = "FILE.svg")]
    pub(crate) plot: Option<PathBuf>,
    /// End with status 1 when nothing was heard
    #[arg(long)]
    pub(crate) require_media: bool,
    /// Print what it came to as one line of JSON, the last of standard output
    #[arg(long)]
    pub(crate) json: bool,
}

/// A worse network than there is.
#[derive(Debug, Args)]
pub(crate) struct NetworkArguments {
    /// The share of packets that get lost
    #[arg(long, help_heading = BAD_NETWORK, value_name = "PERCENT", value_parser = percent, default_value = "0", hide_default_value = true, allow_negative_numbers = true)]
    pub(crate) loss: f64,
    /// Packets are late by anything from 0 to so many milliseconds
    #[arg(long, help_heading = BAD_NETWORK, value_name = "MS", value_parser = lateness, default_value = "0", hide_default_value = true, allow_negative_numbers = true)]
    pub(crate) jitter: Duration,
    /// The share of packets that the next one overtakes
    #[arg(long, help_heading = BAD_NETWORK, value_name = "PERCENT", value_parser = percent, default_value = "0", hide_default_value = true, allow_negative_numbers = true)]
    pub(crate) reorder: f64,
    /// Another number is another luck; the same one the same again
    #[arg(long, help_heading = BAD_NETWORK, value_name = "SEED", default_value = "1")]
    pub(crate) impair_seed: u64,
}

/// [`Direction`] on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Way {
    /// Both ways
    Sendrecv,
    /// Only from here
    Sendonly,
    /// Only to here
    Recvonly,
    /// Neither way
    Inactive,
}

/// [`RtcpMux`] on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Mux {
    /// If the other side can
    Offer,
    /// Or there is no call: one port is enough
    Only,
    /// Never: RTCP has a port of its own
    Off,
}

/// [`SourcePolicy`] on the command line.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Policy {
    /// Those from the IP address that the SDP names; the port may move once
    Signalled,
    /// Those from who is heard first, for a peer behind a NAT
    Learn,
    /// Anybody's
    Open,
}

impl From<Way> for Direction {
    fn from(way: Way) -> Self {
        match way {
            Way::Sendrecv => Direction::SendRecv,
            Way::Sendonly => Direction::SendOnly,
            Way::Recvonly => Direction::RecvOnly,
            Way::Inactive => Direction::Inactive,
        }
    }
}

impl From<Mux> for RtcpMux {
    fn from(mux: Mux) -> Self {
        match mux {
            Mux::Offer => RtcpMux::Offer,
            Mux::Only => RtcpMux::Only,
            Mux::Off => RtcpMux::Off,
        }
    }
}

impl From<Policy> for SourcePolicy {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Signalled => SourcePolicy::Signalled,
            Policy::Learn => SourcePolicy::Learn,
            Policy::Open => SourcePolicy::Open,
        }
    }
}

const BAD_NETWORK: &str = "To try out a bad network, on what is received";

const STATUSES: &str = "\
Exit status:
  0    it was done; a call in which nothing was heard too (the summary says why),
       unless --require-media was given
  1    it could not be done, or something wrong was found: standard error says what
  2    the arguments cannot be read
  130  interrupted before it began";

const DEMO_EXAMPLES: &str = "\
Examples:
  talkpath demo
  talkpath demo --pcap call.pcap && tshark -r call.pcap -d udp.port==10000-10100,rtp
  talkpath demo --codecs opus --dtmf '159#'
  talkpath demo --play speech.wav --record heard.wav --codecs opus --loss 5 --jitter 40

Exit status: 0 when what was sent was received and nothing is left behind; 1 when it does not add
up, with what does not; 2 for arguments that cannot be read; 130 when interrupted.";

const OFFER_EXAMPLES: &str = "\
Examples:
  Two terminals talk to each other, each hearing what the other plays:
    talkpath offer  --sdp-out offer.sdp --answer answer.sdp --play a.wav --record b.wav --seconds 5
    talkpath answer --offer offer.sdp --sdp-out answer.sdp --play c.wav --record d.wav --seconds 5

  Paste the SDP by hand (end the answer with an empty line):
    talkpath offer --address 192.0.2.7 --sdp-out - --answer - --record heard.wav

  Hear what loss does to a codec, and how much of it is repaired:
    talkpath offer --codecs opus --loss 5 --jitter 40 --record heard.wav \\
      --sdp-out offer.sdp --answer answer.sdp

  Dial, once somebody has answered:
    talkpath offer --dtmf '159#' --sdp-out offer.sdp --answer answer.sdp --seconds 3

  Play a file to a player that cannot speak RTCP on the same port:
    talkpath offer --direction sendonly --rtcp-mux off --play a.wav \\
      --sdp-out offer.sdp --answer answer.sdp

Ctrl-C ends the call with a goodbye; the recording is kept. Exit status: 0 when the call was
made, even if nothing was heard (the summary says why); 1 when it could not be, or nothing was heard
with --require-media; 2 for arguments that cannot be read; 130 when interrupted before the call began.";

const ANSWER_EXAMPLES: &str = "\
Examples:
  Answer a call and record it until the other side says goodbye:
    talkpath answer --offer offer.sdp --sdp-out answer.sdp --record heard.wav

  Record what is heard and seen:
    talkpath answer --offer offer.sdp --sdp-out answer.sdp --video vp8,h264 --record call.mkv

  Answer an offer from a pipe, speak A-law, print JSON:
    cat offer.sdp | talkpath answer --offer - --sdp-out answer.sdp --codecs pcma --seconds 5 --json

  A peer behind a NAT, whose packets come from elsewhere than its SDP says:
    talkpath answer --offer offer.sdp --sdp-out answer.sdp --source-policy learn

--seconds counts from the first packet if one comes within that time, so that nothing is missed
of a peer that takes a while to read the answer; else from the answer. Ctrl-C ends the call with
a goodbye; the recording is kept. Exit status: 0 when the call was made, even if nothing was heard
(the summary says why); 1 when it could not be, or nothing was heard with --require-media; 2 for
arguments that cannot be read; 130 when interrupted before the call began.";

const SDP_EXAMPLES: &str = "\
Examples:
  talkpath sdp offer.sdp
  talkpath sdp answer.sdp --answer-to offer.sdp
  xclip -o | talkpath sdp -

Exit status: 0 when nothing worse than a warning was found; 1 for an error in the SDP, or a file
that is none; 2 for arguments that cannot be read.";

const PROBE_EXAMPLES: &str = "\
Examples:
  talkpath probe call.pcap
  talkpath probe call.pcap --sdp offer.sdp --sdp answer.sdp --wav heard/ --plot call.svg
  talkpath probe call.pcap --json | jq '.streams[].quality.mos'
  tcpdump -i any -w call.pcap udp portrange 10000-20000     captures a call

MOS and R are those of the E-model (ITU-T G.107), on the narrow-band scale: 4.4 and 93 are the best.

Exit status: 0 when a stream was found; 1 when there is none, or the file is no capture; 2 for
arguments that cannot be read.";

const RECOVER_EXAMPLES: &str = "\
Examples:
  talkpath recover
  talkpath recover /var/spool/calls

A recording is FILE.part until it is finished. Of one that was not, all that was written is kept and
gets the name FILE; where there is such a file, FILE.recovered. What holds no sound becomes
FILE.broken. What is being recorded at this moment is left alone.

Exit status: 0 when all was done that can be; 1 when the system would not have it; 2 for arguments
that cannot be read.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        use clap::CommandFactory;
        TopLevel::command().debug_assert();
    }
}
