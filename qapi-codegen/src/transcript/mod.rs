//! The examples of documentation, compared with the schema.
//!
//! An example is a conversation: `->` is what a client sends, `<-` what the server answers or an
//! event that it emits. Each message goes over as many lines as it likes and may leave something
//! out with `...`. Nothing generated takes part: the messages are compared with the model.

mod conform;
mod place;
mod sample;

use std::fmt;
use std::path::PathBuf;

use qapi_schema::model::{Command, DocBlock, EntityId, Kind, Schema, SectionKind};
use serde_json::json;

use self::conform::{Conform, Finding};
use self::place::Lines;
use self::sample::{Members, Sample, Value};
use crate::context::keyval;
use crate::manual::{Block, blocks, section};

/// What a check of all examples has found.
#[derive(Clone, Debug, Default)]
pub struct Examples {
    /// How many examples there are.
    pub examples: usize,
    /// How many messages they consist of.
    pub messages: usize,
    /// What is wrong, in the order of the schema.
    pub errors: Vec<ExampleError>,
}

/// A message of an example that no client or server would send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleError {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: usize,
    /// The definition that the example belongs to; empty in free-form documentation.
    pub definition: String,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for ExampleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file.display(), self.line)?;
        if !self.definition.is_empty() {
            write!(f, "example of '{}': ", self.definition)?;
        }
        f.write_str(&self.message)
    }
}

impl ExampleError {
    /// In the form of other diagnostics, for tools.
    pub fn json(&self) -> serde_json::Value {
        json!({
            "code": "example",
            "message": self.message,
            "definition": self.definition,
            "place": { "file": self.file.display().to_string(), "line": self.line },
        })
    }
}

/// Compares every example in a schema's documentation with the schema. Conditions are taken to
/// hold, and commands that the schema does not generate code for may have any arguments.
pub fn check_examples(schema: &Schema) -> Examples {
    let mut check = Check { schema, definition: "", found: Examples::default() };
    for block in &schema.docs {
        match block {
            DocBlock::FreeForm { span, text, .. } if has_arrows(text) => {
                check.definition = "";
                check.text(&SectionKind::Plain, text, &mut Lines::comment_at(schema, *span));
            }
            DocBlock::Entity(id) => {
                let entity = schema.get(*id);
                let sections = entity.doc.iter().flat_map(|doc| &doc.sections);
                let mut talking = sections.filter(|(_, text)| has_arrows(text)).peekable();
                if talking.peek().is_none() {
                    continue;
                }
                check.definition = &entity.name;
                let mut lines = Lines::before(schema, entity.span);
                talking.for_each(|(kind, text)| check.text(kind, text, &mut lines));
            }
            DocBlock::FreeForm { .. } => {}
        }
    }
    check.found
}

/// Most sections have no example, and to read markup is the larger part of the work.
fn has_arrows(text: &str) -> bool {
    text.contains("->") || text.contains("<-")
}

/// A check of all examples.
struct Check<'s> {
    schema: &'s Schema,
    /// The definition whose documentation is being read.
    definition: &'s str,
    found: Examples,
}

impl Check<'_> {
    /// Checks the examples in a section of a comment.
    fn text(&mut self, kind: &SectionKind, text: &str, lines: &mut Lines<'_>) {
        let blocks = match kind {
            SectionKind::Plain => blocks(text),
            _ => section(text),
        };
        let mut transcripts = Vec::new();
        collect(&blocks, false, &mut transcripts);
        for transcript in transcripts {
            self.found.examples += 1;
            let mut conversation = Conversation { schema: self.schema, sent: Vec::new() };
            for message in messages(transcript) {
                self.found.messages += 1;
                let places = lines.find(&message.text);
                let findings = conversation.message(&message).into_iter();
                self.found.errors.extend(findings.map(|finding| ExampleError {
                    file: lines.file(),
                    line: places.get(finding.line).or(places.last()).copied().unwrap_or(1),
                    definition: self.definition.to_owned(),
                    message: finding.message,
                }));
            }
        }
    }
}

