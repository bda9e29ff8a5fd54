//! A peripheral of a CMSIS-SVD file (CMSIS-SVD 1.3.10, "SVD File Schema Levels").
//!
//! Taken over: `derivedFrom` of every level, `dim` arrays and lists, nested clusters, what a level
//! inherits from the one above (`size`, `access`, `resetValue`), `modifiedWriteValues`,
//! `readAction`, names of values. Where registers or fields share their place, the first is
//! modelled and the others are remarked on. Not looked at: `writeConstraint`, `resetMask`,
//! `protection`, `interrupt` (outputs are given by the property `registers`), and vendor extensions.

mod element;

use roxmltree::{Document, Node, ParsingOptions};

use self::element::{Dim, Element, Wrong, number};
use super::access::{Access, Read, Write};
use super::description::{Bits, Description, Field, Range, Register};

/// The most elements of a file: the largest of vendors have a million.
const MOST_NODES: u32 = 20_000_000;
/// The most registers and clusters that arrays may amount to.
const MOST_ENTRIES: usize = 1 << 17;
/// How deep clusters may lie in each other.
const DEEPEST: usize = 16;

/// Reads a peripheral: the one of that name, or the only one.
///
/// # Errors
/// What is wrong, with line and column.
pub(super) fn read(path: &str, text: &str, name: Option<&str>) -> Result<Description, String> {
    let text = text.trim_start_matches('\u{feff}');
    // Without document types there are no entities that grow.
    let options =
        ParsingOptions { allow_dtd: false, nodes_limit: MOST_NODES, ..Default::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| {
        let at = error.pos();
        let what = error.to_string();
        let what = what.rsplit_once(" at ").map_or(what.as_str(), |(what, _)| what);
        format!("{path}:{}:{}: cannot read the XML: {what}", at.row, at.col)
    })?;
    let reader = Reader { registers: Vec::new(), remarks: Vec::new(), entries: 0 };
    reader
        .peripheral(&document, name)
        .map_err(|wrong| match wrong.node {
            Some(node) => {
                let at = document.text_pos_at(node.range().start);
                format!("{path}:{}:{}: {}", at.row, at.col, wrong.what)
            }
            None => format!("{path}: {}", wrong.what),
        })
        .map(|mut description| {
            for register in &mut description.registers {
                register.at = format!("{path}:{}", register.at);
            }
            for remark in &mut description.remarks {
                *remark = format!("{path}:{remark}");
            }
            description
        })
}

/// What a level takes over from the one above.
#[derive(Clone, Copy)]
struct Inherited<'a> {
    /// In bits.
    size: u64,
    access: Option<&'a str>,
    reset: u64,
}

impl<'a> Inherited<'a> {
    fn with(self, element: &Element<'a>) -> Result<Self, Wrong<'a>> {
        Ok(Self {
            size: element.number("size")?.unwrap_or(self.size),
            access: element.text("access").or(self.access),
            reset: element.number("resetValue")?.unwrap_or(self.reset),
        })
    }
}

/// A list of registers and clusters, and where it is.
#[derive(Clone)]
struct Place<'a> {
    prefix: String,
    base: u64,
    inherited: Inherited<'a>,
    /// The element `registers` of the peripheral.
    registers: Node<'a, 'a>,
    depth: usize,
}

struct Reader {
    registers: Vec<Register>,
    remarks: Vec<String>,
    entries: usize,
}

