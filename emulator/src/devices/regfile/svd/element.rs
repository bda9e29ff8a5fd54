//! Elements of SVD files with what they derive from, their numbers, and their arrays.

use roxmltree::Node;

/// How many elements one may derive from, one from the other.
const LONGEST: usize = 16;
/// The longest array.
const MOST: u64 = 1 << 16;

/// What is wrong with a file, and where.
#[derive(Debug)]
pub(super) struct Wrong<'a> {
    pub(super) node: Option<Node<'a, 'a>>,
    pub(super) what: String,
}

impl<'a> Wrong<'a> {
    pub(super) fn at(node: Node<'a, 'a>, what: impl Into<String>) -> Self {
        Self { node: Some(node), what: what.into() }
    }
}

/// An element, and the elements that it derives from: what it does not say, they do.
#[derive(Clone)]
pub(super) struct Element<'a> {
    chain: Vec<Node<'a, 'a>>,
}

impl<'a> Element<'a> {
    /// One that derives from none.
    pub(super) fn plain(node: Node<'a, 'a>) -> Self {
        Self { chain: vec![node] }
    }

    /// One that may.
    pub(super) fn derived(
        node: Node<'a, 'a>,
        find: impl Fn(&str) -> Option<Node<'a, 'a>>,
    ) -> Result<Self, Wrong<'a>> {
        let mut chain = vec![node];
        let mut at = node;
        while let Some(path) = at.attribute("derivedFrom") {
            let Some(next) = find(path).filter(|next| next.tag_name() == node.tag_name()) else {
                let what = format!("derivedFrom names no {} '{path}'", node.tag_name().name());
                return Err(Wrong::at(at, what));
            };
            if chain.contains(&next) || chain.len() >= LONGEST {
                let what = format!(
                    "derivedFrom leads round in a circle, or over more than {LONGEST} elements, by '{path}'"
                );
                return Err(Wrong::at(at, what));
            }
            chain.push(next);
            at = next;
        }
        Ok(Self { chain })
    }

    /// The element itself.
    pub(super) fn node(&self) -> Node<'a, 'a> {
        self.chain[0]
    }

    /// The element and what it derives from, nearest first.
    pub(super) fn chain(&self) -> &[Node<'a, 'a>] {
        &self.chain
    }

    /// The first child with a tag, of the nearest that has one.
    pub(super) fn child(&self, tag: &str) -> Option<Node<'a, 'a>> {
        self.chain.iter().find_map(|node| node.children().find(|child| child.has_tag_name(tag)))
    }

    /// The text of that.
    pub(super) fn text(&self, tag: &str) -> Option<&'a str> {
        self.child(tag)?.text().map(str::trim)
    }

    /// The number in that.
    pub(super) fn number(&self, tag: &str) -> Result<Option<u64>, Wrong<'a>> {
        let Some(child) = self.child(tag) else { return Ok(None) };
        let text = child.text().map(str::trim).unwrap_or_default();
        match number(text) {
            Some(value) => Ok(Some(value)),
            None => Err(Wrong::at(child, format!("'{tag}' expects a number, not '{text}'"))),
        }
    }

    /// Whether it says what reads or writes do beside the plain.
    pub(super) fn has_effects(&self) -> bool {
        self.child("modifiedWriteValues").is_some() || self.child("readAction").is_some()
    }
}

/// A number as SVD files have it (`scaledNonNegativeInteger`): decimal, `0x`, `#` or `0b` for
/// binary, and k, M, G, T behind it.
pub(super) fn number(text: &str) -> Option<u64> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let radix = |prefixes: &[&str]| prefixes.iter().find_map(|prefix| text.strip_prefix(prefix));
    if let Some(digits) = radix(&["0x", "0X"]) {
        return u64::from_str_radix(digits, 16).ok();
    }
    if let Some(digits) = radix(&["#", "0b", "0B"]) {
        return u64::from_str_radix(digits, 2).ok();
    }
    let scaled = |letter: char| match letter {
        'k' | 'K' => Some(10),
        'm' | 'M' => Some(20),
        'g' | 'G' => Some(30),
        't' | 'T' => Some(40),
        _ => None,
    };
    match text.chars().last().and_then(scaled) {
        Some(shift) => {
            let value: u64 = text.get(..text.len() - 1)?.parse().ok()?;
            value.checked_mul(1 << shift)
        }
        None => text.parse().ok(),
    }
}

/// The elements of an array or a list: how many, how far apart, what stands in their names.
pub(super) enum Dim {
    One,
    Many { indices: Vec<String>, increment: u64 },
}

