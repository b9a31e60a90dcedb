//! `crypto`, `fingerprint`, `setup`. Messages never show what could be a key.

use alloc::format;
use alloc::vec::Vec;

use super::{Report, Rule};
use crate::attribute::{Attribute, Crypto, Fingerprint, Setup};
use crate::media::Media;
use crate::media_line::Protocol;

pub(super) fn check(media: &Media<'_>, report: &mut Report) {
    let mut tags = Vec::new();
    let session = media.section().description.session();
    // Session-level ones count for every medium; the report says them once.
    for (line, attribute) in session.attributes().chain(media.attributes()) {
        let (number, value) = (line.number(), attribute.value);
        match attribute.name {
            b"crypto" => crypto(number, value, &mut tags, report),
            b"fingerprint" if Fingerprint::parse(value).is_none() => {
                let message = "expected a=fingerprint:<hash> <AA:BB:...>";
                report.add(number, Rule::MalformedFingerprint, message);
            }
            b"setup" if Setup::parse(value).is_none() => {
                let message = "expected active, passive, actpass or holdconn";
                report.add(number, Rule::MalformedSetup, message);
            }
            _ => {}
        }
    }
    if media.port() != 0 {
        keys(media, report);
    }
}

fn crypto(number: usize, value: &[u8], tags: &mut Vec<u32>, report: &mut Report) {
    let Some(crypto) = Crypto::parse(value) else {
        let message = "expected a=crypto:<tag> <suite> inline:<key>";
        return report.add(number, Rule::MalformedCrypto, message);
    };
    if let Some(at) = crypto.key_parameters().position(|key| key.is_none()) {
        let message = format!(
            "key {} is not inline:<base64>[|<lifetime>][|<mki>:<length>]",
            at + 1
        );
        report.add(number, Rule::MalformedCrypto, message);
    }
    if tags.contains(&crypto.tag) {
        let message = format!(
            "tag {} is taken by another line; number them apart",
            crypto.tag
        );
        return report.add(number, Rule::DuplicateCryptoTag, message);
    }
    tags.push(crypto.tag);
}

fn keys(media: &Media<'_>, report: &mut Report) {
    let number = media.line().number();
    let fingerprint = media.inherited::<Fingerprint<'_>>().is_some();
    match media.protocol() {
        Protocol::DtlsSavp | Protocol::DtlsSavpf if !fingerprint => {
            let message = "DTLS-SRTP without a=fingerprint; add it here or in the session";
            report.add(number, Rule::MissingFingerprint, message);
        }
        Protocol::RtpSavp | Protocol::RtpSavpf if !fingerprint && !media.has("crypto") => {
            let message = "a secure profile without keys; add a=crypto or a=fingerprint";
            report.add(number, Rule::MissingKeys, message);
        }
        _ => {}
    }
}