impl Reader {
    fn peripheral<'a>(
        mut self,
        document: &'a Document<'a>,
        name: Option<&str>,
    ) -> Result<Description, Wrong<'a>> {
        let device = Element::plain(document.root_element());
        if device.node().tag_name().name() != "device" {
            return Err(Wrong::at(
                device.node(),
                "this is no SVD file: the outermost element is not 'device'",
            ));
        }
        if device.number("addressUnitBits")?.is_some_and(|bits| bits != 8) {
            return Err(Wrong::at(
                device.node(),
                "only devices with addressUnitBits 8 are modelled",
            ));
        }
        let Some(all) = device.child("peripherals") else {
            return Err(Wrong::at(device.node(), "the device has no 'peripherals'"));
        };
        let mut names = Vec::new();
        let mut chosen = None;
        for node in children(all, &["peripheral"]) {
            let element = Element::derived(node, |path| element::find(path, &[all]))?;
            for (own, _) in Dim::of(&element)?.names(&element)? {
                if name.is_none_or(|wanted| wanted == own) {
                    chosen.get_or_insert_with(|| element.clone());
                }
                names.push(own);
            }
        }
        let peripheral = match (chosen, name) {
            (Some(peripheral), Some(_)) => peripheral,
            (Some(peripheral), None) if names.len() == 1 => peripheral,
            (None, None) => return Err(Wrong::at(all, "there is no peripheral")),
            (_, wanted) => {
                let problem = match wanted {
                    Some(wanted) => format!("there is no peripheral '{wanted}'"),
                    None => "there are several peripherals: choose one by 'peripheral'".into(),
                };
                return Err(Wrong {
                    node: None,
                    what: format!("{problem}; it has {}", some_of(&names)),
                });
            }
        };
        let device = Inherited { size: 32, access: None, reset: 0 }.with(&device)?;
        let inherited = device.with(&peripheral)?;
        let Some(registers) = peripheral.child("registers") else {
            return Err(Wrong::at(peripheral.node(), "the peripheral has no 'registers'"));
        };
        let place = Place { prefix: String::new(), base: 0, inherited, registers, depth: 0 };
        self.list(registers, &place)?;
        self.leave_out_alternates();
        let size = self.region(&peripheral)?;
        Ok(Description::new(self.registers, self.remarks, size))
    }

    /// The size of the region: up to the end of the address blocks and of the registers.
    fn region<'a>(&self, peripheral: &Element<'a>) -> Result<Option<u64>, Wrong<'a>> {
        let mut end = self.registers.iter().map(Register::end).max().unwrap_or(0);
        let Some(first) = peripheral.child("addressBlock") else { return Ok(None) };
        let owner = first.parent().unwrap_or(first);
        for block in children(owner, &["addressBlock"]) {
            let block = Element::plain(block);
            let (offset, size) = (block.number("offset")?, block.number("size")?);
            end = end.max(offset.unwrap_or(0).saturating_add(size.unwrap_or(0)));
        }
        Ok(Some(end.checked_next_multiple_of(4).unwrap_or(end)))
    }

    fn list<'a>(&mut self, list: Node<'a, 'a>, place: &Place<'a>) -> Result<(), Wrong<'a>> {
        for node in children(list, &["register", "cluster"]) {
            let peripherals = ancestors(place.registers, "peripherals");
            let near = [Some(list), Some(place.registers), peripherals];
            let near: Vec<Node<'a, 'a>> = near.into_iter().flatten().collect();
            let element = Element::derived(node, |path| element::find(path, &near))?;
            let inherited = place.inherited.with(&element)?;
            let Some(offset) = element.number("addressOffset")? else {
                return Err(Wrong::at(node, "'addressOffset' is missing"));
            };
            for (name, further) in Dim::of(&element)?.names(&element)? {
                self.entries += 1;
                if self.entries > MOST_ENTRIES {
                    return Err(Wrong::at(
                        node,
                        format!("arrays amount to more than {MOST_ENTRIES} registers: lower 'dim'"),
                    ));
                }
                let offset = place.base.checked_add(offset).and_then(|at| at.checked_add(further));
                let Some(offset) = offset else {
                    return Err(Wrong::at(node, "the offset is beyond 2^64"));
                };
                let name = format!("{}{name}", place.prefix);
                if node.has_tag_name("register") {
                    self.register(&element, name, offset, inherited)?;
                    continue;
                }
                if place.depth >= DEEPEST {
                    return Err(Wrong::at(node, format!("clusters lie more than {DEEPEST} deep")));
                }
                let inner = Place {
                    prefix: format!("{name}."),
                    base: offset,
                    inherited,
                    registers: place.registers,
                    depth: place.depth + 1,
                };
                for part in element.chain() {
                    // A derived cluster has its own registers, or those of what it derives from.
                    if children(*part, &["register", "cluster"]).next().is_some() {
                        self.list(*part, &inner)?;
                        break;
                    }
                }
            }
        }
        Ok(())
    }

    fn register<'a>(
        &mut self,
        element: &Element<'a>,
        name: String,
        offset: u64,
        inherited: Inherited<'a>,
    ) -> Result<(), Wrong<'a>> {
        let node = element.node();
        let size = match inherited.size {
            8 => 1,
            16 => 2,
            32 => 4,
            64 => 8,
            other => {
                self.leave_out(node, &format!("register '{name}' of {other} bits: a stub has registers of 8, 16, 32 and 64 bits"));
                return Ok(());
            }
        };
        let whole = Range::whole(size);
        let access = access(element, inherited.access)?;
        let mut register = Register {
            at: position(node),
            name,
            offset,
            size,
            reset: inherited.reset & whole.mask(),
            bits: Bits::plain(access),
            fields: Vec::new(),
        };
        if let Some(list) = element.child("fields") {
            let near = [list, ancestors(list, "registers").unwrap_or(list)];
            for node in children(list, &["field"]) {
                let field = Element::derived(node, |path| element::find(path, &near))?;
                self.field(&field, &mut register, inherited.access)?;
            }
        }
        self.registers.push(register);
        Ok(())
    }

    fn field<'a>(
        &mut self,
        element: &Element<'a>,
        register: &mut Register,
        inherited: Option<&'a str>,
    ) -> Result<(), Wrong<'a>> {
        let node = element.node();
        let Some(first) = bit_range(element)? else {
            return Err(Wrong::at(
                node,
                "the field has no bits: give bitRange, lsb and msb, or bitOffset and bitWidth",
            ));
        };
        let own = access(element, element.text("access").or(inherited))?;
        // Effects may be given for the register and hold for its fields then.
        let own = if element.text("access").is_none() && !element.has_effects() {
            register.bits.access
        } else {
            own
        };
        for (name, further) in Dim::of(element)?.names(element)? {
            let lsb = u64::from(first.lsb).saturating_add(further);
            let msb = lsb.saturating_add(u64::from(first.width) - 1);
            let range =
                u32::try_from(msb).ok().and_then(|msb| Range::new(msb, msb + 1 - first.width));
            let range =
                range.filter(|range| range.mask() & !Range::whole(register.size).mask() == 0);
            let Some(range) = range else {
                self.leave_out(
                    node,
                    &format!("field '{}.{name}': it has bits outside the register", register.name),
                );
                continue;
            };
            let clash = register
                .fields
                .iter()
                .find(|f| f.range.mask() & range.mask() != 0 || f.name == name);
            if let Some(other) = clash {
                let what = format!(
                    "field '{}.{name}': it shares bits or its name with '{}', which is modelled",
                    register.name, other.name
                );
                self.leave_out(node, &what);
                continue;
            }
            let mut values = values(element)?;
            values.retain(|(_, value)| *value <= range.of(u64::MAX));
            register.fields.push(Field { name, range, bits: Bits::plain(own), values });
        }
        Ok(())
    }

    /// Keeps the first of those that share their place.
    fn leave_out_alternates(&mut self) {
        let mut all = std::mem::take(&mut self.registers);
        all.sort_by_key(|register| register.offset);
        let mut kept: Vec<Register> = Vec::with_capacity(all.len());
        for register in all {
            let near = kept.iter().rev().take_while(|other| register.offset - other.offset < 8);
            match near.into_iter().find(|other| other.conflicts(&register)) {
                Some(other) => self.remarks.push(format!(
                    "{}: left out: register '{}': it stands where '{}' does, which is modelled",
                    register.at, register.name, other.name
                )),
                None => kept.push(register),
            }
        }
        self.registers = kept;
    }

    fn leave_out(&mut self, node: Node<'_, '_>, what: &str) {
        self.remarks.push(format!("{}: left out: {what}", position(node)));
    }
}