impl Dim {
    pub(super) fn of<'a>(element: &Element<'a>) -> Result<Self, Wrong<'a>> {
        // An element that derives from an array is no array unless it says so.
        let own = Element::plain(element.node());
        let Some(count) = own.number("dim")? else { return Ok(Self::One) };
        if !(1..=MOST).contains(&count) {
            let what = format!("'dim' expects a number from 1 to {MOST}, not {count}");
            return Err(Wrong::at(element.node(), what));
        }
        let increment = own.number("dimIncrement")?.unwrap_or(0);
        let indices = match own.text("dimIndex") {
            None => (0..count).map(|index| index.to_string()).collect(),
            Some(text) => {
                indices(text).filter(|list| list.len() as u64 == count).ok_or_else(|| {
                    let what = format!(
                        "'dimIndex' expects {count} names, such as 0-{} or A,B, not '{text}'",
                        count - 1
                    );
                    Wrong::at(element.node(), what)
                })?
            }
        };
        Ok(Self::Many { indices, increment })
    }

    /// The name of each, with how far it stands from the first.
    pub(super) fn names<'a>(&self, element: &Element<'a>) -> Result<Vec<(String, u64)>, Wrong<'a>> {
        let Some(name) = element.text("name").filter(|name| !name.is_empty()) else {
            let what = format!("the {} has no name", element.node().tag_name().name());
            return Err(Wrong::at(element.node(), what));
        };
        Ok(match self {
            // The name may be that of an array it derives from.
            Self::One => vec![(name.replace("[%s]", "").replace("%s", ""), 0)],
            Self::Many { indices, increment } => indices
                .iter()
                .zip(0_u64..)
                .map(|(index, n)| (name.replace("%s", index), increment.saturating_mul(n)))
                .collect(),
        })
    }
}

/// `0-3`, `A-D` or `A,B,C`.
fn indices(text: &str) -> Option<Vec<String>> {
    if let Some((first, last)) = text.split_once('-') {
        if let (Ok(first), Ok(last)) = (first.parse::<u64>(), last.parse::<u64>()) {
            let fits = last.checked_sub(first).is_some_and(|more| more < MOST);
            return fits.then(|| (first..=last).map(|index| index.to_string()).collect());
        }
        let letter = |text: &str| text.parse::<char>().ok().filter(char::is_ascii_alphabetic);
        let (first, last) = (letter(first)?, letter(last)?);
        return Some((first..=last).map(|letter| letter.to_string()).collect());
    }
    Some(text.split(',').map(|index| index.trim().to_owned()).collect())
}

/// The element at a path of names, such as `UART0.CTRL`, looked for in one list after the other.
pub(super) fn find<'a>(path: &str, lists: &[Node<'a, 'a>]) -> Option<Node<'a, 'a>> {
    lists.iter().find_map(|list| {
        path.split('.').try_fold(*list, |at, name| {
            let inner =
                at.children().filter(|c| matches!(c.tag_name().name(), "registers" | "fields"));
            let all = at.children().chain(inner.flat_map(|list| list.children()));
            all.into_iter().find(|child| name_of(*child) == Some(name))
        })
    })
}

/// The list of values of a name, anywhere in some lists.
pub(super) fn find_values<'a>(path: &str, lists: &[Node<'a, 'a>]) -> Option<Node<'a, 'a>> {
    let name = path.rsplit('.').next()?;
    lists.iter().find_map(|list| {
        let mut all = list.descendants();
        all.find(|node| node.has_tag_name("enumeratedValues") && name_of(*node) == Some(name))
    })
}

fn name_of<'a>(node: Node<'a, 'a>) -> Option<&'a str> {
    node.children().find(|child| child.has_tag_name("name"))?.text().map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_many_forms() {
        let rows = [
            ("12", Some(12)),
            ("+0x1F", Some(31)),
            ("#101", Some(5)),
            ("0b11", Some(3)),
            ("4k", Some(4096)),
            ("#1x0", None),
            ("", None),
            ("k", None),
            ("-1", None),
            ("99999999999999999999", None),
            ("99999999999T", None),
        ];
        for (text, expected) in rows {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    #[test]
    fn indices_are_ranges_or_lists() {
        let rows: [(&str, Option<&[&str]>); 6] = [
            ("0-2", Some(&["0", "1", "2"])),
            ("A-C", Some(&["A", "B", "C"])),
            ("RX, TX", Some(&["RX", "TX"])),
            ("3-1", None),
            ("0-99999999999", None),
            ("A-5", None),
        ];
        for (text, expected) in rows {
            assert_eq!(
                indices(text).as_deref().map(|l| l.iter().map(String::as_str).collect::<Vec<_>>()),
                expected.map(<[&str]>::to_vec),
                "{text}"
            );
        }
    }
}
