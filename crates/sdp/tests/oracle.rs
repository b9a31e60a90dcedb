//! An independent parser reads the same from what is valid.

mod corpus;

use corpus::CORPUS;
use talkpath_sdp::SessionDescription;

/// sdp-types refuses what is not UTF-8 or not in order; it is asked about the
/// rest, and must be asked often enough.
#[test]
fn an_independent_parser_reads_the_same() {
    let mut compared = 0;
    for (name, text) in CORPUS {
        let Ok(theirs) = sdp_types::Session::parse(text) else {
            continue;
        };
        let ours = SessionDescription::parse(text).unwrap();
        assert_eq!(ours.media().len(), theirs.medias.len(), "{name}");
        let session = ours.session();
        if let (Some(line), Some(origin)) = (session.first(b'o'), ours.origin()) {
            assert_eq!(
                origin.version_number(),
                Some(theirs.origin.sess_version),
                "{name}"
            );
            assert_eq!(
                origin.address,
                theirs.origin.unicast_address.as_bytes(),
                "{line:?}"
            );
        }
        same_attributes(&session, &theirs.attributes, name);
        for (media, other) in ours.media().zip(&theirs.medias) {
            assert_eq!(media.kind().as_str(), other.media, "{name}");
            assert_eq!(media.port(), other.port, "{name}");
            assert_eq!(media.media_line().port_count, other.num_ports, "{name}");
            assert_eq!(media.protocol().as_str(), other.proto, "{name}");
            let formats: Vec<_> = other
                .fmt
                .split_ascii_whitespace()
                .map(str::as_bytes)
                .collect();
            assert_eq!(media.formats().collect::<Vec<_>>(), formats, "{name}");
            same_attributes(&media.section(), &other.attributes, name);
            let host = media
                .own_connection()
                .map(|connection| connection.host.to_string());
            if let (Some(host), Some(other)) = (host, other.connections.first()) {
                assert_eq!(host, other.connection_address, "{name}");
            }
        }
        compared += 1;
    }
    assert!(compared >= 30, "only {compared} were compared");
}

fn same_attributes(ours: &talkpath_sdp::Section<'_>, theirs: &[sdp_types::Attribute], name: &str) {
    let ours: Vec<_> = ours
        .attributes()
        .map(|(_, a)| (a.name.to_vec(), a.value.trim_ascii().to_vec()))
        .collect();
    let theirs: Vec<_> = theirs
        .iter()
        .map(|a| {
            let value = a.value.as_deref().unwrap_or("").trim_ascii();
            (a.attribute.as_bytes().to_vec(), value.as_bytes().to_vec())
        })
        .collect();
    assert_eq!(ours, theirs, "{name}");
}
