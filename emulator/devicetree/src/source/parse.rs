//! From what the grammar found to the draft of a tree: items are applied in order, so a later one
//! overrides, extends or deletes what an earlier one said.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use pest::Parser;
use pest::error::ErrorVariant;
use pest::iterators::Pair;

use super::draft::{Draft, DraftProperty, Target};
use super::error::{Place, Source, SourceError};
use super::expression::{primary, unescape};
use super::{Grammar, Rule, decode, scan, value};
use crate::model::{Reservation, Tree, name_is_writable};

/// How many files may include one another.
const MAX_INCLUDES: usize = 16;

/// One file being read.
pub(super) struct Reader {
    source: Rc<Source>,
    /// How many files include this one.
    included: usize,
}

/// What has been read so far, of all files.
#[derive(Default)]
struct State {
    draft: Draft,
    has_root: bool,
    /// Whether `/dts-v1/;` was seen, here or in a file included first thing.
    is_version_1: bool,
    reservations: Vec<Reservation>,
}

/// Reads a source file and what it includes.
pub(super) fn parse(source: Rc<Source>) -> Result<Tree, SourceError> {
    let end = Place { source: Rc::clone(&source), offset: source.text.len() };
    let mut state = State::default();
    Reader { source, included: 0 }.file(&mut state)?;
    if !state.has_root {
        return end.fail("there is no root node, `/ { ... };`");
    }
    state.draft.finish(state.reservations)
}

/// The only thing inside a rule. The grammar sees to it that there is one.
pub(super) fn inner<'i>(
    reader: &Reader,
    pair: Pair<'i, Rule>,
) -> Result<Pair<'i, Rule>, SourceError> {
    let place = reader.place(&pair);
    pair.into_inner().next().ok_or_else(|| place.error("something is missing here"))
}

impl Reader {
    /// Where something stands.
    pub(super) fn place(&self, pair: &Pair<'_, Rule>) -> Place {
        Place { source: Rc::clone(&self.source), offset: pair.as_span().start() }
    }

    fn file(&self, state: &mut State) -> Result<(), SourceError> {
        scan::check(&self.source)?;
        let mut pairs =
            Grammar::parse(Rule::file, &self.source.text).map_err(|error| self.explain(&error))?;
        let Some(file) = pairs.next() else { return Ok(()) };
        for item in file.into_inner() {
            let rule = item.as_rule();
            if rule == Rule::header {
                state.is_version_1 |= item.as_str().starts_with("/dts-v1/");
                if item.as_str().contains("/plugin/") {
                    return self
                        .place(&item)
                        .fail("`/plugin/`: an overlay is not a tree by itself");
                }
                continue;
            }
            if !state.is_version_1 && rule != Rule::include {
                return self.place(&item).fail("the file must begin with `/dts-v1/;`");
            }
            self.item(item, state)?;
        }
        Ok(())
    }

    fn item(&self, item: Pair<'_, Rule>, state: &mut State) -> Result<(), SourceError> {
        let place = self.place(&item);
        match item.as_rule() {
            Rule::reserve => {
                let mut numbers = item.into_inner().filter(|pair| pair.as_rule() == Rule::primary);
                let mut number = || numbers.next().map_or(Ok(0), |pair| primary(self, pair));
                let (address, size) = (number()?, number()?);
                if (address, size) == (0, 0) {
                    return place
                        .fail("a reservation of nothing at 0 would end the list in a blob");
                }
                state.reservations.push(Reservation { address, size });
            }
            Rule::include => self.include(item, state)?,
            Rule::root => {
                state.has_root = true;
                self.merge(item, &mut state.draft)?;
            }
            Rule::extend => {
                let target = self.item_target(&item)?;
                let way = state.draft.locate(&target);
                match way.and_then(|way| state.draft.at(&way)) {
                    Some(node) => self.merge(item, node)?,
                    None => return place.fail(format!("no node above is named `{target}`")),
                }
            }
            Rule::delete_target => {
                let target = self.item_target(&item)?;
                self.delete(&mut state.draft, &target, &place)?;
            }
            Rule::refused => return self.refuse(&item),
            _ => {}
        }
        Ok(())
    }

