//! A bad network to try out, if one is asked for.
//!
//! In: `--loss`, `--jitter`, `--reorder` and `--impair-seed`. Out: the world
//! that a manager is to live in, and what went wrong there, in words and JSON.

use std::fmt;
use std::sync::Arc;

use serde_json::{Value, json};
use talkpath::driver::{Harm, Impaired, Impairments, Os};

use crate::cli::NetworkArguments;
use crate::words::{counted, millis};

/// The network that was asked for.
#[derive(Debug)]
pub(crate) struct Network {
    impaired: Option<(Arc<Impaired>, u64)>,
}

impl Network {
    pub(crate) fn new(arguments: &NetworkArguments) -> Self {
        let wanted = Impairments {
            loss: arguments.loss,
            jitter: arguments.jitter,
            reorder: arguments.reorder,
        };
        let seed = arguments.impair_seed;
        let impaired = (wanted != Impairments::default())
            .then(|| Arc::new(Impaired::new(Arc::new(Os::new()), wanted, seed)));
        Network {
            impaired: impaired.map(|impaired| (impaired, seed)),
        }
    }

    /// The builder of a manager on this network.
    pub(crate) fn under(&self, builder: talkpath::Builder) -> talkpath::Builder {
        match &self.impaired {
            Some((impaired, _)) => builder.driver(Arc::clone(impaired) as _),
            None => builder,
        }
    }

    /// What went wrong, if that was asked for.
    pub(crate) fn trial(&self) -> Option<Trial> {
        let (impaired, seed) = self.impaired.as_ref()?;
        let (harm, seed) = (impaired.harm(), *seed);
        Some(Trial { harm, seed })
    }
}

/// What a bad network came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trial {
    pub(crate) harm: Harm,
    seed: u64,
}

impl Trial {
    /// Whether nothing got through of what came.
    pub(crate) fn is_total(&self) -> bool {
        self.harm.lost > 0 && self.harm.lost == self.harm.arrived
    }

    pub(crate) fn to_json(self) -> Value {
        json!({
            "seed": self.seed,
            "arrived": self.harm.arrived,
            "lost": self.harm.lost,
            "reordered": self.harm.reordered,
            "delayed_ms": self.harm.delayed.as_secs_f64() * 1000.0,
        })
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Trial { harm, seed } = self;
        write!(
            f,
            "of {} {} lost, {} overtaken, late by up to {} (--impair-seed {seed})",
            counted(harm.arrived, "packet"),
            harm.lost,
            harm.reordered,
            millis(harm.delayed),
        )
    }
}
