//! Statements become commands, one after the other.
//!
//! Nothing depends on what a command answers. So a script is evaluated twice: once for its
//! mistakes alone, and then, when there are none, for those who execute its commands.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::rc::Rc;

use qapi_runtime::{Map, Value};

use super::ast::{
    Argument, Binary, Expression, ExpressionKind, Param, Piece, Statement, StatementKind, Template,
};
use super::datum::{self, Datum, FUNCTIONS, Range};
use super::source::Fault;
use super::{Line, Place, Read, ScriptError, Unit, parameter, value};
use crate::cli::keyval;
use crate::door::Command;

/// What a script may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// More than any board has.
    pub(super) commands: u64,
    /// Statements and iterations, commands or not.
    pub(super) steps: u64,
}

pub(super) const LIMITS: Limits = Limits { commands: 1_000_000, steps: 5_000_000 };

/// Files that include each other.
const DEEPEST_INCLUDE: usize = 64;

/// What is to be done with a command; an error's text gets the command's place.
pub(super) type Sink<'a> = &'a mut dyn FnMut(&Line) -> Result<ControlFlow<()>, String>;

/// Why the evaluation does not go on.
pub(super) enum Stop {
    /// Who takes the commands has had enough.
    Done,
    Error(Box<ScriptError>),
}

/// A loop or an inclusion that is being evaluated.
struct Around {
    /// Where it stands.
    unit: Rc<Unit>,
    offset: usize,
    /// The variable of a loop.
    iteration: Option<(String, Datum)>,
}

pub(super) struct Evaluator<'r, 's> {
    read: Read<'r>,
    /// None where only mistakes are looked for.
    sink: Option<Sink<'s>>,
    /// Files that were read, by path.
    units: HashMap<PathBuf, Rc<Unit>>,
    /// Variables, the innermost block last.
    scopes: Vec<HashMap<String, Datum>>,
    around: Vec<Around>,
    /// The files from the first to the one that is being evaluated.
    files: Vec<Rc<Unit>>,
    commands: u64,
    steps: u64,
    limits: Limits,
    /// Only parameters and what they depend on.
    only_parameters: bool,
    pub(super) parameters: Vec<parameter::Parameter>,
}

/// Variables that outlive the text that makes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Variables(HashMap<String, Datum>);

type Evaluated<T> = Result<T, Fault>;

impl<'r, 's> Evaluator<'r, 's> {
    pub(super) fn new(read: Read<'r>, sink: Option<Sink<'s>>, only_parameters: bool) -> Self {
        Self {
            read,
            sink,
            units: HashMap::new(),
            scopes: vec![HashMap::new()],
            around: Vec::new(),
            files: Vec::new(),
            commands: 0,
            steps: 0,
            limits: LIMITS,
            only_parameters,
            parameters: Vec::new(),
        }
    }

    /// With variables that are there already; the ones that are there afterwards.
    pub(super) fn with_variables(mut self, variables: Variables) -> Self {
        self.scopes = vec![variables.0];
        self
    }

    /// The variables outside all blocks.
    pub(super) fn variables(&mut self) -> Variables {
        Variables(self.scopes.first_mut().map(std::mem::take).unwrap_or_default())
    }

