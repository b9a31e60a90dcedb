//! What codecs cost: their equipment impairment and how they bear loss.
//!
//! In: a format. Out: Ie and Bpl of ITU-T G.113 Appendix I, tables I.1 and I.2,
//! where it has them. For G.722, L16 and Opus it has none on the narrow-band
//! scale; what stands here for them is ours, and says on what it rests.

use talkpath_wire::Format;

/// Equipment impairment and packet-loss robustness of a codec (G.107 §7.5).
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Impairment {
    /// Ie: what it costs without loss, on the scale of R.
    pub equipment: f64,
    /// Bpl: how well it bears loss; the percentage of loss at which half of
    /// what can be lost is.
    pub robustness: f64,
}

impl Impairment {
    /// G.711 with concealment of losses (G.113 table I.2).
    pub const G711: Impairment = Impairment::new(0.0, 25.1);
    /// G.711 where a loss is silence (G.113 table I.2).
    pub const G711_UNCONCEALED: Impairment = Impairment::new(0.0, 4.3);
    /// G.729 with Annex A and silence suppression (G.113 table I.2).
    pub const G729: Impairment = Impairment::new(11.0, 19.0);
    /// Wide-band speech that is transparent on the narrow-band scale, its
    /// losses concealed as those of G.711 are: hence the same values.
    pub const WIDEBAND: Impairment = Impairment::new(0.0, 25.1);
    /// Opus for speech at 16 kbit/s and more, after its own recovery of losses
    /// (FEC): transparent on this scale; a loss that remains costs about what
    /// it costs G.729, whose decoder too has to find its state again.
    pub const OPUS: Impairment = Impairment::new(0.0, 19.0);

    const fn new(equipment: f64, robustness: f64) -> Self {
        Impairment {
            equipment,
            robustness,
        }
    }

    /// Of `format`, if it is speech of a codec that is known here.
    ///
    /// ```
    /// use talkpath_media::quality::Impairment;
    /// use talkpath_wire::Format;
    /// assert_eq!(Impairment::of(&Format::new("pcma", 8000)), Some(Impairment::G711));
    /// assert_eq!(Impairment::of(&Format::new("telephone-event", 8000)), None);
    /// ```
    pub fn of(format: &Format) -> Option<Self> {
        let known = TABLE.iter().find(|(name, _)| format.is(name));
        known.map(|(_, impairment)| *impairment)
    }
}

const TABLE: &[(&str, Impairment)] = &[
    ("PCMU", Impairment::G711),
    ("PCMA", Impairment::G711),
    ("G722", Impairment::WIDEBAND),
    ("L16", Impairment::WIDEBAND),
    ("opus", Impairment::OPUS),
    ("G729", Impairment::G729),
    // G.113 table I.2: G.723.1 at 6.3 kbit/s, GSM-EFR, which is AMR at 12.2.
    ("G723", Impairment::new(15.0, 16.1)),
    ("AMR", Impairment::new(5.0, 10.0)),
    ("GSM-EFR", Impairment::new(5.0, 10.0)),
    // G.113 table I.1 knows Ie of these, but not Bpl: that of G.729 stands in.
    ("GSM", Impairment::new(20.0, 19.0)),
    ("G728", Impairment::new(7.0, 19.0)),
    ("G726-32", Impairment::new(7.0, 19.0)),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_codec_has_its_line() {
        for codec in talkpath_audio::codec::BUILT_IN {
            let is_listed = |(name, _): &(&str, _)| codec.name().eq_ignore_ascii_case(name);
            assert!(TABLE.iter().any(is_listed), "{}", codec.name());
        }
    }

    // Bpl divides: none may be zero, and Ie stays below what can be lost.
    #[test]
    fn every_value_is_one_that_the_model_takes() {
        for (name, impairment) in TABLE {
            assert!(impairment.robustness >= 1.0, "{name}");
            assert!((0.0..95.0).contains(&impairment.equipment), "{name}");
        }
    }
}
