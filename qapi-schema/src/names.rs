//! The rules for names, and the C spelling by which clashes are found.

use crate::error::Problem;

/// Which liberties a lower-case name has.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Permit {
    pub(crate) upper: bool,
    pub(crate) underscore: bool,
    pub(crate) dot: bool,
}

impl Permit {
    /// What `member-name-exceptions` grants.
    pub(crate) fn exception(granted: bool) -> Self {
        Self { upper: granted, underscore: granted, dot: false }
    }
}

/// Checks the name of an event.
pub(crate) fn check_upper(name: &str, what: &str) -> Result<(), Problem> {
    let stem = stem(name, what, false)?;
    if stem.contains(|c: char| c.is_ascii_lowercase() || c == '-') {
        return Err(Problem::NotUpperCase { what: what.to_owned() });
    }
    Ok(())
}

/// Checks the name of a command, member, value, branch or feature.
pub(crate) fn check_lower(name: &str, what: &str, permit: Permit) -> Result<(), Problem> {
    let stem = stem(name, what, permit.dot)?;
    let upper = !permit.upper && stem.contains(|c: char| c.is_ascii_uppercase());
    if upper || !permit.underscore && stem.contains('_') {
        return Err(Problem::NotLowerCase { what: what.to_owned() });
    }
    Ok(())
}

/// Checks the name of a type.
pub(crate) fn check_camel(name: &str, what: &str) -> Result<(), Problem> {
    let stem = stem(name, what, false)?;
    let camel = stem.starts_with(|c: char| c.is_ascii_uppercase())
        && stem.chars().all(|c| c.is_ascii_alphanumeric())
        && stem.contains(|c: char| c.is_ascii_lowercase());
    if !camel {
        return Err(Problem::NotCamelCase { what: what.to_owned() });
    }
    if name.ends_with("List") {
        return Err(Problem::NamedList { what: what.to_owned() });
    }
    Ok(())
}

/// Whether generated C code needs the name of a member for itself.
pub(crate) fn is_reserved(name: &str) -> bool {
    let spelling = spelling(name);
    spelling == "u" || spelling.starts_with("has_")
}

/// The part of a name to which the rules about case apply: without a downstream prefix
/// (`__com.example_`) and without `x-`.
fn stem<'n>(name: &'n str, what: &str, dot: bool) -> Result<&'n str, Problem> {
    match split(name, dot) {
        Some(stem) if !spelling(name).starts_with("q_") => Ok(stem),
        _ => Err(Problem::InvalidName { what: what.to_owned() }),
    }
}

fn split(name: &str, dot: bool) -> Option<&str> {
    let rest = match name.strip_prefix("__") {
        Some(vendor) => {
            let is_vendor = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
            let (vendor, rest) = vendor.split_once('_')?;
            if vendor.is_empty() || !vendor.chars().all(is_vendor) {
                return None;
            }
            rest
        }
        None => name,
    };
    let experimental = rest.strip_prefix("x-").or_else(|| rest.strip_prefix("X-"));
    // `x-` alone, or before a digit, is no prefix but part of the stem.
    match experimental.filter(|stem| is_stem(stem, dot)) {
        Some(stem) => Some(stem),
        None => Some(rest).filter(|stem| is_stem(stem, dot)),
    }
}

fn is_stem(stem: &str, dot: bool) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-' || dot && c == '.';
    stem.starts_with(|c: char| c.is_ascii_alphabetic()) && stem.chars().all(inner)
}

/// A name with everything that C does not allow in identifiers replaced. Two members with the same
/// spelling clash.
///
/// The reference also puts `q_` before reserved words. As no name may begin with that, it never
/// makes a difference here.
pub(crate) fn spelling(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