/// `access`, `modifiedWriteValues` and `readAction` together.
fn access<'a>(element: &Element<'a>, access: Option<&str>) -> Result<Access, Wrong<'a>> {
    let (readable, writable, once) = match access {
        None | Some("read-write") => (true, true, false),
        Some("read-only") => (true, false, false),
        Some("write-only") => (false, true, false),
        Some("writeOnce") => (false, true, true),
        Some("read-writeOnce") => (true, true, true),
        Some(other) => {
            return Err(Wrong::at(element.node(), format!("the access '{other}' is unknown")));
        }
    };
    let write = match element.text("modifiedWriteValues") {
        _ if !writable => Write::Ignored,
        None | Some("modify") => Write::Kept,
        Some("oneToClear") => Write::OneClears,
        Some("oneToSet") => Write::OneSets,
        Some("oneToToggle") => Write::OneToggles,
        Some("zeroToClear") => Write::ZeroClears,
        Some("zeroToSet") => Write::ZeroSets,
        Some("zeroToToggle") => Write::ZeroToggles,
        Some("clear") => Write::Clears,
        Some("set") => Write::Sets,
        Some(other) => {
            let what = format!("the value '{other}' of 'modifiedWriteValues' is unknown");
            return Err(Wrong::at(element.node(), what));
        }
    };
    let read = match element.text("readAction") {
        _ if !readable => Read::Nothing,
        Some("clear") => Read::Clears,
        Some("set") => Read::Sets,
        // What else a read does to a device, its registers do not say.
        None | Some(_) => Read::Value,
    };
    Ok(Access { read, write, once })
}

