//! No file is named twice on one command line.
//!
//! In: options and the paths they name. Out: nothing, or which two would write
//! over each other, told before anything is opened.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// An option and the path that it names.
pub(crate) type Named<'a> = (&'static str, Option<&'a Path>);

/// Checks that no two of `named` are the same file.
pub(crate) fn check(named: &[Named<'_>]) -> Result<(), Failure> {
    let files = named.iter().filter_map(|(option, path)| {
        let path = path.filter(|path| path.to_str() != Some("-"))?;
        Some((*option, whole(path)))
    });
    let mut seen: Vec<(&str, PathBuf)> = Vec::new();
    for (option, file) in files {
        if let Some((other, _)) = seen.iter().find(|(_, seen)| *seen == file) {
            return Err(
                Failure::new(format!("{other} and {option} name the same file"))
                    .hint("each takes a file of its own"),
            );
        }
        seen.push((option, file));
    }
    Ok(())
}

/// The path without detours, as far as it exists.
fn whole(path: &Path) -> PathBuf {
    if let Ok(found) = fs::canonicalize(path) {
        return found;
    }
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = fs::canonicalize(folder.unwrap_or(Path::new(".")));
    match (folder, path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_file_by_two_names_is_found_and_streams_are_none() {
        let (file, detour) = (Path::new("none.wav"), Path::new("./none.wav"));
        let refused = check(&[("--play", Some(file)), ("--record", Some(detour))]);
        let words = refused.unwrap_err().to_string();
        assert!(words.contains("--play and --record name the same file"));
        let stream = Some(Path::new("-"));
        assert!(
            check(&[
                ("--sdp-out", stream),
                ("--answer", stream),
                ("--pcap", None)
            ])
            .is_ok()
        );
    }
}