    fn include(&self, item: Pair<'_, Rule>, state: &mut State) -> Result<(), SourceError> {
        let place = self.place(&item);
        let name = unescape(self, &inner(self, item)?)?;
        let name = String::from_utf8_lossy(&name).into_owned();
        if self.included >= MAX_INCLUDES {
            return place.fail(format!("more than {MAX_INCLUDES} files include one another"));
        }
        let beside = Path::new(&self.source.name).parent().map(PathBuf::from).unwrap_or_default();
        let path = beside.join(name);
        let bytes = crate::load(&path)
            .map_err(|error| place.error(format!("cannot read {}: {error}", path.display())))?;
        let source = Rc::new(decode(&path.display().to_string(), bytes)?);
        Reader { source, included: self.included + 1 }.file(state)
    }

    /// Applies a body, and the labels before it, to a node.
    fn merge(&self, item: Pair<'_, Rule>, node: &mut Draft) -> Result<(), SourceError> {
        for part in item.into_inner() {
            match part.as_rule() {
                Rule::label => {
                    let label = part.as_str().trim_end_matches(':').to_owned();
                    node.labels.push((label, self.place(&part)));
                }
                Rule::body => self.body(part, node)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn body(&self, body: Pair<'_, Rule>, node: &mut Draft) -> Result<(), SourceError> {
        // Two bodies may speak of one property, one body may not.
        let (mut properties, mut children) = (HashSet::new(), HashSet::new());
        let mut places = places(node);
        for entry in body.into_inner() {
            let place = self.place(&entry);
            match entry.as_rule() {
                Rule::property => {
                    let property = self.property(entry)?;
                    if !children.is_empty() {
                        return place.fail("properties must stand before child nodes");
                    }
                    let name = &property.name;
                    if !properties.insert(name.clone()) {
                        return place.fail(format!("a second property `{name}` in one node"));
                    }
                    match node.properties.iter_mut().find(|old| old.name == *name) {
                        Some(old) => *old = property,
                        None => node.properties.push(property),
                    }
                }
                Rule::node => {
                    let name = self.name(&entry)?;
                    if !children.insert(name.clone()) {
                        return place.fail(format!("a second child `{name}` in one node"));
                    }
                    let next = node.children.len();
                    let index = *places.entry(name.clone()).or_insert(next);
                    if index == next {
                        node.children.push(Draft { name, ..Draft::default() });
                    }
                    self.merge(entry, &mut node.children[index])?;
                }
                Rule::delete_property => {
                    let name = self.name(&entry)?;
                    node.properties.retain(|property| property.name != name);
                    properties.remove(&name);
                }
                Rule::delete_node => {
                    let what = inner(self, entry)?;
                    if what.as_rule() == Rule::reference {
                        return place.fail("`/delete-node/ &label` stands outside of nodes");
                    }
                    let name = what.as_str();
                    node.children.retain(|child| child.name != name);
                    children.remove(name);
                    places = self::places(node);
                }
                Rule::include => {
                    return place.fail("`/include/` is understood outside of nodes only");
                }
                Rule::refused => return self.refuse(&entry),
                _ => {}
            }
        }
        Ok(())
    }

    fn property(&self, entry: Pair<'_, Rule>) -> Result<DraftProperty, SourceError> {
        let name = self.name(&entry)?;
        let mut property = DraftProperty { name, bytes: Vec::new(), holes: Vec::new() };
        for part in entry.into_inner().filter(|part| part.as_rule() == Rule::value) {
            value::append(self, part, &mut property)?;
        }
        Ok(property)
    }

    fn name(&self, entry: &Pair<'_, Rule>) -> Result<String, SourceError> {
        let found = entry.clone().into_inner().find(|part| part.as_rule() == Rule::name);
        let name = found.as_ref().map_or("", |name| name.as_str());
        // A backslash lets a name look like a keyword; it is not part of it.
        let name = name.strip_prefix('\\').unwrap_or(name);
        if !name_is_writable(name) {
            return self.place(entry).fail(format!("`{name}` is too long for a name"));
        }
        Ok(name.to_owned())
    }

    fn item_target(&self, item: &Pair<'_, Rule>) -> Result<Target, SourceError> {
        let reference = item.clone().into_inner().find(|part| part.as_rule() == Rule::reference);
        let place = self.place(item);
        let reference = reference.ok_or_else(|| place.error("there is no reference here"))?;
        self.target(&reference)
    }

    /// What a reference names: `&label` or `&{/path}`.
    pub(super) fn target(&self, reference: &Pair<'_, Rule>) -> Result<Target, SourceError> {
        let text = reference.as_str().trim_start_matches('&');
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            None => Ok(Target::Label(text.to_owned())),
            Some(path) if path.starts_with('/') => Ok(Target::Path(path.to_owned())),
            Some(path) => {
                self.place(reference).fail(format!("`{path}` is no full path: it begins with `/`"))
            }
        }
    }

    fn delete(&self, root: &mut Draft, target: &Target, at: &Place) -> Result<(), SourceError> {
        let Some(mut way) = root.locate(target) else {
            return at.fail(format!("no node above is named `{target}`"));
        };
        let Some(index) = way.pop() else { return at.fail("the root cannot be deleted") };
        if let Some(parent) = root.at(&way) {
            parent.children.remove(index);
        }
        Ok(())
    }

    /// A form that this reader knows and does not support.
    pub(super) fn refuse<T>(&self, pair: &Pair<'_, Rule>) -> Result<T, SourceError> {
        let keyword = pair.as_str().split('(').next().unwrap_or_default().trim();
        self.place(pair).fail(format!("`{keyword}` is not supported"))
    }

    fn explain(&self, error: &pest::error::Error<Rule>) -> SourceError {
        let offset = match error.location {
            pest::error::InputLocation::Pos(at) | pest::error::InputLocation::Span((at, _)) => at,
        };
        let message = match &error.variant {
            ErrorVariant::ParsingError { positives, .. } => {
                let mut words: Vec<&str> =
                    positives.iter().flat_map(|rule| words(*rule)).copied().collect();
                words.sort_unstable();
                words.dedup();
                match words.as_slice() {
                    [] => "this is not understood".to_owned(),
                    [one] => format!("expected {one}"),
                    [most @ .., last] => format!("expected {} or {last}", most.join(", ")),
                }
            }
            ErrorVariant::CustomError { message } => message.clone(),
        };
        Place { source: Rc::clone(&self.source), offset }.error(message)
    }
}

/// How a message calls what a rule stands for.
fn words(rule: Rule) -> &'static [&'static str] {
    match rule {
        Rule::EOI => &["the end of the file"],
        Rule::file | Rule::header | Rule::version_tag => &["`/dts-v1/;`"],
        Rule::item | Rule::root | Rule::extend | Rule::reserve | Rule::delete_target => {
            &["`/ { ... };`", "`&label { ... };`", "`/memreserve/`", "`/delete-node/`"]
        }
        Rule::semicolon => &["`;`"],
        Rule::body | Rule::open_brace => &["`{`"],
        Rule::close_brace => &["`}`"],
        Rule::close_angle => &["`>`"],
        Rule::close_bracket => &["`]`"],
        Rule::close_parenthesis => &["`)`"],
        Rule::entry | Rule::node | Rule::property | Rule::name => &["a property", "a child node"],
        Rule::value | Rule::cells | Rule::width => &["a value"],
        Rule::bytes | Rule::byte => &["two hexadecimal digits"],
        Rule::cell | Rule::primary | Rule::number | Rule::unary | Rule::sign => &["a number"],
        Rule::conditional | Rule::operation => &["an expression"],
        Rule::string => &["a string"],
        Rule::reference => &["a reference"],
        // Alternatives that only clutter a message, or refine one that is named already.
        _ => &[],
    }
}

/// Where the children of a node stand, by name.
fn places(node: &Draft) -> HashMap<String, usize> {
    (0..).zip(&node.children).map(|(index, child)| (child.name.clone(), index)).collect()
}
