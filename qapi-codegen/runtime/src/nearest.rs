//! "Did you mean": the names that look like the one that does not exist.

/// How alike two names must be, from 0 to 1. At this value one wrong letter in four is forgiven.
const ALIKE: f64 = 0.7;

/// Bytes of a character, at most: lengths are in bytes, likeness is in characters.
const UTF8: f64 = 4.0;

/// At most this many names: more help nobody.
const AT_MOST: usize = 3;

/// The candidates that resemble a name, best first; among equals, in the order given.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace('_', "-");
    let wanted = plain(name);
    let mut ranked: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| (candidate, plain(candidate)))
        // The comparison costs the product of the lengths: not for names that differ in it alone
        // by more than is forgiven.
        .filter(|(_, other)| {
            let (short, long) = (wanted.len().min(other.len()), wanted.len().max(other.len()));
            other.contains(&wanted) || short as f64 >= ALIKE * long as f64 / UTF8
        })
        .map(|(candidate, other)| {
            let edits = strsim::normalized_damerau_levenshtein(&wanted, &other);
            // A name cut short or with a part left out is also a near miss.
            let part = wanted.len() >= 4 && other.contains(&wanted);
            (if part { edits.max(ALIKE) } else { edits }, candidate)
        })
        .filter(|(alike, _)| *alike >= ALIKE)
        .collect();
    ranked.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    ranked.into_iter().take(AT_MOST).map(|(_, candidate)| candidate).collect()
}
