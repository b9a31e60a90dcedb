//! By how much one sound lags behind another, found by their likeness alone.

/// Where `window` stands in `whole` between `from` and `to`, and how like it is
/// to what stands there, at most 1; none where either is near silence.
pub(crate) fn place(window: &[i16], whole: &[i16], from: i64, to: i64) -> Option<(i64, f64)> {
    let energy = |pcm: &[i16]| pcm.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
    let own = energy(window);
    if own < QUIET * window.len() as f64 {
        return None;
    }
    let mut best = None;
    for at in from.max(0)..=to.min(whole.len() as i64 - window.len() as i64) {
        let there = &whole[at as usize..at as usize + window.len()];
        let product: f64 = window
            .iter()
            .zip(there)
            .map(|(a, b)| f64::from(i32::from(*a) * i32::from(*b)))
            .sum();
        let likeness = product / (own * energy(there)).sqrt().max(1.0);
        if best.is_none_or(|(_, most)| likeness > most) {
            best = Some((at, likeness));
        }
    }
    best
}

/// The mean square of a sample under which there is nothing to be found.
const QUIET: f64 = 300.0 * 300.0;
