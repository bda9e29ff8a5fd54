//! Markup inside a paragraph: emphasis, literals, references, links.

/// A run of text with one look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Inline {
    Text(String),
    Emphasis(String),
    Strong(String),
    /// ``` ``text`` ```
    Code(String),
    /// `@name`: a member, or anything that the schema defines.
    Name(String),
    Link {
        text: String,
        url: String,
    },
}

impl Inline {
    /// Without its look.
    #[cfg(test)]
    pub(crate) fn plain(&self) -> &str {
        match self {
            Self::Text(text)
            | Self::Emphasis(text)
            | Self::Strong(text)
            | Self::Code(text)
            | Self::Name(text)
            | Self::Link { text, .. } => text,
        }
    }

    /// Text.
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
}

/// Reads a paragraph. Runs of blanks count as one.
pub(crate) fn inline(text: &str) -> Vec<Inline> {
    let mut reader = Reader { spans: Vec::new(), before: ' ' };
    let mut rest = text.trim();
    while let Some(c) = rest.chars().next() {
        let taken = reader.markup(rest).unwrap_or_else(|| {
            reader.push(c);
            c.len_utf8()
        });
        let (done, after) = rest.split_at(taken);
        reader.before = done.chars().next_back().unwrap_or(' ');
        rest = after;
    }
    reader.spans
}

struct Reader {
    spans: Vec<Inline>,
    /// The character before the place being read.
    before: char,
}

impl Reader {
    /// Adds a character of plain text.
    fn push(&mut self, c: char) {
        let blank = c.is_whitespace();
        if blank && self.before.is_whitespace() {
            return;
        }
        let c = if blank { ' ' } else { c };
        if let Some(Inline::Text(text)) = self.spans.last_mut() {
            text.push(c);
        } else {
            self.spans.push(Inline::Text(c.into()));
        }
    }

    /// Reads what has a look of its own: how many bytes it took, or nothing if it is plain.
    fn markup(&mut self, rest: &str) -> Option<usize> {
        let inside_word = self.before.is_alphanumeric();
        let (span, taken) = match rest.as_bytes().first()? {
            b'`' if rest.starts_with("``") => {
                let (text, taken) = delimited(rest, "``")?;
                (Inline::Code(text.to_owned()), taken)
            }
            b'`' => {
                let (text, taken) = delimited(rest, "`")?;
                let tail = rest.get(taken..).unwrap_or("");
                let underscores = tail.bytes().take_while(|byte| *byte == b'_').count().min(2);
                (interpreted(text, underscores > 0), taken + underscores)
            }
            b':' => {
                let role = role(rest)?;
                let (text, taken) = delimited(rest.get(role..)?, "`")?;
                (interpreted(text, false), role + taken)
            }
            b'*' if inside_word => return None,
            b'*' => {
                let mark = if rest.starts_with("**") { "**" } else { "*" };
                let (text, taken) = delimited(rest, mark)?;
                let after = rest.get(taken..).and_then(|tail| tail.chars().next());
                if text.starts_with(' ')
                    || text.ends_with(' ')
                    || after.is_some_and(char::is_alphanumeric)
                {
                    return None;
                }
                let text = text.to_owned();
                (if mark == "*" { Inline::Emphasis(text) } else { Inline::Strong(text) }, taken)
            }
            b'@' if !inside_word => {
                let name = name(rest.get(1..)?);
                if name.is_empty() {
                    return None;
                }
                (Inline::Name(name.to_owned()), name.len() + 1)
            }
            b'h' if !inside_word
                && (rest.starts_with("http://") || rest.starts_with("https://")) =>
            {
                let end = rest.find(|c: char| c.is_whitespace() || ",;)>\"'`".contains(c));
                let url = rest.get(..end.unwrap_or(rest.len()))?.trim_end_matches(['.', ':']);
                (Inline::Link { text: url.to_owned(), url: url.to_owned() }, url.len())
            }
            b'\\' => {
                let escaped = rest.chars().nth(1)?;
                if !escaped.is_whitespace() {
                    self.push(escaped);
                }
                return Some(1 + escaped.len_utf8());
            }
            _ => return None,
        };
        self.spans.push(span);
        Some(taken)
    }
}

/// The text between two equal marks, and the length of all.
fn delimited<'t>(rest: &'t str, mark: &str) -> Option<(&'t str, usize)> {
    let inside = rest.get(mark.len()..)?;
    let end = inside.find(mark).filter(|end| *end > 0)?;
    Some((inside.get(..end)?, end + 2 * mark.len()))
}

/// Text in single backquotes: `text <target>`, or a name.
fn interpreted(text: &str, link: bool) -> Inline {
    let split = text.strip_suffix('>').and_then(|text| text.rsplit_once('<'));
    let (shown, target) = match split {
        Some((shown, target)) => (shown.trim(), target),
        None => (text, text),
    };
    let shown = if shown.is_empty() { target } else { shown };
    let web = target.starts_with("http://") || target.starts_with("https://");
    if link && web {
        Inline::Link { text: shown.to_owned(), url: target.to_owned() }
    } else if split.is_some() || shown.contains(' ') {
        Inline::Emphasis(shown.to_owned())
    } else {
        Inline::Name(shown.to_owned())
    }
}

/// The length of a role such as `:ref:` before a backquote.
fn role(text: &str) -> Option<usize> {
    let end = text.get(1..)?.find(':')? + 1;
    let named = end > 1
        && text.get(1..end)?.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | ':'));
    (named && text.get(end + 1..)?.starts_with('`')).then_some(end + 1)
}

/// The name after an `@`, without the full stop of the sentence.
fn name(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_' | '.'));
    text.get(..end.unwrap_or(text.len())).unwrap_or("").trim_end_matches(['.', '-'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        let spans = inline(text).into_iter().map(|span| match span {
            Inline::Text(text) => text,
            Inline::Emphasis(text) => format!("<em {text}>"),
            Inline::Strong(text) => format!("<b {text}>"),
            Inline::Code(text) => format!("<code {text}>"),
            Inline::Name(text) => format!("<name {text}>"),
            Inline::Link { text, url } => format!("<a {text}|{url}>"),
        });
        spans.collect()
    }

    #[test]
    fn spans() {
        let rows = [
            ("One.  Two.", "One. Two."),
            ("a *b* c", "a <em b> c"),
            ("**b**, 2*3*4, * x", "<b b>, 2*3*4, * x"),
            ("``-S`` `x`", "<code -S> <name x>"),
            ("enter @ready, @no-machine.", "enter <name ready>, <name no-machine>."),
            ("mail a@b, @ alone", "mail a@b, @ alone"),
            ("see :ref:`board` or :doc:`that one </x>`", "see <name board> or <em that one>"),
            ("`QEMU <https://qemu.org>`_!", "<a QEMU|https://qemu.org>!"),
            ("at https://example.org/x.", "at <a https://example.org/x|https://example.org/x>."),
            ("a \\* b\\ c", "a * bc"),
            ("open ``end", "open ``end"),
            ("`", "`"),
        ];
        for (text, expected) in rows {
            assert_eq!(told(text), expected, "{text:?}");
        }
    }
}
