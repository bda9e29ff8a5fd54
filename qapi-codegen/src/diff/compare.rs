//! Two interfaces side by side.

use std::collections::{BTreeMap, HashSet};

use super::interface::{Command, Event, Interface, Member, Object, Shape, TypeId};
use super::{Change, Level};

/// Features that say something about a thing's future rather than what it can do.
const WARNINGS: [&str; 2] = ["deprecated", "unstable"];

/// How deep types are followed where nothing has a name; recursion ends at pairs seen before.
const DEPTH: usize = 100;

/// Who sends a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Direction {
    /// The client: arguments.
    In,
    /// The server: answers and events.
    Out,
}

/// All differences.
pub(super) fn compare(old: &Interface, new: &Interface) -> Vec<Change> {
    let mut compare = Compare { old, new, seen: HashSet::new(), changes: Vec::new(), depth: 0 };
    pairs(&old.commands, &new.commands, |name, old, new| compare.command(name, old, new));
    pairs(&old.events, &new.events, |name, old, new| compare.event(name, old, new));
    compare.changes
}

/// Calls for every name that is in either map.
fn pairs<'m, T>(
    old: &'m BTreeMap<String, T>,
    new: &'m BTreeMap<String, T>,
    mut each: impl FnMut(&'m str, Option<&'m T>, Option<&'m T>),
) {
    for (name, value) in old {
        each(name, Some(value), new.get(name));
    }
    for (name, value) in new.iter().filter(|(name, _)| !old.contains_key(*name)) {
        each(name, None, Some(value));
    }
}

struct Compare<'i> {
    old: &'i Interface,
    new: &'i Interface,
    /// Pairs of types that have been compared, or are being compared.
    seen: HashSet<(TypeId, TypeId, Direction)>,
    changes: Vec<Change>,
    depth: usize,
}

/// Where a difference is: in what, and the way there.
#[derive(Clone)]
struct Place {
    subject: String,
    path: String,
    direction: Direction,
}

impl Place {
    fn of(&self, part: &str) -> Self {
        let path =
            if self.path.is_empty() { part.to_owned() } else { format!("{}.{part}", self.path) };
        Self { path, ..self.clone() }
    }

    /// `'path' did this`, or only `did this` about the subject itself.
    fn tell(&self, what: &str) -> String {
        if self.path.is_empty() { what.to_owned() } else { format!("'{}' {what}", self.path) }
    }

    /// The level of something that became more general: good to send, bad to get.
    fn wider(&self) -> Level {
        match self.direction {
            Direction::In => Level::Compatible,
            Direction::Out => Level::Incompatible,
        }
    }

    /// The level of something that became more special.
    fn narrower(&self) -> Level {
        match self.direction {
            Direction::In => Level::Incompatible,
            Direction::Out => Level::Compatible,
        }
    }
}

impl<'i> Compare<'i> {
    fn push(&mut self, level: Level, kind: &'static str, place: &Place, what: &str) {
        let message = place.tell(what);
        self.changes.push(Change { level, kind, subject: place.subject.clone(), message });
    }

    fn command(&mut self, name: &str, old: Option<&'i Command>, new: Option<&'i Command>) {
        let place = |direction| Place {
            subject: format!("command '{name}'"),
            path: String::new(),
            direction,
        };
        let (input, output) = (place(Direction::In), place(Direction::Out));
        let (old, new) = match (old, new) {
            (Some(old), Some(new)) => (old, new),
            (Some(_), None) => {
                return self.push(Level::Incompatible, "removed", &input, "is gone");
            }
            _ => return self.push(Level::Compatible, "added", &input, "is new"),
        };
        self.features(&old.features, &new.features, &input);
        match (old.allow_oob, new.allow_oob) {
            (true, false) => {
                let what = "can no longer be executed out of band";
                self.push(Level::Incompatible, "changed", &input, what);
            }
            (false, true) => {
                let what = "can be executed out of band";
                self.push(Level::Compatible, "changed", &input, what);
            }
            _ => {}
        }
        if let (Some(old), Some(new)) = (&old.phases, &new.phases) {
            self.phases(old, new, &input);
        }
        self.objects(old.arguments, new.arguments, &input.of("arguments"));
        self.objects(old.returns, new.returns, &output.of("return"));
    }

    fn event(&mut self, name: &str, old: Option<&'i Event>, new: Option<&'i Event>) {
        let place = Place {
            subject: format!("event '{name}'"),
            path: String::new(),
            direction: Direction::Out,
        };
        match (old, new) {
            (Some(old), Some(new)) => {
                self.features(&old.features, &new.features, &place);
                self.objects(old.data, new.data, &place.of("data"));
            }
            (Some(_), None) => self.push(Level::Incompatible, "removed", &place, "is gone"),
            _ => self.push(Level::Compatible, "added", &place, "is new"),
        }
    }

