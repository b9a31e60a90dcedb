//! `talkpath recover FOLDER`: what a crash left of recordings, made whole.

use talkpath::{Recovered, Recovery, recover};

use crate::cli::RecoverArguments;
use crate::failure::Failure;
use crate::output::{print_line, printable};

/// Repairs and says what it did; 1 when something could not be repaired.
pub(crate) fn run(arguments: &RecoverArguments) -> Result<u8, Failure> {
    let found = recover(&arguments.folder).map_err(|error| Failure::new(error.to_string()))?;
    if found.is_empty() {
        print_line(format_args!(
            "{}: nothing unfinished",
            arguments.folder.display()
        ));
    }
    let mut status = 0;
    for Recovered { part, outcome, .. } in found {
        let words = match outcome {
            Recovery::Repaired { path, cut: 0 } => format!("whole, now {}", path.display()),
            Recovery::Repaired { path, cut } => {
                let bytes = if cut == 1 { "byte" } else { "bytes" };
                format!(
                    "whole but for {cut} {bytes} at its end, now {}",
                    path.display()
                )
            }
            Recovery::SetAside { path, why } => {
                format!("beyond repair, now {}: {why}", path.display())
            }
            Recovery::InUse => "is being recorded, left alone".into(),
            Recovery::Foreign => "none of our recordings, left alone".into(),
            Recovery::Failed { fault } => {
                status = 1;
                format!("could not be repaired: {fault}")
            }
            other => format!("{other:?}"),
        };
        print_line(printable(&format!("{}: {words}", part.display())));
    }
    Ok(status)
}