    pub(super) fn within(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Evaluates a whole file; `given` are values for its parameters, by name.
    pub(super) fn unit(&mut self, unit: &Rc<Unit>, given: &parameter::Given) -> Result<(), Stop> {
        self.files.push(unit.clone());
        let result = self.statements(&unit.statements, given);
        self.files.pop();
        result
    }

    fn statements(
        &mut self,
        statements: &[Statement],
        given: &parameter::Given,
    ) -> Result<(), Stop> {
        statements.iter().try_for_each(|statement| self.statement(statement, given))
    }

    fn block(&mut self, statements: &[Statement]) -> Result<(), Stop> {
        self.scopes.push(HashMap::new());
        let result = self.statements(statements, &parameter::Given::default());
        self.scopes.pop();
        result
    }

    fn statement(&mut self, statement: &Statement, given: &parameter::Given) -> Result<(), Stop> {
        self.count(statement.start)?;
        match &statement.kind {
            StatementKind::Let { name, value } => {
                let value = self.at(self.expression(value))?;
                self.define(name, value);
                Ok(())
            }
            StatementKind::Param(param) => self.param(param, given),
            _ if self.only_parameters => Ok(()),
            StatementKind::Command { name, arguments } => self.command(statement, name, arguments),
            StatementKind::For { name, list, body } => self.repeat(statement, name, list, body),
            StatementKind::If { arms, otherwise } => {
                for (condition, body) in arms {
                    let truth = self.expression(condition).and_then(|value| {
                        let problem = |_| {
                            let what = value.what();
                            Fault::new(
                                condition.offset,
                                format!("a condition is true or false, not {what}"),
                            )
                        };
                        value.truth("if").map_err(problem)
                    });
                    if self.at(truth)? {
                        return self.block(body);
                    }
                }
                self.block(otherwise)
            }
            StatementKind::Include { path, arguments } => self.include(statement, path, arguments),
        }
    }

    fn count(&mut self, offset: usize) -> Result<(), Stop> {
        self.steps += 1;
        if self.steps > self.limits.steps {
            let steps = self.limits.steps;
            let problem = format!("the script has made {steps} steps: does it end?");
            return Err(self.stop(Fault::new(offset, problem)));
        }
        Ok(())
    }

    fn define(&mut self, name: &str, value: Datum) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.insert(name.into(), value);
        }
    }

    fn param(&mut self, param: &Param, given: &parameter::Given) -> Result<(), Stop> {
        let default = param.default.as_ref().map(|value| self.expression(value)).transpose();
        let default = self.at(default)?;
        let choices = param.choices.as_ref().map(|value| self.expression(value)).transpose();
        let choices = self.at(choices)?;
        let parameter = self.at(parameter::Parameter::new(param, default, choices))?;
        let value = match given.get(&parameter) {
            Ok(value) => value,
            // To list parameters, nothing has to be given.
            Err(_) if self.only_parameters => parameter.stand_in(),
            Err(problem) => return Err(self.stop(Fault::new(param.offset, problem))),
        };
        self.define(&param.name, value);
        if self.files.len() == 1 {
            self.parameters.push(parameter);
        }
        Ok(())
    }

    fn command(
        &mut self,
        statement: &Statement,
        name: &str,
        arguments: &[Argument],
    ) -> Result<(), Stop> {
        self.commands += 1;
        if self.commands > self.limits.commands {
            let problem = format!("a script has at most {} commands", self.limits.commands);
            return Err(self.stop(Fault::new(statement.start, problem)));
        }
        let arguments = self.at(self.arguments(arguments))?;
        let (Some(sink), Some(unit)) = (&mut self.sink, self.files.last()) else { return Ok(()) };
        let (line, column) = unit.file.place(statement.start);
        let written = unit.file.text.get(statement.start..statement.end).unwrap_or_default();
        let loops = self.around.iter().filter_map(|around| around.iteration.as_ref());
        let line = Line {
            place: Place {
                file: unit.file.name.clone(),
                line,
                loops: loops.map(|(name, value)| (name.clone(), value.to_string())).collect(),
            },
            column,
            text: one_line(written),
            command: Command { name: name.into(), arguments },
        };
        match sink(&line) {
            Ok(ControlFlow::Continue(())) => Ok(()),
            Ok(ControlFlow::Break(())) => Err(Stop::Done),
            Err(message) => {
                let error = ScriptError {
                    file: line.place.file,
                    line: line.place.line,
                    column,
                    message,
                    source_line: line.text,
                    caret: 1,
                    around: self.trail(),
                    unfinished: false,
                };
                Err(Stop::Error(Box::new(error)))
            }
        }
    }

    fn repeat(
        &mut self,
        statement: &Statement,
        name: &str,
        list: &Expression,
        body: &[Statement],
    ) -> Result<(), Stop> {
        let items = self.at(self.expression(list))?;
        let Some((count, item)) = items.items() else {
            let problem =
                format!("a loop goes over a range (0..4) or a list ([1, 2]), not {}", items.what());
            return Err(self.stop(Fault::new(list.offset, problem)));
        };
        self.enter(statement, Some((name.into(), Datum::Bool(false))));
        self.scopes.push(HashMap::new());
        for index in 0..count {
            self.count(statement.start)?;
            let value = item(index);
            self.define(name, value.clone());
            if let Some((_, now)) =
                self.around.last_mut().and_then(|around| around.iteration.as_mut())
            {
                *now = value;
            }
            self.block(body)?;
        }
        self.scopes.pop();
        self.around.pop();
        Ok(())
    }

    fn enter(&mut self, statement: &Statement, iteration: Option<(String, Datum)>) {
        if let Some(unit) = self.files.last().cloned() {
            self.around.push(Around { unit, offset: statement.start, iteration });
        }
    }

    fn include(
        &mut self,
        statement: &Statement,
        path: &Template,
        arguments: &[Argument],
    ) -> Result<(), Stop> {
        let fault = |problem: String| Fault::new(statement.start, problem);
        let wanted = match self.at(self.template(path, statement.start))? {
            Value::String(text) => PathBuf::from(text),
            other => return Err(self.stop(fault(format!("{other} is no file: put it in quotes")))),
        };
        let here = self.files.last().and_then(|unit| unit.file.path.parent());
        let wanted = here.map_or_else(|| wanted.clone(), |here| here.join(&wanted));
        let chain = || {
            let names = self.files.iter().map(|unit| unit.file.name.as_str());
            let name = wanted.display().to_string();
            names.chain([name.as_str()]).collect::<Vec<_>>().join(" includes ")
        };
        if self.files.iter().any(|unit| same(&unit.file.path, &wanted)) {
            return Err(self.stop(fault(format!("the files include each other: {}", chain()))));
        }
        if self.files.len() > DEEPEST_INCLUDE {
            return Err(self.stop(fault(format!("files include each other too deep: {}", chain()))));
        }
        let unit = match self.units.get(&wanted) {
            Some(unit) => unit.clone(),
            None => {
                let text = (self.read)(&wanted).map_err(|error| self.stop(fault(error)))?;
                let unit = Unit::parse(&wanted, text).map(Rc::new);
                let unit = unit.map_err(|mut error| {
                    self.enter(statement, None);
                    error.around = self.trail();
                    Stop::Error(error)
                })?;
                self.units.insert(wanted, unit.clone());
                unit
            }
        };
        let mut given = parameter::Given::default();
        for argument in arguments {
            let value = self.at(self.datum(argument))?;
            let known = unit.parameters().any(|param| param.name == argument.key);
            if !known || !given.insert(&argument.key, value) {
                let problem = match known {
                    true => format!("'{}' is given twice", argument.key),
                    false => parameter::unknown(&argument.key, &unit),
                };
                return Err(self.stop(Fault::new(argument.offset, problem)));
            }
        }
        self.enter(statement, None);
        self.unit(&unit, &given)?;
        self.around.pop();
        Ok(())
    }

    /// The value of an argument of an inclusion, as a variable can have it.
    fn datum(&self, argument: &Argument) -> Evaluated<Datum> {
        let plain = |value: Value| match &value {
            Value::Bool(value) => Some(Datum::Bool(*value)),
            Value::String(text) => Some(Datum::text(text)),
            Value::Number(number) => {
                let signed = number.as_i64().map(i128::from);
                signed.or(number.as_u64().map(i128::from)).map(Datum::Number)
            }
            _ => None,
        };
        match &argument.value {
            Template::Expression(expression) => self.expression(expression),
            template => plain(self.template(template, argument.offset)?).ok_or_else(|| {
                let problem = "a parameter is a number, true or false, or a text";
                Fault::new(argument.offset, problem)
            }),
        }
    }

    fn arguments(&self, arguments: &[Argument]) -> Evaluated<Map> {
        let mut all = Map::new();
        for Argument { offset, key, value } in arguments {
            let value = self.template(value, *offset)?;
            match keyval::insert(&mut all, key, value) {
                Ok(None) => {}
                Ok(Some(_)) => return Err(Fault::new(*offset, format!("'{key}' is given twice"))),
                Err(problem) => return Err(Fault::new(*offset, problem)),
            }
        }
        Ok(all)
    }

    fn template(&self, template: &Template, offset: usize) -> Evaluated<Value> {
        Ok(match template {
            Template::Constant(value) => value.clone(),
            Template::Expression(expression) => self
                .expression(expression)?
                .json()
                .map_err(|problem| Fault::new(expression.offset, problem))?,
            Template::Text { pieces, quoted } => {
                let text = self.text(pieces)?;
                match quoted {
                    true => Value::String(text),
                    false => value::scalar(&text).map_err(|problem| Fault::new(offset, problem))?,
                }
            }
            Template::List(items) => {
                let items = items.iter().map(|item| self.template(item, offset));
                Value::Array(items.collect::<Evaluated<_>>()?)
            }
            Template::Object(members) => {
                let members = members
                    .iter()
                    .map(|(name, value)| Ok((name.clone(), self.template(value, offset)?)));
                Value::Object(members.collect::<Evaluated<_>>()?)
            }
        })
    }

    fn text(&self, pieces: &[Piece]) -> Evaluated<String> {
        let mut text = String::new();
        for piece in pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Expression(expression) => {
                    let fault = |problem| Fault::new(expression.offset, problem);
                    text.push_str(&self.expression(expression)?.in_text().map_err(fault)?);
                    if text.len() > datum::LONGEST {
                        let problem = format!("a text of more than {} bytes", datum::LONGEST);
                        return Err(fault(problem));
                    }
                }
            }
        }
        Ok(text)
    }

    fn expression(&self, expression: &Expression) -> Evaluated<Datum> {
        let Expression { offset, kind } = expression;
        let fault = |problem: String| Fault::new(*offset, problem);
        match kind {
            ExpressionKind::Number(number) => Ok(Datum::Number(*number)),
            ExpressionKind::Bool(value) => Ok(Datum::Bool(*value)),
            ExpressionKind::Text(pieces) => Ok(Datum::text(self.text(pieces)?)),
            ExpressionKind::Name(name) => self.variable(name).map_err(fault),
            ExpressionKind::List(items) => {
                let items = items.iter().map(|item| self.expression(item));
                datum::list(items.collect::<Evaluated<_>>()?).map_err(fault)
            }
            ExpressionKind::Unary(operator, value) => {
                datum::unary(*operator, &self.expression(value)?).map_err(fault)
            }
            ExpressionKind::Binary(operator @ (Binary::And | Binary::Or), left, right) => {
                let sign = operator.sign();
                let left = self.expression(left)?.truth(sign).map_err(fault)?;
                // The right side is not looked at where the left one decides.
                if left == (*operator == Binary::Or) {
                    return Ok(Datum::Bool(left));
                }
                self.expression(right)?.truth(sign).map(Datum::Bool).map_err(fault)
            }
            ExpressionKind::Binary(operator, left, right) => {
                datum::binary(*operator, &self.expression(left)?, &self.expression(right)?)
                    .map_err(fault)
            }
            ExpressionKind::Choice(parts) => {
                let [condition, one, other] = &**parts;
                let truth = self.expression(condition)?.truth("?").map_err(fault)?;
                self.expression(if truth { one } else { other })
            }
            ExpressionKind::Range { from, to, closed, step } => {
                let number = |expression: &Expression| match self.expression(expression)? {
                    Datum::Number(number) => Ok(number),
                    other => Err(Fault::new(
                        expression.offset,
                        format!("a range goes from number to number, not {}", other.what()),
                    )),
                };
                let step = step.as_ref().map_or(Ok(1), |step| number(step))?;
                let range = Range::new(number(from)?, number(to)?, *closed, step);
                range.map(Datum::Range).map_err(fault)
            }
            ExpressionKind::Index(list, index) => {
                let list = self.expression(list)?;
                let Some((count, item)) = list.items() else {
                    return Err(fault(format!("{} has no items", list.what())));
                };
                match self.expression(index)? {
                    Datum::Number(index) if (0..i128::from(count)).contains(&index) => {
                        Ok(item(u64::try_from(index).unwrap_or_default()))
                    }
                    index => Err(fault(format!("there is no item {index}: there are {count}"))),
                }
            }
            ExpressionKind::Call(name, arguments) => {
                let Some((_, form, run)) = FUNCTIONS.iter().find(|(known, ..)| known == name)
                else {
                    let known: Vec<&str> = FUNCTIONS.iter().map(|(name, ..)| *name).collect();
                    let known = known.join(", ");
                    return Err(fault(format!("there is no function '{name}': {known} are")));
                };
                let arguments = arguments.iter().map(|argument| self.expression(argument));
                let arguments: Vec<Datum> = arguments.collect::<Evaluated<_>>()?;
                run(&arguments).map_err(|problem| fault(format!("{form}: {problem}")))
            }
        }
    }

    fn variable(&self, name: &str) -> Result<Datum, String> {
        let found = self.scopes.iter().rev().find_map(|scope| scope.get(name));
        found.cloned().ok_or_else(|| {
            let names = self.scopes.iter().flat_map(|scope| scope.keys().map(String::as_str));
            let hint = match qapi_runtime::nearest(name, names).as_slice() {
                [] => "let NAME = VALUE makes one; a text is put in quotes".into(),
                near => format!("did you mean {}?", near.join(" or ")),
            };
            format!("there is no variable '{name}': {hint}")
        })
    }

    /// Gives a fault its place.
    fn at<T>(&self, result: Evaluated<T>) -> Result<T, Stop> {
        result.map_err(|fault| self.stop(fault))
    }

    fn stop(&self, fault: Fault) -> Stop {
        let Some(unit) = self.files.last() else { return Stop::Done };
        let mut error = ScriptError::in_file(&unit.file, fault);
        error.around = self.trail();
        Stop::Error(Box::new(error))
    }

    fn trail(&self) -> Vec<String> {
        let step = |around: &Around| {
            let (line, column) = around.unit.file.place(around.offset);
            let at = format!("{}:{line}:{column}", around.unit.file.name);
            match &around.iteration {
                Some((name, value)) => format!("in iteration {name}={value} of the loop at {at}"),
                None => format!("included from {at}"),
            }
        };
        self.around.iter().rev().map(step).collect()
    }
}

/// Whether two paths are one file, as far as their texts tell.
fn same(one: &std::path::Path, other: &std::path::Path) -> bool {
    let plain = |path: &std::path::Path| {
        let mut parts = PathBuf::new();
        for part in path.components() {
            match part {
                std::path::Component::ParentDir if parts.file_name().is_some() => {
                    parts.pop();
                }
                std::path::Component::CurDir => {}
                part => parts.push(part),
            }
        }
        parts
    };
    plain(one) == plain(other)
}

/// A command's text with its continuation lines joined.
fn one_line(text: &str) -> String {
    let mut lines = text.lines().peekable();
    let mut whole = String::new();
    while let Some(line) = lines.next() {
        let line = line.trim();
        match lines.peek() {
            Some(_) => {
                whole.push_str(line.trim_end_matches('\\').trim_end());
                whole.push(' ');
            }
            None => whole.push_str(line),
        }
    }
    whole
}