    fn phases(&mut self, old: &[String], new: &[String], place: &Place) {
        for phase in old.iter().filter(|phase| !new.contains(phase)) {
            let what = format!("is no longer permitted in phase '{phase}'");
            self.push(Level::Incompatible, "changed", place, &what);
        }
        for phase in new.iter().filter(|phase| !old.contains(phase)) {
            let what = format!("is now permitted in phase '{phase}'");
            self.push(Level::Compatible, "changed", place, &what);
        }
    }

    fn features(&mut self, old: &[String], new: &[String], place: &Place) {
        for feature in old.iter().filter(|feature| !new.contains(feature)) {
            let (level, what) = match WARNINGS.contains(&feature.as_str()) {
                true => (Level::Compatible, format!("is no longer {feature}")),
                false => (Level::Incompatible, format!("no longer has the feature '{feature}'")),
            };
            self.push(level, "changed", place, &what);
        }
        for feature in new.iter().filter(|feature| !old.contains(feature)) {
            let (level, what) = match WARNINGS.contains(&feature.as_str()) {
                true => (Level::Notice, format!("is now {feature}")),
                false => (Level::Compatible, format!("has the new feature '{feature}'")),
            };
            self.push(level, "changed", place, &what);
        }
    }

    /// Compares what may be left out, which stands for an empty object.
    fn objects(&mut self, old: Option<TypeId>, new: Option<TypeId>, place: &Place) {
        let empty = Object::default();
        match (old, new) {
            (Some(old), Some(new)) => self.types(old, new, place),
            (None, None) => {}
            (Some(id), None) => match &self.old.types[id].shape {
                Shape::Object(object) => self.object(object, &empty, place),
                _ => self.changed(&describe(self.old, id), "nothing", place),
            },
            (None, Some(id)) => match &self.new.types[id].shape {
                Shape::Object(object) => self.object(&empty, object, place),
                _ => self.changed("nothing", &describe(self.new, id), place),
            },
        }
    }

    /// Compares two types.
    fn types(&mut self, old: TypeId, new: TypeId, place: &Place) {
        if self.depth > DEPTH || !self.seen.insert((old, new, place.direction)) {
            return;
        }
        let (before, after) = (&self.old.types[old], &self.new.types[new]);
        // What has a name is told once, not at every place where it is used.
        let place = &match (&before.name, &after.name) {
            (Some(name), Some(_)) => Place {
                subject: match place.direction {
                    Direction::In => format!("type '{name}' in arguments"),
                    Direction::Out => format!("type '{name}' in answers and events"),
                },
                path: String::new(),
                direction: place.direction,
            },
            _ => place.clone(),
        };
        self.depth += 1;
        match (&before.shape, &after.shape) {
            (Shape::Alternate(_), _) | (_, Shape::Alternate(_)) => {
                self.alternates(old, new, place);
            }
            (Shape::Array(old), Shape::Array(new)) => {
                let path = format!("{}[]", place.path);
                self.types(*old, *new, &Place { path, ..place.clone() });
            }
            (Shape::Enum(old), Shape::Enum(new)) => self.enums(old, new, place),
            (Shape::Object(old), Shape::Object(new)) => self.object(old, new, place),
            (one, other) => match order(one, other) {
                Order::Same => {}
                Order::Wider => self.retyped(place.wider(), old, new, place),
                Order::Narrower => self.retyped(place.narrower(), old, new, place),
                Order::Other => self.retyped(Level::Incompatible, old, new, place),
            },
        }
        self.depth -= 1;
    }

    fn retyped(&mut self, level: Level, old: TypeId, new: TypeId, place: &Place) {
        let (old, new) = (describe(self.old, old), describe(self.new, new));
        self.push(level, "changed", place, &format!("was {old} and is {new}"));
    }

    fn changed(&mut self, old: &str, new: &str, place: &Place) {
        let what = format!("was {old} and is {new}");
        self.push(Level::Incompatible, "changed", place, &what);
    }

    /// Compares alternates branch by branch; another type is an alternate with one branch.
    fn alternates(&mut self, old: TypeId, new: TypeId, place: &Place) {
        fn branches(interface: &Interface, id: TypeId) -> Vec<TypeId> {
            match &interface.types[id].shape {
                Shape::Alternate(branches) => branches.clone(),
                _ => vec![id],
            }
        }
        let (before, after) = (branches(self.old, old), branches(self.new, new));
        let json = |interface: &Interface, id: TypeId| json_type(&interface.types[id].shape);
        for old in &before {
            let kind = json(self.old, *old);
            match after.iter().find(|new| json(self.new, **new) == kind) {
                Some(new) => self.types(*old, *new, place),
                None => {
                    let what = format!("can no longer be {kind}");
                    self.push(place.narrower(), "removed", place, &what);
                }
            }
        }
        for new in &after {
            let kind = json(self.new, *new);
            if !before.iter().any(|old| json(self.old, *old) == kind) {
                self.push(place.wider(), "added", place, &format!("can also be {kind}"));
            }
        }
    }