fn bit_range<'a>(element: &Element<'a>) -> Result<Option<Range>, Wrong<'a>> {
    let wrong =
        |what: &str| Wrong::at(element.node(), format!("the field's bits make no range: {what}"));
    let range = |msb: u64, lsb: u64, what: &str| {
        let pair = u32::try_from(msb).ok().zip(u32::try_from(lsb).ok());
        pair.and_then(|(msb, lsb)| Range::new(msb, lsb)).map(Some).ok_or_else(|| wrong(what))
    };
    if let Some(text) = element.text("bitRange") {
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let pair = inner.and_then(|inner| inner.split_once(':'));
        let pair = pair.and_then(|(msb, lsb)| number(msb.trim()).zip(number(lsb.trim())));
        let Some((msb, lsb)) = pair else { return Err(wrong(text)) };
        return range(msb, lsb, text);
    }
    if let Some(offset) = element.number("bitOffset")? {
        let width = element.number("bitWidth")?.unwrap_or(1);
        let msb = width.checked_sub(1).and_then(|more| offset.checked_add(more));
        return range(
            msb.unwrap_or(u64::MAX),
            offset,
            &format!("bitOffset {offset}, bitWidth {width}"),
        );
    }
    match (element.number("lsb")?, element.number("msb")?) {
        (Some(lsb), Some(msb)) => range(msb, lsb, &format!("lsb {lsb}, msb {msb}")),
        _ => Ok(None),
    }
}

/// The names of a field's values. Those with bits that do not matter have no one value.
fn values<'a>(element: &Element<'a>) -> Result<Vec<(String, u64)>, Wrong<'a>> {
    let Some(first) = element.child("enumeratedValues") else { return Ok(Vec::new()) };
    let owner = first.parent().unwrap_or(first);
    let lists = children(owner, &["enumeratedValues"]);
    let readable = |list: &Node<'_, '_>| {
        Element::plain(*list).text("usage").is_none_or(|usage| usage != "write")
    };
    let list = lists.into_iter().find(readable).unwrap_or(first);
    let near: Vec<Node<'a, 'a>> =
        [ancestors(list, "fields"), ancestors(list, "registers")].into_iter().flatten().collect();
    let list = Element::derived(list, |path| element::find_values(path, &near))?;
    let Some(owner) = list.child("enumeratedValue").and_then(|one| one.parent()) else {
        return Ok(Vec::new());
    };
    let mut values = Vec::new();
    for one in children(owner, &["enumeratedValue"]) {
        let one = Element::plain(one);
        if let (Some(name), Some(value)) = (one.text("name"), one.text("value").and_then(number)) {
            values.push((name.to_owned(), value));
        }
    }
    Ok(values)
}

fn children<'a>(
    node: Node<'a, 'a>,
    tags: &'static [&'static str],
) -> impl Iterator<Item = Node<'a, 'a>> {
    node.children().filter(|child| child.is_element() && tags.contains(&child.tag_name().name()))
}

fn ancestors<'a>(node: Node<'a, 'a>, tag: &str) -> Option<Node<'a, 'a>> {
    node.ancestors().find(|node| node.has_tag_name(tag))
}

/// Line and column.
fn position(node: Node<'_, '_>) -> String {
    let at = node.document().text_pos_at(node.range().start);
    format!("{}:{}", at.row, at.col)
}

/// A list of names that may be long.
fn some_of(names: &[String]) -> String {
    const MOST: usize = 40;
    let shown = names.iter().take(MOST).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().checked_sub(MOST) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}
