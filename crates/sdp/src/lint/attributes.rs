//! RTCP, header extensions, sources, mids and groups.

use alloc::format;
use alloc::vec::Vec;

use super::{Report, Rule, shown};
use crate::attribute::{
    Attribute, Extmap, FeedbackTarget, Group, Mid, Rtcp, RtcpFb, RtcpMux, RtcpMuxOnly,
    SsrcAttribute,
};
use crate::description::SessionDescription;
use crate::media::Media;

pub(super) fn check(media: &Media<'_>, report: &mut Report) {
    let mut extension_ids = Vec::new();
    for (line, attribute) in media.attributes() {
        let (number, value) = (line.number(), attribute.value);
        match attribute.name {
            b"rtcp" if Rtcp::parse(value).is_none() => {
                let message = format!(
                    "expected a=rtcp:<port> [IN IP4|IP6 <address>], found {}",
                    shown(value)
                );
                report.add(number, Rule::MalformedRtcp, message);
            }
            b"rtcp-mux" if RtcpMux::parse(value).is_none() => no_value(number, report),
            b"rtcp-mux-only" if RtcpMuxOnly::parse(value).is_none() => no_value(number, report),
            b"rtcp-mux-only" if !media.has("rtcp-mux") => {
                let message = "a=rtcp-mux must stand beside a=rtcp-mux-only; add it";
                report.add(number, Rule::MuxOnlyWithoutMux, message);
            }
            b"rtcp-fb" => feedback(media, number, value, report),
            b"extmap" => extmap(number, value, &mut extension_ids, report),
            b"ssrc" if SsrcAttribute::parse(value).is_none() => {
                let message = format!(
                    "expected a=ssrc:<number> <attribute>, found {}",
                    shown(value)
                );
                report.add(number, Rule::MalformedSsrc, message);
            }
            _ => {}
        }
    }
}

fn no_value(number: usize, report: &mut Report) {
    report.add(
        number,
        Rule::MalformedRtcpMux,
        "takes no value; write the name alone",
    );
}

fn feedback(media: &Media<'_>, number: usize, value: &[u8], report: &mut Report) {
    let Some(feedback) = RtcpFb::parse(value) else {
        let message = format!(
            "expected a=rtcp-fb:<type or *> <kind>, found {}",
            shown(value)
        );
        return report.add(number, Rule::MalformedRtcpFb, message);
    };
    if let FeedbackTarget::One(payload_type) = feedback.target
        && !media.payload_types().any(|listed| listed == payload_type)
    {
        let message = format!("payload type {payload_type} is not in the m= line; add or remove");
        report.add(number, Rule::RtcpFbUnknownFormat, message);
    }
    if !media.protocol().has_feedback() {
        let message = format!(
            "{} has no such feedback; use an AVPF profile",
            media.protocol()
        );
        report.add(number, Rule::RtcpFbWithoutProfile, message);
    }
}

fn extmap(number: usize, value: &[u8], ids: &mut Vec<u16>, report: &mut Report) {
    let Some(extension) = Extmap::parse(value) else {
        let message = format!(
            "expected a=extmap:<id>[/<direction>] <uri>, found {}",
            shown(value)
        );
        return report.add(number, Rule::MalformedExtmap, message);
    };
    if ids.contains(&extension.id) {
        let message = format!("header extension {} has a meaning already", extension.id);
        return report.add(number, Rule::DuplicateExtmap, message);
    }
    ids.push(extension.id);
}

pub(super) fn check_groups(description: &SessionDescription, report: &mut Report) {
    let mut mids: Vec<&str> = Vec::new();
    for media in description.media() {
        for (line, attribute) in media.attributes().filter(|(_, a)| a.name == b"mid") {
            match Mid::parse(attribute.value) {
                None => report.add(line.number(), Rule::MalformedMid, "expected a=mid:<name>"),
                Some(Mid(mid)) if mids.contains(&mid) => {
                    let message =
                        format!("mid {} is taken by another m-line", shown(mid.as_bytes()));
                    report.add(line.number(), Rule::DuplicateMid, message);
                }
                Some(Mid(mid)) => mids.push(mid),
            }
        }
    }
    let groups = description
        .session()
        .attributes()
        .filter(|(_, a)| a.name == b"group");
    for (line, attribute) in groups {
        let Some(group) = Group::parse(attribute.value) else {
            let message = "expected a=group:<semantics> <mid>...";
            report.add(line.number(), Rule::MalformedGroup, message);
            continue;
        };
        for mid in group
            .mids()
            .filter(|mid| !mids.iter().any(|known| known.as_bytes() == *mid))
        {
            let message = format!("no m-line has mid {}; remove it from the group", shown(mid));
            report.add(line.number(), Rule::GroupUnknownMid, message);
        }
    }
}
