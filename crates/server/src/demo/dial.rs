//! The caller dials: after the talk, if it was asked to.
//!
//! In: two active parties and what to dial. Out: what the callee was told of
//! it, which is read from the events of its session.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use talkpath::{DialEnd, Digit, Dtmf, Event, Events, Happening, Notice};

use super::party::Party;
use super::teller::Teller;
use crate::failure::Failure;
use crate::interrupt;

/// What was dialled, and what arrived.
#[derive(Debug)]
pub(super) struct Dialled {
    text: String,
    told: String,
}

/// Dials, and waits until each digit was told or it is too late.
pub(super) fn dial(
    teller: &Teller,
    events: &Events<Event>,
    dtmf: &Dtmf,
    [caller, callee]: [&Party; 2],
) -> Result<Dialled, Failure> {
    let text: String = dtmf.digits().map(Digit::as_char).collect();
    teller.say(&format!("The caller dials {text}."));
    let mut dialling = Some(caller.session.dtmf(dtmf.clone())?);
    let mut dialled = Dialled {
        text,
        told: String::new(),
    };
    let mut until = None;
    while !interrupt::is_asked() && until.is_none_or(|until| Instant::now() < until) {
        if let Ok(Notice::Event(event)) = events.recv_timeout(TURN)
            && let Happening::Digit { digit, .. } = event.what
            && event.session == callee.session.id()
        {
            dialled.told.push(digit.as_char());
        }
        let ended = dialling
            .as_mut()
            .and_then(|digits| digits.wait_timeout(Duration::ZERO));
        if let Some(ended) = ended {
            dialling = None;
            let patience = match ended {
                Ok(DialEnd::Dialled) => SETTLE,
                _ => Duration::ZERO,
            };
            until = Some(Instant::now() + patience);
        }
        if until.is_some() && dialled.problem().is_none() {
            break;
        }
    }
    let Dialled { told, .. } = &dialled;
    teller.say(&match told.is_empty() {
        true => "The callee was told of no digit.".into(),
        false => format!("The callee was told: {told}."),
    });
    Ok(dialled)
}

impl Dialled {
    /// What of it did not arrive as it was dialled.
    pub(super) fn problem(&self) -> Option<String> {
        let Dialled { text, told } = self;
        (text != told)
            .then(|| format!("the caller dialled {text}, and the callee was told {told:?}"))
    }

    pub(super) fn to_json(&self) -> Value {
        json!({"caller": self.text, "callee_was_told": self.told})
    }
}

/// How often Ctrl-C is looked at.
const TURN: Duration = Duration::from_millis(20);
/// How long the last digit may take.
const SETTLE: Duration = Duration::from_secs(2);
