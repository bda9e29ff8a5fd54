//! Finds the name that somebody probably meant.

/// The candidate nearest to `name`, if one is near.
pub fn nearest<'c>(name: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let limit = name.chars().count().div_ceil(3);
    let measured = candidates
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= limit)
        .map(|candidate| (distance(name, candidate), candidate));
    measured.filter(|(distance, _)| *distance <= limit).min().map(|(_, candidate)| candidate)
}

/// The number of characters to add, remove or replace, capitals counting as small letters.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().map(|c| c.to_ascii_lowercase()).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, left) in one.chars().map(|c| c.to_ascii_lowercase()).enumerate() {
        let mut before = line + 1;
        let mut next = vec![before];
        for (pair, right) in row.windows(2).zip(&other) {
            if let [diagonal, above] = *pair {
                before = (diagonal + usize::from(left != *right)).min(above + 1).min(before + 1);
                next.push(before);
            }
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_near() {
        let names = ["str", "int", "uint8", "MachineType", "Machine"];
        let check = |name, expected| assert_eq!(nearest(name, names.into_iter()), expected);
        check("string", None);
        check("unit8", Some("uint8"));
        check("machinetype", Some("MachineType"));
        check("Elephant", None);
    }
}
