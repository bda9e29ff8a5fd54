//! What lint has found, as marks on the figures and as data of the page.

use std::collections::HashMap;

use qapi_runtime::Value;
use serde_json::json;

use super::figure::{Figure, Item, Shape};
use super::text;
use crate::board::Board;
use crate::board::lint::{self, Finding};
use crate::cli::script;
use crate::qapi::LintSeverity;

/// How many findings the words about one item tell.
const TOLD: usize = 3;
/// From the upper right corner of what is marked to the middle of the mark.
const INSET: i32 = 7;

/// The findings of a board that are not waived, the worst first.
pub(super) struct Findings {
    all: Vec<Finding>,
    /// Devices that each of them is about.
    devices: Vec<Vec<u32>>,
    /// Those about each device.
    of: HashMap<u32, Vec<usize>>,
}

impl Findings {
    /// Of a board whose devices have these numbers, by path.
    pub(super) fn of(board: &Board, numbers: &HashMap<String, u32>) -> Self {
        // Back ends are those of whoever runs the board; a picture knows none.
        let mut all = lint::run(board, None);
        all.retain(|finding| finding.waived.is_none());
        let mut of: HashMap<u32, Vec<usize>> = HashMap::new();
        let mut devices = Vec::with_capacity(all.len());
        for (place, finding) in all.iter().enumerate() {
            let objects = finding.problem.objects.iter();
            let mut about: Vec<u32> = objects.filter_map(|path| owner(numbers, path)).collect();
            about.sort_unstable();
            about.dedup();
            about.iter().for_each(|device| of.entry(*device).or_default().push(place));
            devices.push(about);
        }
        Self { all, devices, of }
    }

    /// How many there are, in words; nothing for none.
    pub(super) fn summary(&self) -> Option<String> {
        let count = |severity: LintSeverity| {
            self.all.iter().filter(|finding| finding.rule.severity == severity).count()
        };
        let told = [LintSeverity::Error, LintSeverity::Warning, LintSeverity::Note]
            .map(|severity| (severity, count(severity)))
            .into_iter()
            .filter(|(_, count)| *count != 0)
            .map(|(severity, count)| text::counted(count, severity.as_str()));
        let told: Vec<String> = told.collect();
        (!told.is_empty()).then(|| format!("lint: {}", told.join(", ")))
    }

    /// Marks what stands for devices that something is found about.
    pub(super) fn mark(&self, figure: &mut Figure) {
        for shape in &mut figure.shapes {
            if let Shape::Item(item) = shape
                && !item.wire
            {
                self.mark_item(item);
            }
        }
    }

    fn mark_item(&self, item: &mut Item) {
        let mut places: Vec<usize> = item
            .devices
            .iter()
            .filter_map(|device| self.of.get(device))
            .flatten()
            .copied()
            .collect();
        places.sort_unstable();
        places.dedup();
        // They are sorted by severity.
        let Some(worst) = places.first().map(|place| self.all[*place].rule.severity) else {
            return;
        };
        for place in places.iter().take(TOLD) {
            item.tip += &format!("\n{}", line(&self.all[*place]));
        }
        if let Some(more) = places.len().checked_sub(TOLD + 1) {
            item.tip += &format!("\nand {}", text::counted(more + 1, "more finding"));
        }
        let class = match worst {
            LintSeverity::Error => "error",
            LintSeverity::Warning => "warning",
            LintSeverity::Note => return,
        };
        let corner = item.shapes.iter().find_map(|shape| match shape {
            Shape::Box { rect, .. } => Some((rect.x + rect.width, rect.y)),
            _ => None,
        });
        if let Some((x, y)) = corner {
            item.shapes.push(Shape::Dot { at: (x - INSET, y + INSET), class });
        }
    }

    /// For the page: severity, words, devices, and the commands that mend it.
    pub(super) fn told(&self) -> Value {
        let told = |(finding, devices): (&Finding, &Vec<u32>)| {
            let fix: Vec<String> = finding.problem.fix.iter().map(script::line).collect();
            json!([finding.rule.severity.as_str(), line(finding), devices, fix])
        };
        self.all.iter().zip(&self.devices).map(told).collect()
    }
}

fn line(finding: &Finding) -> String {
    format!("{}[{}]: {}", finding.rule.severity, finding.rule.id, finding.problem.message)
}

/// The device that a path leads to, or through.
fn owner(numbers: &HashMap<String, u32>, path: &str) -> Option<u32> {
    let ends = path.match_indices('/').map(|(end, _)| end).chain([path.len()]);
    ends.collect::<Vec<_>>().into_iter().rev().find_map(|end| numbers.get(&path[..end]).copied())
}
