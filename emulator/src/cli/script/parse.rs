//! A script's text becomes statements.

use super::ast::{Argument, Expression, Kind, Param, Statement, StatementKind, Template};
use super::expression::{DEPTH, expression};
use super::source::{Cursor, Fault, Token};
use super::{text, value};

/// A script that was read.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) statements: Vec<Statement>,
    /// For who lays the text out again.
    pub(super) tokens: Vec<Token>,
}

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Parsed, Fault> {
    let mut reader = Reader { cursor: Cursor::new(text), depth: 0, begun: false };
    let statements = reader.block(None)?;
    Ok(Parsed { statements, tokens: reader.cursor.tokens })
}

struct Reader<'t> {
    cursor: Cursor<'t>,
    /// How many blocks are open.
    depth: usize,
    /// Whether there was a statement after which no parameter can be declared.
    begun: bool,
}

/// The words that begin a statement and are no commands.
const KEYWORDS: [&str; 6] = ["let", "param", "for", "if", "else", "include"];

impl Reader<'_> {
    /// Statements up to the end of the text, or to the `}` for the `{` at `open`.
    fn block(&mut self, open: Option<usize>) -> Result<Vec<Statement>, Fault> {
        let mut statements = Vec::new();
        loop {
            self.cursor.skip_blanks();
            match (self.cursor.peek(), open) {
                (None, None) => return Ok(statements),
                (None, Some(open)) => {
                    return Err(Fault::unfinished(open, "no '}' closes this block"));
                }
                (Some('\n'), _) => self.newline(),
                (Some('}'), Some(_)) => {
                    self.cursor.bump();
                    self.cursor.tokens.push(Token::Close);
                    return Ok(statements);
                }
                (Some('}'), None) => {
                    let problem = "this '}' closes no block";
                    return Err(Fault::new(self.cursor.offset(), problem));
                }
                (Some(_), _) => statements.push(self.statement()?),
            }
        }
    }

    fn newline(&mut self) {
        self.cursor.bump();
        self.cursor.tokens.push(Token::Newline);
    }

    fn statement(&mut self) -> Result<Statement, Fault> {
        let start = self.cursor.offset();
        let word = self.cursor.word();
        let keyword = KEYWORDS.contains(&word);
        if !keyword && !is_command_name(word) {
            let hint = match word.split_once('=') {
                Some(_) => r"; a command that goes on in the next line ends in \",
                None => "",
            };
            return Err(Fault::new(start, format!("expected a command, found '{word}'{hint}")));
        }
        self.cursor.note_word(start);
        let kind = match word {
            "let" => self.assignment()?,
            "param" => StatementKind::Param(self.param(start)?),
            "for" => self.repetition()?,
            "if" => self.condition()?,
            "else" => {
                let problem = "'else' stands behind the '}' of an 'if', on its line";
                return Err(Fault::new(start, problem));
            }
            "include" => self.inclusion()?,
            name => {
                let name = name.to_owned();
                StatementKind::Command { arguments: self.arguments()?, name }
            }
        };
        self.begun |= !matches!(kind, StatementKind::Param(_) | StatementKind::Let { .. });
        Ok(Statement { start, end: self.end_of_words(), kind })
    }

    /// Where the last word ends.
    fn end_of_words(&self) -> usize {
        let last = self.cursor.tokens.iter().rev().find_map(|token| match token {
            Token::Word(_, end) => Some(*end),
            _ => None,
        });
        last.unwrap_or_else(|| self.cursor.offset())
    }

    /// Whether a statement ends here: with its line, or with its block.
    fn at_end(&self) -> bool {
        match self.cursor.peek() {
            None | Some('\n') => true,
            Some('}') => self.depth > 0,
            Some(_) => false,
        }
    }

    fn expect_end(&mut self) -> Result<(), Fault> {
        self.cursor.skip_blanks();
        if self.at_end() {
            return Ok(());
        }
        let start = self.cursor.offset();
        let word = self.cursor.word();
        Err(Fault::new(start, format!("expected the end of the line, found '{word}'")))
    }

    /// `key=value` up to the end of the line.
    fn arguments(&mut self) -> Result<Vec<Argument>, Fault> {
        let mut arguments = Vec::new();
        loop {
            self.cursor.skip_blanks();
            if self.at_end() {
                return Ok(arguments);
            }
            let offset = self.cursor.offset();
            let key =
                self.cursor.take_while(|char| char != '=' && !char.is_whitespace()).to_owned();
            if self.cursor.peek() != Some('=') {
                return Err(Fault::new(offset, format!("expected key=value, found '{key}'")));
            }
            self.cursor.bump();
            let value = value::value(&mut self.cursor)?;
            self.note_argument(offset);
            arguments.push(Argument { offset, key, value });
        }
    }

    /// Notes a word that goes from `start` to here; a value in brackets may have gone over a `\` at
    /// its end.
    fn note_argument(&mut self, start: usize) {
        let written = self.cursor.slice(start, self.cursor.offset());
        match written.trim_end().strip_suffix('\\') {
            Some(word) if written.ends_with('\n') => {
                let end = start + word.trim_end().len();
                self.cursor.tokens.extend([Token::Word(start, end), Token::Break]);
            }
            _ => self.cursor.note_word(start),
        }
    }

    fn assignment(&mut self) -> Result<StatementKind, Fault> {
        let name = self.variable("let NAME = VALUE")?;
        self.sign("=", "let NAME = VALUE")?;
        let value = self.expression()?;
        self.expect_end()?;
        Ok(StatementKind::Let { name, value })
    }

    fn param(&mut self, start: usize) -> Result<Param, Fault> {
        const FORM: &str = "param NAME[: TYPE] [= DEFAULT] [in CHOICES] [help \"TEXT\"]";
        if self.begun || self.depth > 0 {
            let problem = "parameters are declared first: before commands, blocks and includes";
            return Err(Fault::new(start, problem));
        }
        let offset = self.next();
        let name = self.variable(FORM)?;
        let mut param =
            Param { offset, name, kind: None, default: None, choices: None, help: None };
        self.cursor.skip_blanks();
        if self.cursor.peek() == Some(':') {
            self.sign(":", FORM)?;
            let offset = self.next();
            let kind = self.cursor.name();
            let known = Kind::ALL.iter().find(|(name, _)| *name == kind);
            let known = known.ok_or_else(|| {
                Fault::new(offset, format!("'{kind}' is no type: int, bool and string are"))
            })?;
            param.kind = Some(known.1);
            self.cursor.note_word(offset);
        }
        self.cursor.skip_blanks();
        if self.cursor.peek() == Some('=') {
            self.sign("=", FORM)?;
            param.default = Some(self.expression()?);
        }
        if param.kind.is_none() && param.default.is_none() {
            let problem =
                "a parameter has a type or a default: param NAME: TYPE, param NAME = VALUE";
            return Err(Fault::new(offset, problem));
        }
        if self.keyword("in") {
            param.choices = Some(self.expression()?);
        }
        if self.keyword("help") {
            let offset = self.next();
            let Some(quote @ ('"' | '\'')) = self.cursor.peek() else {
                return Err(Fault::new(offset, "expected a text in quotes after 'help'"));
            };
            let pieces = text::quoted(&mut self.cursor, quote, 0)?;
            let help = text::constant(&pieces)
                .ok_or_else(|| Fault::new(offset, "a help text has no variables in it"))?;
            param.help = Some(help);
            self.cursor.note_word(offset);
        }
        self.expect_end()?;
        Ok(param)
    }

    fn repetition(&mut self) -> Result<StatementKind, Fault> {
        const FORM: &str = "for NAME in LIST {";
        let name = self.variable(FORM)?;
        if !self.keyword("in") {
            return Err(Fault::new(self.cursor.offset(), format!("expected 'in': {FORM}")));
        }
        let list = self.expression()?;
        let body = self.body()?;
        Ok(StatementKind::For { name, list, body })
    }

    fn condition(&mut self) -> Result<StatementKind, Fault> {
        let condition = self.expression()?;
        let mut arms = vec![(condition, self.body()?)];
        let mut otherwise = Vec::new();
        while self.keyword("else") {
            if self.keyword("if") {
                let condition = self.expression()?;
                arms.push((condition, self.body()?));
            } else {
                otherwise = self.body()?;
                break;
            }
        }
        Ok(StatementKind::If { arms, otherwise })
    }

    fn inclusion(&mut self) -> Result<StatementKind, Fault> {
        let offset = self.next();
        if self.at_end() {
            return Err(Fault::new(offset, "expected a file: include FILE [NAME=VALUE...]"));
        }
        let path = value::value(&mut self.cursor)?;
        self.note_argument(offset);
        if let Template::Constant(value) = &path
            && !value.is_string()
        {
            return Err(Fault::new(offset, "expected a file: include FILE [NAME=VALUE...]"));
        }
        Ok(StatementKind::Include { path, arguments: self.arguments()? })
    }

    /// `{`, statements and `}`.
    fn body(&mut self) -> Result<Vec<Statement>, Fault> {
        let open = self.next();
        if self.cursor.peek() != Some('{') {
            return Err(Fault::new(open, "expected '{' at the end of this line"));
        }
        if self.depth == DEPTH {
            return Err(Fault::new(open, "blocks nest too deep"));
        }
        self.cursor.bump();
        self.cursor.tokens.push(Token::Open);
        self.depth += 1;
        let body = self.block(Some(open));
        self.depth -= 1;
        body
    }

    /// Goes to the next word of the line; its offset.
    fn next(&mut self) -> usize {
        self.cursor.skip_blanks();
        self.cursor.offset()
    }

    fn expression(&mut self) -> Result<Expression, Fault> {
        let start = self.next();
        let value = expression(&mut self.cursor, 0)?;
        // White space behind it was passed over, and ends of lines.
        let written = self.cursor.slice(start, self.cursor.offset());
        let written = written.trim_end_matches(|char: char| char.is_whitespace() || char == '\\');
        self.cursor.tokens.push(Token::Word(start, start + written.len()));
        Ok(value)
    }

    /// The name of a variable that is being made.
    fn variable(&mut self, form: &str) -> Result<String, Fault> {
        let start = self.next();
        let name = self.cursor.name();
        if name.is_empty() || matches!(name, "true" | "false") {
            return Err(Fault::new(start, format!("expected a name: {form}")));
        }
        self.cursor.note_word(start);
        Ok(name.into())
    }

    fn sign(&mut self, sign: &str, form: &str) -> Result<(), Fault> {
        let start = self.next();
        if !self.cursor.eat(sign) {
            return Err(Fault::new(start, format!("expected '{sign}': {form}")));
        }
        self.cursor.note_word(start);
        Ok(())
    }

    /// Goes over a word that may come here.
    fn keyword(&mut self, word: &str) -> bool {
        let start = self.next();
        let rest = self.cursor.rest().strip_prefix(word);
        let ends = |char: char| !char.is_ascii_alphanumeric() && char != '_';
        let found = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(ends));
        if found {
            self.cursor.eat(word);
            self.cursor.note_word(start);
        }
        found
    }
}

fn is_command_name(name: &str) -> bool {
    name.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
        && name.chars().all(|char| char.is_ascii_alphanumeric() || "_-.".contains(char))
}