/// The texts of all examples: blocks of code in QMP, and whatever an example directive holds.
fn collect<'b>(blocks: &'b [Block], example: bool, transcripts: &mut Vec<&'b str>) {
    for block in blocks {
        match block {
            Block::Literal { language, text } if example || language == "qmp" => {
                transcripts.push(text);
            }
            Block::Example { blocks, .. } => collect(blocks, true, transcripts),
            Block::Admonition { blocks, .. } | Block::Quote(blocks) => {
                collect(blocks, example, transcripts);
            }
            Block::List { items, .. } => {
                items.iter().for_each(|item| collect(item, example, transcripts));
            }
            Block::Definitions(list) => {
                list.iter().for_each(|(_, blocks)| collect(blocks, example, transcripts));
            }
            Block::Paragraph(_) | Block::Heading(..) | Block::Literal { .. } => {}
        }
    }
}

/// A message of an example, with its arrow taken off.
struct Message {
    sent: bool,
    text: String,
}

/// The messages of a transcript; text before the first one is a remark.
fn messages(transcript: &str) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for line in transcript.lines() {
        let bare = line.trim_start();
        let sent = bare.starts_with("->");
        if sent || bare.starts_with("<-") {
            let text = bare.get(2..).unwrap_or("").trim().to_owned();
            messages.push(Message { sent, text });
        } else if let Some(message) = messages.last_mut() {
            message.text.push('\n');
            message.text.push_str(line.trim());
        }
    }
    messages
}

/// An example being read: the commands that have no answer yet.
struct Conversation<'s> {
    schema: &'s Schema,
    sent: Vec<Request<'s>>,
}

struct Request<'s> {
    name: String,
    /// Nothing when there is no such command.
    command: Option<&'s Command>,
    id: Option<String>,
}

impl<'s> Conversation<'s> {
    /// What is wrong with a message.
    fn message(&mut self, message: &Message) -> Vec<Finding> {
        let sample = match sample::parse(&message.text) {
            Ok(sample) => sample,
            Err(error) => {
                if message.sent {
                    // Its answer shall not be told to answer nothing.
                    self.sent.push(Request { name: String::new(), command: None, id: None });
                }
                let message = format!("not JSON: {}", error.message);
                return vec![Finding { line: error.line, message }];
            }
        };
        let mut check = Conform { schema: self.schema, keyval: false, findings: Vec::new() };
        match &sample.value {
            Value::Elided => {}
            Value::Object(members) if message.sent => {
                self.request(&sample, members, &mut check);
            }
            Value::Object(members) => self.answer(&sample, members, &mut check),
            _ => check
                .findings
                .push(Finding { line: sample.line, message: "a message is a JSON object".into() }),
        }
        check.findings
    }

    fn request(&mut self, sample: &Sample, members: &Members, check: &mut Conform<'s>) {
        only(members, &["execute", "exec-oob", "arguments", "id"], check);
        let oob = members.get("exec-oob");
        let Some(name) = members.get("execute").or(oob) else {
            return complain(check, sample, "neither 'execute' nor 'exec-oob' is there");
        };
        let Value::String(text) = &name.value else {
            return complain(check, name, "the name of a command must be a string");
        };
        let entity = self.schema.find(text).map(|id| self.schema.get(id));
        let command = entity.and_then(|entity| match &entity.kind {
            Kind::Command(command) => Some((entity, command)),
            _ => None,
        });
        let id = members.get("id").map(|id| format!("{:?}", id.value));
        let known = command.map(|(_, command)| command);
        self.sent.push(Request { name: text.clone(), command: known, id });
        let Some((entity, command)) = command else {
            return complain(check, name, format!("there is no command '{text}'"));
        };
        if oob.is_some() && !command.allow_oob {
            complain(check, name, format!("'{text}' may not be executed out of band"));
        }
        if !command.generate {
            return;
        }
        let none = Sample { line: sample.line, value: Value::Object(Members::default()) };
        check.keyval = keyval(entity);
        check.arguments(command.arguments, members.get("arguments").unwrap_or(&none), "");
        check.keyval = false;
    }

