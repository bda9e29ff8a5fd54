//! Rows of lines: `swi/unnamed-gpio-out[0..3]`, `cpus/harts[0..3]/msip`, or a line and a count.

use qapi_runtime::QmpError;

use super::{Board, PortRef};
use crate::qapi::{DeviceConnect, DeviceDisconnect};

/// The most lines that one path stands for; no port has more.
const MOST: u32 = 1 << 16;

impl Board {
    /// Wires outputs to inputs, one after the other: the command `device-connect`.
    ///
    /// # Errors
    /// The two ends are not of a length, or a line cannot be wired; the message names it.
    pub fn connect_lines(&mut self, request: &DeviceConnect) -> Result<(), QmpError> {
        let outputs = self.lines(&request.from, request.count)?;
        let inputs = self.lines(&request.to, request.count)?;
        if outputs.len() != inputs.len() {
            return Err(QmpError::generic(format!(
                "'{}' stands for {} lines and '{}' for {}: expected as many",
                request.from,
                outputs.len(),
                request.to,
                inputs.len()
            )));
        }
        for (output, input) in outputs.iter().zip(&inputs) {
            self.connect_free(output, input)?;
        }
        Ok(())
    }

    /// Takes wires away by one of their ends: the command `device-disconnect`.
    ///
    /// # Errors
    /// There is no such line, or one of them is not wired.
    pub fn disconnect_lines(&mut self, request: &DeviceDisconnect) -> Result<(), QmpError> {
        for port in self.lines(&request.port, request.count)? {
            if self.peer(&port).is_none() {
                let path = self.port_path(&port);
                return Err(QmpError::generic(format!("'{path}' is not wired")));
            }
            self.disconnect(&port);
        }
        Ok(())
    }

    /// The lines that a path stands for.
    fn lines(&self, path: &str, count: Option<u32>) -> Result<Vec<PortRef>, QmpError> {
        let paths = expand(path)?;
        let [one] = paths.as_slice() else {
            if count.is_some() {
                return Err(QmpError::generic(format!(
                    "Parameter 'count' is for a path to one line; '{path}' has a range"
                )));
            }
            return paths.iter().map(|path| self.find_port(path)).collect();
        };
        let first = self.find_port(one)?;
        let count = count.unwrap_or(1);
        let width = self.width(&first);
        if count == 0 || first.line.checked_add(count).is_none_or(|end| end > width) {
            return Err(QmpError::generic(format!(
                "Parameter 'count' expects a number from 1 to {}: '{path}' is line {} of {width}",
                width - first.line,
                first.line
            )));
        }
        Ok((first.line..first.line + count).map(|line| PortRef { line, ..first.clone() }).collect())
    }
}

/// The paths that a path with a range such as `[0..3]` stands for; both numbers belong to it.
fn expand(path: &str) -> Result<Vec<String>, QmpError> {
    let Some((before, rest)) = path.split_once("..") else { return Ok(vec![path.into()]) };
    let parts = before.rsplit_once('[').zip(rest.split_once(']'));
    let range = parts.and_then(|((head, first), (last, tail))| {
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        let fits = first <= last && last - first < MOST && !tail.contains("..");
        fits.then(|| (first..=last).map(|number| format!("{head}[{number}]{tail}")).collect())
    });
    range.ok_or_else(|| {
        QmpError::generic(format!(
            "'{path}' expects one range [FIRST..LAST] of at most {MOST} lines, such as plic/unnamed-gpio-in[1..8]"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_stands_for_its_numbers() {
        let rows: &[(&str, Result<&[&str], ()>)] = &[
            ("a/b[3]", Ok(&["a/b[3]"])),
            ("a/b[3..4]", Ok(&["a/b[3]", "a/b[4]"])),
            ("cpus/harts[0..1]/msip", Ok(&["cpus/harts[0]/msip", "cpus/harts[1]/msip"])),
            ("a[2..2]", Ok(&["a[2]"])),
            ("a[2..1]", Err(())),
            ("a[0..4294967295]", Err(())),
            ("a[0..1]/b[0..1]", Err(())),
            ("a[..1]", Err(())),
            ("a..b", Err(())),
        ];
        for (path, expected) in rows {
            let found = expand(path).map_err(drop);
            let expected = expected.map(|paths| paths.iter().map(ToString::to_string).collect());
            assert_eq!(found, expected, "{path}");
        }
    }
}
