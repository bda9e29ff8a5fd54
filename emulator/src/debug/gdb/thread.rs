//! Which harts a client means: its thread ids, and lists of actions in `vCont`.
//!
//! All harts are threads of process 1, thread n being hart n-1. With the multiprocess extension,
//! which gdb always asks for, an id is `p1.2`, otherwise `2`.

use crate::machine::Pace;

/// What an id stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Threads {
    /// `-1`, or a process without a thread.
    All,
    /// `0`: whichever.
    Any,
    /// A hart, by its index.
    One(usize),
}

impl Threads {
    /// Reads an id; `None` if it is none, or of what there is not among `harts` harts.
    pub(super) fn parse(id: &str, harts: usize) -> Option<Self> {
        let (process, thread) = match id.strip_prefix('p') {
            None => ("1", id),
            Some(id) => id.split_once('.').unwrap_or((id, "-1")),
        };
        if process != "-1" && u32::from_str_radix(process, 16).ok()? > 1 {
            return None;
        }
        match thread {
            "-1" => Some(Self::All),
            number => match usize::from_str_radix(number, 16).ok()? {
                0 => Some(Self::Any),
                number => (number <= harts).then_some(Self::One(number - 1)),
            },
        }
    }

    /// The hart that is meant where only one can be.
    pub(super) fn one(self) -> usize {
        match self {
            Self::One(hart) => hart,
            Self::All | Self::Any => 0,
        }
    }

    fn includes(self, hart: usize) -> bool {
        match self {
            Self::All => true,
            Self::Any => hart == 0,
            Self::One(one) => one == hart,
        }
    }
}

/// The id of a hart.
pub(super) fn id(hart: usize, multiprocess: bool) -> String {
    let thread = hart + 1;
    if multiprocess { format!("p01.{thread:02x}") } else { format!("{thread:02x}") }
}

/// The paces that `vCont` asks for in its list, such as `s:p1.1;c:p1.-1`: for each hart the
/// first action that is about it; a hart that no action is about stands still. Signals have
/// nobody to go to.
pub(super) fn paces(actions: &str, harts: usize) -> Option<Vec<Pace>> {
    let mut list = Vec::new();
    for action in actions.split(';') {
        let (kind, threads) = match action.split_once(':') {
            Some((kind, id)) => (kind, Threads::parse(id, harts)?),
            None => (action, Threads::All),
        };
        let pace = match kind.as_bytes() {
            [b'c'] | [b'C', _, _] => Pace::Run,
            [b's'] | [b'S', _, _] => Pace::Step,
            _ => return None,
        };
        list.push((threads, pace));
    }
    let pace = |hart| {
        list.iter()
            .find(|(threads, _)| threads.includes(hart))
            .map_or(Pace::Hold, |(_, pace)| *pace)
    };
    Some((0..harts).map(pace).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use Pace::{Hold, Run, Step};

    #[test]
    fn ids_name_harts() {
        let rows = [
            ("p1.2", Some(Threads::One(1))),
            ("2", Some(Threads::One(1))),
            ("p1.-1", Some(Threads::All)),
            ("p1", Some(Threads::All)),
            ("p-1.-1", Some(Threads::All)),
            ("-1", Some(Threads::All)),
            ("p0.0", Some(Threads::Any)),
            ("0", Some(Threads::Any)),
            ("p1.3", None),
            ("p2.1", None),
            ("", None),
            ("p", None),
            ("p1.", None),
            ("p1.x", None),
            ("ffffffffffffffffff", None),
        ];
        for (text, expected) in rows {
            assert_eq!(Threads::parse(text, 2), expected, "{text}");
        }
        assert_eq!(id(16, true), "p01.11");
    }

    #[test]
    fn the_first_action_about_a_hart_counts() {
        let rows: &[(&str, Option<Vec<Pace>>)] = &[
            ("c", Some(vec![Run, Run])),
            ("c:p1.-1", Some(vec![Run, Run])),
            ("s:p1.1;c:p1.-1", Some(vec![Step, Run])),
            ("s:p1.2", Some(vec![Hold, Step])),
            ("C05:1;S02", Some(vec![Run, Step])),
            ("c:p1.1;s:p1.1", Some(vec![Run, Hold])),
            ("", None),
            ("t", None),
            ("c:p1.9", None),
            ("c;", None),
        ];
        for (text, expected) in rows {
            assert_eq!(paces(text, 2), *expected, "{text}");
        }
    }
}
