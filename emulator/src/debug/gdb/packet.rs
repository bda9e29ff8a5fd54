//! Packets of the remote serial protocol (GDB manual, appendix "Remote Protocol", "Overview"):
//! `$body#checksum`, acknowledged by `+` or `-`, and the byte 0x03, which interrupts.

/// The longest body that is taken, as told in `PacketSize`.
pub(super) const LONGEST: usize = 0x1000;

/// What the bytes of a client come to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Input {
    /// A packet, escapes resolved.
    Packet(Vec<u8>),
    /// A packet that is too long to be kept.
    Oversized,
    /// A packet with a wrong checksum.
    Damaged,
    /// Ctrl-C.
    Interrupt,
    /// The client wants the last packet again.
    Resend,
}

#[derive(Debug, Default)]
enum State {
    /// Between packets.
    #[default]
    Outside,
    Body {
        escaped: bool,
    },
    Checksum {
        first: Option<u8>,
    },
}

/// Finds packets in bytes. Whatever comes between them is passed over.
#[derive(Debug, Default)]
pub(super) struct Reader {
    state: State,
    body: Vec<u8>,
    oversized: bool,
    sum: u8,
}

impl Reader {
    /// Takes the next byte.
    pub(super) fn push(&mut self, byte: u8) -> Option<Input> {
        match &mut self.state {
            State::Outside => match byte {
                b'$' => self.begin(),
                b'-' => return Some(Input::Resend),
                0x03 => return Some(Input::Interrupt),
                _ => {}
            },
            // A packet that was cut off: this is the next one.
            State::Body { .. } if byte == b'$' => self.begin(),
            State::Body { .. } if byte == b'#' => self.state = State::Checksum { first: None },
            State::Body { escaped } => {
                self.sum = self.sum.wrapping_add(byte);
                let was_escaped = std::mem::take(escaped);
                if byte == b'}' && !was_escaped {
                    *escaped = true;
                } else if self.body.len() == LONGEST {
                    self.oversized = true;
                } else {
                    self.body.push(if was_escaped { byte ^ 0x20 } else { byte });
                }
            }
            State::Checksum { first: first @ None } => *first = Some(byte),
            State::Checksum { first: Some(first) } => {
                let told = nibble(*first).zip(nibble(byte)).map(|(high, low)| high << 4 | low);
                self.state = State::Outside;
                let body = std::mem::take(&mut self.body);
                return Some(match told {
                    Some(sum) if sum == self.sum && self.oversized => Input::Oversized,
                    Some(sum) if sum == self.sum => Input::Packet(body),
                    _ => Input::Damaged,
                });
            }
        }
        None
    }

    fn begin(&mut self) {
        *self = Self { state: State::Body { escaped: false }, ..Self::default() };
    }
}

/// A packet with this body.
pub(super) fn packet(body: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(body.len() + 4);
    all.push(b'$');
    for &byte in body {
        if matches!(byte, b'$' | b'#' | b'}' | b'*') {
            all.extend([b'}', byte ^ 0x20]);
        } else {
            all.push(byte);
        }
    }
    let sum = all.iter().skip(1).fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    all.extend(format!("#{sum:02x}").bytes());
    all
}

/// Bytes as hexadecimal digits.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes from hexadecimal digits; `None` if they are not.
pub(super) fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(nibble(*high)? << 4 | nibble(*low)?),
            _ => None,
        })
        .collect()
}

/// A number in hexadecimal digits.
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() || digits.len() > 16 {
        return None;
    }
    digits.iter().try_fold(0, |all, digit| Some(all << 4 | u64::from(nibble(*digit)?)))
}

fn nibble(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(bytes: &[u8]) -> Vec<Input> {
        let mut reader = Reader::default();
        bytes.iter().filter_map(|byte| reader.push(*byte)).collect()
    }

    #[test]
    fn packets_are_found_among_anything() {
        let packet = |body: &str| Input::Packet(body.into());
        let rows: &[(&[u8], Vec<Input>)] = &[
            (b"$g#67", vec![packet("g")]),
            (b"+$g#67+", vec![packet("g")]),
            (b"$#00", vec![packet("")]),
            (b"$}\x03#80", vec![packet("#")]),
            (b"garbage\xff\n$g#67", vec![packet("g")]),
            (b"$g#68", vec![Input::Damaged]),
            (b"$g#zz$g#67", vec![Input::Damaged, packet("g")]),
            (b"$m80$g#67", vec![packet("g")]),
            (b"\x03$\x03#03", vec![Input::Interrupt, packet("\x03")]),
            (b"-", vec![Input::Resend]),
            (b"$m8000", vec![]),
        ];
        for (bytes, expected) in rows {
            assert_eq!(inputs(bytes), *expected, "{:?}", String::from_utf8_lossy(bytes));
        }
    }

    #[test]
    fn a_packet_that_is_too_long_takes_no_memory() {
        let mut long = packet(&[b'a'; LONGEST]);
        assert_eq!(inputs(&long), [Input::Packet(vec![b'a'; LONGEST])]);
        long = packet(&[b'a'; 100 * LONGEST]);
        assert_eq!(inputs(&long), [Input::Oversized]);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(inputs(&packet(&all)), [Input::Packet(all.clone())]);
        assert_eq!(from_hex(to_hex(&all).as_bytes()), Some(all));
        assert_eq!(from_hex(b"abc"), None);
        assert_eq!(from_hex(b"0x"), None);
        assert_eq!(number(b""), None);
        assert_eq!(number(b"ffffffffffffffff"), Some(u64::MAX));
        assert_eq!(number(b"10000000000000000"), None);
    }
}
