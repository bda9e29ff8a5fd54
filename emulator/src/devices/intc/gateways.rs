//! What platform-level interrupt controllers have in common (RISC-V PLIC specification 1.0.0,
//! chapter 1): a gateway for each source, and for each context the choice of what to serve.

use serde::{Deserialize, Serialize};

use crate::devices::chip::Outputs;
use crate::machine::Line;

/// What a controller knows of its sources and of its contexts.
#[derive(Serialize, Deserialize)]
pub(super) struct Gateways {
    pub(super) priority: Vec<u32>,
    /// What each source's wire says.
    level: Vec<bool>,
    pub(super) pending: Vec<u32>,
    /// Claimed and not completed: the gateway sends nothing more.
    claimed: Vec<u32>,
    pub(super) enable: Vec<Vec<u32>>,
    pub(super) threshold: Vec<u32>,
    outputs: Vec<(usize, u32)>,
}

impl Gateways {
    /// Sources, source 0 included, and contexts in their state after power-on. `outputs` are the
    /// lines with the context that drives each.
    pub(super) fn new(sources: u32, contexts: usize, outputs: Vec<(usize, u32)>) -> Self {
        let words = sources.div_ceil(32) as usize;
        Self {
            priority: vec![0; sources as usize],
            level: vec![false; sources as usize],
            pending: vec![0; words],
            claimed: vec![0; words],
            enable: vec![vec![0; words]; contexts],
            threshold: vec![0; contexts],
            outputs,
        }
    }

    /// All registers as after power-on; the wires are what they are.
    pub(super) fn reset(&mut self) {
        self.priority.fill(0);
        self.pending.fill(0);
        self.claimed.fill(0);
        self.threshold.fill(0);
        self.enable.iter_mut().for_each(|words| words.fill(0));
    }

    /// A source's wire changes.
    pub(super) fn set_level(&mut self, source: usize, level: bool) {
        if source != 0 && source < self.level.len() {
            self.level[source] = level;
            self.sample(source);
        }
    }

    /// The pending, enabled source of the highest priority; the lowest number among equals.
    fn best(&self, context: usize) -> Option<usize> {
        let enable = self.enable.get(context)?;
        let mut best: Option<(u32, usize)> = None;
        for (word, (pending, enabled)) in self.pending.iter().zip(enable).enumerate() {
            let mut bits = pending & enabled;
            while bits != 0 {
                let source = word * 32 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let priority = self.priority[source];
                if priority > best.map_or(0, |(highest, _)| highest) {
                    best = Some((priority, source));
                }
            }
        }
        best.map(|(_, source)| source)
    }

    /// The gateway: an interrupt request that is on and not in service becomes pending.
    fn sample(&mut self, source: usize) {
        let (word, bit) = (source / 32, 1 << (source % 32));
        if self.level[source] && self.claimed[word] & bit == 0 {
            self.pending[word] |= bit;
        }
    }

    /// The source to be served, taken out of those that are pending; 0 for none.
    pub(super) fn claim(&mut self, context: usize) -> u32 {
        let Some(source) = self.best(context) else { return 0 };
        let (word, bit) = (source / 32, 1 << (source % 32));
        self.pending[word] &= !bit;
        self.claimed[word] |= bit;
        source as u32
    }

    /// A source has been served.  Whether it was enabled for the context; otherwise the completion is ignored.
    pub(super) fn complete(&mut self, context: usize, source: usize) -> bool {
        let (word, bit) = (source / 32, 1_u32 << (source % 32));
        let enabled = self.enable.get(context).and_then(|enable| enable.get(word));
        if enabled.is_none_or(|enabled| enabled & bit == 0) || source >= self.level.len() {
            return false;
        }
        self.claimed[word] &= !bit;
        self.sample(source);
        true
    }
}

impl Outputs for Gateways {
    fn adopt(&mut self, saved: Self) -> Result<(), String> {
        let shape = |it: &Self| {
            let enable: Vec<usize> = it.enable.iter().map(Vec::len).collect();
            let rest = [it.priority.len(), it.level.len(), it.pending.len(), it.claimed.len()];
            (enable, rest, it.threshold.len(), it.outputs.clone())
        };
        if shape(self) != shape(&saved) {
            return Err("it has other sources or contexts".into());
        }
        *self = saved;
        Ok(())
    }

    fn drive(&self, lines: &[Line]) {
        for &(context, output) in &self.outputs {
            let Some(line) = lines.get(output as usize) else { continue };
            line.set(
                self.best(context)
                    .is_some_and(|source| self.priority[source] > self.threshold[context]),
            );
        }
    }
}
