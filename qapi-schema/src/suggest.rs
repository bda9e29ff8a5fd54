//! Finds the name that somebody probably meant.

/// Names longer than this resemble nothing: to compare two costs the product of their lengths.
const LONGEST: usize = 200;

/// The candidate nearest to `name`, if one is near: at most a third of the characters added,
/// removed, replaced or swapped, capitals counting as small letters.
pub fn nearest<'c>(name: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let limit = name.chars().count().div_ceil(3);
    let small = name.to_ascii_lowercase();
    let measured = candidates
        .filter(|it| name.len() <= LONGEST && it.len().abs_diff(name.len()) <= limit)
        .map(|it| (strsim::osa_distance(&small, &it.to_ascii_lowercase()), it));
    measured.filter(|(distance, _)| *distance <= limit).min().map(|(_, candidate)| candidate)
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
        check("itn", Some("int"));
        check("machinetype", Some("MachineType"));
        check("Elephant", None);
    }
}