    fn answer(&mut self, sample: &Sample, members: &Members, check: &mut Conform<'s>) {
        if let Some(event) = members.get("event") {
            only(members, &["event", "data", "timestamp"], check);
            self.event(event, members, check);
        } else if members.get("return").is_some() || members.get("error").is_some() {
            only(members, &["return", "error", "id"], check);
            let request = self.answered(members);
            if let Some(error) = members.get("error") {
                return error_object(error, check);
            }
            let Some(value) = members.get("return") else { return };
            match request {
                None => complain(check, sample, "this answers no command"),
                Some(Request { command: None, .. }) => {}
                Some(Request { name, command: Some(command), .. }) => {
                    if !command.success_response {
                        complain(check, sample, format!("'{name}' answers nothing on success"));
                    } else if command.generate || command.returns.is_some() {
                        check.arguments(command.returns, value, "return");
                    }
                }
            }
        } else if members.get("QMP").is_none() && !members.elided {
            complain(check, sample, "none of 'return', 'error' and 'event' is there");
        }
    }

    /// The request that a message answers: the one of the same id, or the oldest.
    fn answered(&mut self, members: &Members) -> Option<Request<'s>> {
        let id = members.get("id").map(|id| format!("{:?}", id.value));
        let index = self.sent.iter().position(|request| request.id == id);
        (!self.sent.is_empty()).then(|| self.sent.remove(index.unwrap_or(0)))
    }

    fn event(&self, name: &Sample, members: &Members, check: &mut Conform<'s>) {
        let Value::String(text) = &name.value else {
            return complain(check, name, "the name of an event must be a string");
        };
        let kind = self.schema.find(text).map(|id| &self.schema.get(id).kind);
        let Some(Kind::Event(event)) = kind else {
            return complain(check, name, format!("there is no event '{text}'"));
        };
        let none = Sample { line: name.line, value: Value::Object(Members::default()) };
        check.arguments(event.data, members.get("data").unwrap_or(&none), "data");
        match members.get("timestamp") {
            Some(timestamp) => self.timestamp(timestamp, check),
            None if members.elided => {}
            None => complain(check, name, "'timestamp' is missing"),
        }
    }

    fn timestamp(&self, timestamp: &Sample, check: &mut Conform<'s>) {
        let Value::Object(members) = &timestamp.value else {
            if !matches!(timestamp.value, Value::Elided) {
                complain(check, timestamp, "'timestamp' must be an object");
            }
            return;
        };
        only(members, &["seconds", "microseconds"], check);
        let int: Option<EntityId> = self.schema.find("int");
        for name in ["seconds", "microseconds"] {
            match (members.get(name), int) {
                (Some(value), Some(int)) => check.value(int, value, &format!("timestamp.{name}")),
                (None, _) if !members.elided => {
                    complain(check, timestamp, format!("'timestamp.{name}' is missing"));
                }
                _ => {}
            }
        }
    }
}

/// `{ "class": ..., "desc": ... }`; servers may add to it.
fn error_object(error: &Sample, check: &mut Conform<'_>) {
    let Value::Object(members) = &error.value else {
        if !matches!(error.value, Value::Elided) {
            complain(check, error, "'error' must be an object");
        }
        return;
    };
    for name in ["class", "desc"] {
        match members.get(name).map(|it| &it.value) {
            Some(Value::String(_) | Value::Elided) => {}
            Some(_) => complain(check, error, format!("'error.{name}' must be a string")),
            None if members.elided => {}
            None => complain(check, error, format!("'error.{name}' is missing")),
        }
    }
}

/// Complains about members that a message cannot have.
fn only(members: &Members, names: &[&str], check: &mut Conform<'_>) {
    for (name, value) in &members.list {
        if !names.contains(&name.as_str()) {
            complain(check, value, format!("'{name}' is unexpected"));
        }
    }
}

fn complain(check: &mut Conform<'_>, sample: &Sample, message: impl Into<String>) {
    check.findings.push(Finding { line: sample.line, message: message.into() });
}
