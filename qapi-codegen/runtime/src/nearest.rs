//! "Did you mean": the names that look like the one that does not exist.

/// How alike two names must be, from 0 to 1. At this value one wrong letter in four is forgiven.
const ALIKE: f64 = 0.7;

/// Names longer than this resemble nothing: to compare two costs the product of their lengths.
const LONGEST: usize = 200;

/// At most this many names: more help nobody.
const AT_MOST: usize = 3;

/// The candidates that resemble a name, best first; among equals, in the order given.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let plain = |text: &str| text.to_ascii_lowercase().replace('_', "-");
    let wanted = plain(name);
    let mut ranked: Vec<(f64, &str)> = candidates
        .into_iter()
        .filter(|candidate| name.len().max(candidate.len()) <= LONGEST)
        .map(|candidate| {
            let other = plain(candidate);
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