    fn enums(
        &mut self,
        old: &[(String, Vec<String>)],
        new: &[(String, Vec<String>)],
        place: &Place,
    ) {
        for (value, features) in old {
            let place_of = place.of(value);
            match new.iter().find(|(other, _)| other == value) {
                Some((_, now)) => self.features(features, now, &place_of),
                None => {
                    let what = format!("no longer has the value '{value}'");
                    self.push(place.narrower(), "removed", place, &what);
                }
            }
        }
        for (value, _) in new {
            if !old.iter().any(|(other, _)| other == value) {
                self.push(place.wider(), "added", place, &format!("has the new value '{value}'"));
            }
        }
    }

    fn object(&mut self, old: &Object, new: &Object, place: &Place) {
        for member in &old.members {
            let place = place.of(&member.name);
            match new.members.iter().find(|other| other.name == member.name) {
                Some(now) => self.member(member, now, &place),
                None => self.push(Level::Incompatible, "removed", &place, "is gone"),
            }
        }
        for member in &new.members {
            if !old.members.iter().any(|other| other.name == member.name) {
                self.new_member(member, &place.of(&member.name));
            }
        }
        for (value, id) in &old.cases {
            let other = new.cases.iter().find(|(other, _)| other == value).map(|(_, id)| *id);
            // A value that is gone is told about the enumeration.
            if other.is_some() || new.cases.is_empty() {
                let place = place.of(&format!("{}={value}", old.tag));
                self.objects(Some(*id), other, &place);
            }
        }
        if old.cases.is_empty() {
            for (value, id) in &new.cases {
                self.objects(None, Some(*id), &place.of(&format!("{}={value}", new.tag)));
            }
        }
    }

    fn new_member(&mut self, member: &Member, place: &Place) {
        match place.direction {
            Direction::In if !member.optional => {
                self.push(Level::Incompatible, "added", place, "is new and mandatory");
            }
            Direction::In => self.push(Level::Compatible, "added", place, "is new and optional"),
            Direction::Out => self.push(Level::Compatible, "added", place, "is new"),
        }
    }

    fn member(&mut self, old: &Member, new: &Member, place: &Place) {
        match (old.optional, new.optional) {
            (true, false) => {
                self.push(place.narrower(), "changed", place, "was optional and is mandatory");
            }
            (false, true) => {
                self.push(place.wider(), "changed", place, "was mandatory and is optional");
            }
            _ => {}
        }
        self.features(&old.features, &new.features, place);
        self.types(old.ty, new.ty, place);
    }
}

/// How the values of a second type stand to those of a first.
enum Order {
    Same,
    /// All of them, and more.
    Wider,
    /// Only some of them.
    Narrower,
    Other,
}

fn order(old: &Shape, new: &Shape) -> Order {
    match (old, new) {
        (Shape::Integer(Some(old)), Shape::Integer(Some(new))) => {
            match (new.0 <= old.0 && old.1 <= new.1, old.0 <= new.0 && new.1 <= old.1) {
                (true, true) => Order::Same,
                (true, false) => Order::Wider,
                (false, true) => Order::Narrower,
                (false, false) => Order::Other,
            }
        }
        (Shape::Any, Shape::Any)
        | (Shape::String, Shape::String)
        | (Shape::Number, Shape::Number)
        | (Shape::Integer(_), Shape::Integer(_))
        | (Shape::Bool, Shape::Bool)
        | (Shape::Null, Shape::Null) => Order::Same,
        (_, Shape::Any) | (Shape::Integer(_), Shape::Number) | (Shape::Enum(_), Shape::String) => {
            Order::Wider
        }
        (Shape::Any, _) | (Shape::Number, Shape::Integer(_)) | (Shape::String, Shape::Enum(_)) => {
            Order::Narrower
        }
        _ => Order::Other,
    }
}

/// A type in a message.
fn describe(interface: &Interface, id: TypeId) -> String {
    let ty = &interface.types[id];
    match (&ty.shape, &ty.name) {
        (Shape::Array(element), _) => {
            format!("an array of {}", describe_short(interface, *element))
        }
        (Shape::Integer(Some((min, max))), _) => format!("an integer from {min} to {max}"),
        (_, Some(name)) => format!("{name} ({})", json_type(&ty.shape)),
        (shape, None) => json_type(shape).to_owned(),
    }
}

fn describe_short(interface: &Interface, id: TypeId) -> &str {
    let ty = &interface.types[id];
    ty.name.as_deref().unwrap_or_else(|| json_type(&ty.shape))
}

/// What a value is in JSON.
fn json_type(shape: &Shape) -> &'static str {
    match shape {
        Shape::String | Shape::Enum(_) => "a string",
        Shape::Number | Shape::Integer(_) => "a number",
        Shape::Bool => "a boolean",
        Shape::Null => "null",
        Shape::Any => "any value",
        Shape::Array(_) => "an array",
        Shape::Object(_) => "an object",
        Shape::Alternate(_) => "one of several types",
    }
}
