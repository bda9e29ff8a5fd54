//! JSON as examples write it: `...` stands for anything that is left out, strings may have single
//! quotes, as QMP permits.

/// A value and the line on which it begins, counted from 0 in the text.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) line: usize,
    pub(crate) value: Value,
}

/// The forms of a value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// `...`
    Elided,
    Null,
    Bool,
    /// A number as it is spelled.
    Number(String),
    String(String),
    Array(Vec<Sample>),
    Object(Members),
}

/// The members of an object.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    pub(crate) list: Vec<(String, Sample)>,
    /// Whether `...` stands among them.
    pub(crate) elided: bool,
}

impl Members {
    pub(crate) fn get(&self, name: &str) -> Option<&Sample> {
        self.list.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }
}

/// What is no JSON: the line, counted from 0, and why.
#[derive(Debug)]
pub(crate) struct Malformed {
    pub(crate) line: usize,
    pub(crate) message: String,
}

/// How deep values may be nested.
const DEPTH: usize = 64;

/// Reads one value, which must be the whole text.
pub(crate) fn parse(text: &str) -> Result<Sample, Malformed> {
    let mut reader = Reader { text, at: 0, line: 0 };
    let value = reader.value(0)?;
    reader.skip();
    while reader.take("...") {
        reader.skip();
    }
    match reader.rest() {
        "" => Ok(value),
        _ => Err(reader.error("the JSON ends here, the text goes on")),
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    line: usize,
}

impl<'t> Reader<'t> {
    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn error(&self, message: impl Into<String>) -> Malformed {
        Malformed { line: self.line, message: message.into() }
    }

    fn skip(&mut self) {
        let rest = self.rest();
        let blank = rest.len() - rest.trim_start().len();
        self.advance(blank);
    }

    fn advance(&mut self, length: usize) {
        let done = self.rest().get(..length).unwrap_or("");
        self.line += done.matches('\n').count();
        self.at += length;
    }

    /// Takes a token if it comes next.
    fn take(&mut self, token: &str) -> bool {
        let found = self.rest().starts_with(token);
        if found {
            self.advance(token.len());
        }
        found
    }

    fn value(&mut self, depth: usize) -> Result<Sample, Malformed> {
        self.skip();
        if depth > DEPTH {
            return Err(self.error(format!("nested deeper than {DEPTH} levels")));
        }
        let line = self.line;
        let words = [
            ("...", Value::Elided),
            ("null", Value::Null),
            ("true", Value::Bool),
            ("false", Value::Bool),
        ];
        for (word, value) in words {
            if self.take(word) {
                return Ok(Sample { line, value });
            }
        }
        let value = match self.rest().chars().next() {
            Some('{') => Value::Object(self.object(depth)?),
            Some('[') => Value::Array(self.array(depth)?),
            Some('"' | '\'') => Value::String(self.string()?),
            Some('-' | '0'..='9') => Value::Number(self.number()?),
            Some(other) => {
                return Err(self.error(format!("expected a JSON value, found '{other}'")));
            }
            None => return Err(self.error("expected a JSON value, found the end")),
        };
        Ok(Sample { line, value })
    }

    fn object(&mut self, depth: usize) -> Result<Members, Malformed> {
        let mut members = Members::default();
        self.sequence("{", "}", |reader| {
            if reader.take("...") {
                members.elided = true;
                return Ok(true);
            }
            if !reader.rest().starts_with(['"', '\'']) {
                return Err(reader.error("expected the name of a member, in quotes"));
            }
            let name = reader.string()?;
            reader.skip();
            if !reader.take(":") {
                return Err(reader.error(format!("expected ':' after \"{name}\"")));
            }
            if members.get(&name).is_some() {
                return Err(reader.error(format!("member \"{name}\" is there twice")));
            }
            let value = reader.value(depth + 1)?;
            members.list.push((name, value));
            Ok(false)
        })?;
        Ok(members)
    }

    fn array(&mut self, depth: usize) -> Result<Vec<Sample>, Malformed> {
        let mut elements = Vec::new();
        self.sequence("[", "]", |reader| {
            let element = reader.value(depth + 1)?;
            let elided = matches!(element.value, Value::Elided);
            elements.push(element);
            Ok(elided)
        })?;
        Ok(elements)
    }

    /// Reads what stands between brackets, with commas between; `item` says whether it was a
    /// `...`, which needs none.
    fn sequence(
        &mut self,
        open: &str,
        close: &str,
        mut item: impl FnMut(&mut Self) -> Result<bool, Malformed>,
    ) -> Result<(), Malformed> {
        self.take(open);
        self.skip();
        let mut free = true;
        while !self.take(close) {
            if !free && !self.rest().starts_with("...") {
                return Err(self.error(format!("expected ',' or '{close}'")));
            }
            let elided = item(self)?;
            self.skip();
            free = self.take(",");
            self.skip();
            if free && !elided && self.rest().starts_with(close) {
                return Err(self.error(format!("a comma before '{close}'")));
            }
            free |= elided;
        }
        Ok(())
    }

    fn string(&mut self) -> Result<String, Malformed> {
        let quote = if self.take("'") { '\'' } else { '"' };
        if quote == '"' {
            self.advance(1);
        }
        let rest = self.rest();
        let mut text = String::new();
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                _ if c == quote => {
                    self.advance(at + 1);
                    return Ok(text);
                }
                '\n' => break,
                '\\' => match chars.next() {
                    Some((_, 'u')) => {
                        let code: String = chars.by_ref().take(4).map(|(_, c)| c).collect();
                        let code = u32::from_str_radix(&code, 16);
                        let code = code.map_err(|_| self.error("a bad \\u in a string"))?;
                        text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, 'b')) => text.push('\u{8}'),
                    Some((_, 'f')) => text.push('\u{c}'),
                    Some((_, c @ ('"' | '\'' | '\\' | '/'))) => text.push(c),
                    _ => return Err(self.error("an unknown escape in a string")),
                },
                c => text.push(c),
            }
        }
        Err(self.error("a string without its closing quote"))
    }

    fn number(&mut self) -> Result<String, Malformed> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.'));
        let text = rest.get(..end.unwrap_or(rest.len())).unwrap_or("").trim_end_matches("...");
        // What serde_json takes for a number is one.
        match serde_json::from_str::<serde_json::Number>(text) {
            Ok(_) => {
                self.advance(text.len());
                Ok(text.to_owned())
            }
            Err(_) => Err(self.error(format!("'{text}' is no JSON number"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepted() {
        let rows = [
            "{}",
            "[1, -2.5e3, true, null, 'a', \"b\\u0041\"]",
            "{ 'a': ... }",
            "{ 'a': 1, ... }",
            "{ 'a': 1, ..., 'b': 2 }",
            "{...}",
            "[ {}, ... ]",
            "[ {},\n ...\n ]",
            "...",
            "{ 'a': [] } ...",
        ];
        for text in rows {
            assert!(parse(text).is_ok(), "{text}: {:?}", parse(text));
        }
    }

    #[test]
    fn refused() {
        let deep = "[".repeat(100_000);
        let rows = [
            ("", 0, "found the end"),
            ("{ 'a' 1 }", 0, "expected ':'"),
            ("{ 'a': 1,\n  'b': }", 1, "found '}'"),
            ("[ 1 2 ]", 0, "expected ',' or ']'"),
            ("[ 1, ]", 0, "a comma before ']'"),
            ("{ 'a': 1, 'a': 2 }", 0, "twice"),
            ("{ a: 1 }", 0, "in quotes"),
            ("'open", 0, "closing quote"),
            ("01", 0, "no JSON number"),
            ("{}\n{}", 1, "the text goes on"),
            (deep.as_str(), 0, "nested deeper"),
        ];
        for (text, line, message) in rows {
            let error = parse(text).unwrap_err();
            let start: String = text.chars().take(20).collect();
            assert_eq!(error.line, line, "{start}");
            assert!(error.message.contains(message), "{start}: {}", error.message);
        }
    }
}
