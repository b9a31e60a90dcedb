//! Standard output, as programs in a pipe want it: a reader that has gone away
//! is no error.

use std::io::{Write, stdout};

/// Prints `text` as it is.
pub(crate) fn print(text: &str) {
    let mut out = stdout().lock();
    // Whoever reads has seen enough when this fails.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// Prints a line.
pub(crate) fn print_line(text: impl std::fmt::Display) {
    print(&format!("{text}\n"));
}

/// `text` without what would move a terminal's cursor or change its colours.
pub(crate) fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '\t' => "    ".chars().collect::<Vec<_>>(),
        c if c.is_control() => c.escape_default().collect(),
        c => vec![c],
    };
    text.chars().flat_map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_a_cursor_is_shown_and_not_done() {
        assert_eq!(printable("s=\u{1b}[2J\tgrün"), "s=\\u{1b}[2J    grün");
    }
}
