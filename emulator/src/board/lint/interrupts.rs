//! Rules about interrupts: from devices to controllers, from controllers to harts.

use std::collections::BTreeMap;

use serde_json::json;

use super::context::{Context, Free, Hart, Known, has_property, short};
use super::{Problem, Rule};
use crate::board::PortRef;
use crate::boot::Firmware;
use crate::devices::{LineUse, PortDirection};
use crate::qapi::{LintRule, LintSeverity};

/// Causes, which are a hart's inputs (privileged architecture, section 3.1.9).
const MACHINE_SOFTWARE: u32 = 3;
const MACHINE_TIMER: u32 = 7;
const SUPERVISOR_EXTERNAL: u32 = 9;
const MACHINE_EXTERNAL: u32 = 11;
/// Where the controllers of a hart usually stand.
const CLINT: u64 = 0x200_0000;
const PLIC: u64 = 0xc00_0000;

pub(super) const IRQ_UNCONNECTED: Rule = Rule {
    id: LintRule::IrqUnconnected,
    severity: LintSeverity::Warning,
    summary: "the interrupts of a device lead nowhere",
    explanation: "No hart hears of the device; software has to ask it again and again. The input of \
                  the fix is the first free one: the manual of the chip has the right one. Of a \
                  device that is only polled, waive it.",
    example: include_str!("examples/irq-unconnected.qmp"),
    check: |context| {
        let mut inputs = FreeInputs::of(context);
        let mut problems = Vec::new();
        for known in &context.devices {
            let requests: Vec<PortRef> = known
                .outputs()
                .filter(|(_, line)| *line == LineUse::Request)
                .map(|(o, _)| o)
                .collect();
            let Some(first) = requests.first() else { continue };
            if requests.iter().any(|output| context.board.wired_to(output).is_some()) {
                continue;
            }
            if context.controllers().all(|other| other.device.name == known.device.name) {
                continue;
            }
            let count = match requests.len() {
                1 => "the interrupt".into(),
                count => format!("none of the {count} interrupts"),
            };
            let leads = if requests.len() == 1 { "leads nowhere" } else { "leads anywhere" };
            let path = known.device.path();
            let mut problem = Problem::new(format!("{count} of '{}' {leads}", short(&path)))
                .about(path)
                .made_by(known.device.entry);
            if let Some(input) = inputs.next() {
                problem = problem.fixed_by_wire(context, first, Some(&input));
            }
            problems.push(problem);
        }
        problems
    },
};

pub(super) const CONTROLLER_MISSING: Rule = Rule {
    id: LintRule::ControllerMissing,
    severity: LintSeverity::Note,
    summary: "devices have interrupts and there is no interrupt controller",
    explanation: "Software can only poll these devices.",
    example: include_str!("examples/controller-missing.qmp"),
    check: |context| {
        let asks = |known: &Known<'_>| {
            known.outputs().any(|(output, line)| {
                line == LineUse::Request && context.board.wired_to(&output).is_none()
            })
        };
        if context.harts.is_empty() || context.controllers().next().is_some() {
            return Vec::new();
        }
        let devices: Vec<_> = context.devices.iter().filter(|known| asks(known)).collect();
        let Some(first) = devices.first() else { return Vec::new() };
        let id = context.free_id("plic");
        let mut problem = Problem::new(match devices.len() {
            1 => format!("there is no interrupt controller for '{}'", short(&first.device.path())),
            count => format!(
                "there is no interrupt controller for the {count} devices that have interrupts"
            ),
        });
        problem = problem.made_by(first.device.entry);
        problem.objects = devices.iter().map(|known| known.device.path()).collect();
        let config = vec!["M"; context.harts.len()].join(",");
        let plic = json!({ "driver": "riscv.sifive.plic", "id": id, "hart-config": config });
        problem = problem.fixed_by("device_add", plic);
        if let Some(addr) = Free::from(context, PLIC).take(0x400_0000) {
            let map = json!({ "device": id, "addr": addr });
            problem = problem.fixed_by("sysbus-mmio-map", map);
        }
        vec![problem]
    },
};

pub(super) const CONTROLLER_UNHEARD: Rule = Rule {
    id: LintRule::ControllerUnheard,
    severity: LintSeverity::Error,
    summary: "a controller takes interrupts and tells no hart",
    explanation: "Devices are wired to the controller, and none of its outputs is wired to anything: \
                  no interrupt ever reaches a hart.",
    example: include_str!("examples/controller-unheard.qmp"),
    check: |context| {
        let mut problems = Vec::new();
        for known in context.controllers() {
            let inputs = known.lines(PortDirection::Input);
            let taken = inputs.filter(|(input, _)| context.drivers.contains_key(input)).count();
            let outputs: Vec<_> = known.outputs().collect();
            let told = outputs.iter().any(|(output, _)| context.board.wired_to(output).is_some());
            if taken == 0 || told || outputs.is_empty() {
                continue;
            }
            let path = known.device.path();
            let message = format!(
                "'{}' takes interrupts of {taken} lines, and none of its outputs leads anywhere",
                short(&path)
            );
            let mut problem = Problem::new(message).about(path).made_by(known.device.entry);
            let way =
                outputs.iter().find_map(|(output, line)| Some((output, target(context, *line)?)));
            if let Some((output, input)) = way {
                problem = problem.fixed_by_wire(context, output, Some(&input));
            }
            problems.push(problem);
        }
        problems
    },
};

pub(super) const LINE_UNCONNECTED: Rule = Rule {
    id: LintRule::LineUnconnected,
    severity: LintSeverity::Warning,
    summary: "an interrupt for a hart leads nowhere",
    explanation: "Each output of an interrupt controller or a timer is made for one input of one \
                  hart. This hart exists, and the output is not wired to it: software that sets \
                  the controller up waits in vain.",
    example: include_str!("examples/line-unconnected.qmp"),
    check: |context| {
        lines_for_harts(context)
            .filter(|line| {
                context.board.wired_to(&line.output).is_none() && line.hart.takes(line.cause)
            })
            .map(|line| {
                let message = format!(
                    "'{}' leads nowhere; it is made for input {} of '{}'",
                    context.short_port(&line.output),
                    line.cause,
                    short(&line.hart.path())
                );
                let input = line.hart.input(line.cause);
                let problem = line.problem(context, message);
                // An input that another one drives is the question, not the answer.
                if context.drivers.contains_key(&input) {
                    return problem;
                }
                problem.fixed_by_wire(context, &line.output, Some(&input))
            })
            .collect()
    },
};

pub(super) const LINE_MISROUTED: Rule = Rule {
    id: LintRule::LineMisrouted,
    severity: LintSeverity::Error,
    summary: "an interrupt for a hart leads elsewhere",
    explanation: "Each output of an interrupt controller or a timer is made for one input of one \
                  hart: software interrupts for input 3, timers for 7, external interrupts for 9 \
                  (supervisor) and 11 (machine). Wired to another one, a hart is interrupted for \
                  another cause, or another hart for no reason.",
    example: include_str!("examples/line-misrouted.qmp"),
    check: |context| {
        lines_for_harts(context)
            .filter_map(|line| {
                let input = context.board.wired_to(&line.output)?;
                let right = line.hart.input(line.cause);
                if *input == right {
                    return None;
                }
                let message = format!(
                    "'{}' leads to '{}'; it is made for '{}'",
                    context.short_port(&line.output),
                    context.short_port(input),
                    context.short_port(&right)
                );
                let entry = context.board.wired_by(&line.output);
                let problem = line.problem(context, message).made_by(entry);
                let problem = problem.about(context.board.port_path(input));
                Some(problem.fixed_by_wire(context, &line.output, Some(&right)))
            })
            .collect()
    },
};

pub(super) const HART_ABSENT: Rule = Rule {
    id: LintRule::HartAbsent,
    severity: LintSeverity::Warning,
    summary: "a controller is made for a hart that does not exist",
    explanation: "The number of harts of a controller, its hart ids, or its hart-config do not fit \
                  the harts of the board. Registers for the missing hart are there and do nothing.",
    example: include_str!("examples/hart-absent.qmp"),
    check: |context| {
        if context.harts.is_empty() {
            return Vec::new();
        }
        let mut problems = Vec::new();
        for known in &context.devices {
            let mut ids: Vec<u64> = hart_ids(known);
            let all = ids.len();
            ids.retain(|id| context.hart(*id).is_none());
            let Some(first) = ids.first() else { continue };
            let device = known.device;
            let path = device.path();
            let message = match ids.len() {
                1 => format!("'{}' is made for hart {first}, which does not exist", short(&path)),
                count => format!(
                    "'{}' is made for {count} harts that do not exist, the first of which is {first}",
                    short(&path)
                ),
            };
            let mut problem = Problem::new(message).about(path.as_str()).made_by(device.entry);
            // Harts can be taken away at the end only.
            let kept = all - ids.len();
            let at_end = hart_ids(known).iter().skip(kept).all(|id| context.hart(*id).is_none());
            if kept > 0 && at_end && has_property(device, "num-harts") {
                problem = problem.fixed_by_setting(&path, "num-harts", kept);
            }
            problems.push(problem);
        }
        problems
    },
};

pub(super) const CONTEXT_PRIVILEGE: Rule = Rule {
    id: LintRule::ContextPrivilege,
    severity: LintSeverity::Warning,
    summary: "an interrupt is made for a mode that its hart does not have",
    explanation: "A context of an interrupt controller for supervisor mode means nothing to a hart \
                  without supervisor mode. In the hart-config of a PLIC, such a hart has the letter \
                  M alone.",
    example: include_str!("examples/context-privilege.qmp"),
    check: |context| {
        lines_for_harts(context)
            .filter(|line| !line.hart.takes(line.cause))
            .map(|line| {
                let message = format!(
                    "'{}' is made for supervisor mode, which '{}' does not have",
                    context.short_port(&line.output),
                    short(&line.hart.path())
                );
                line.problem(context, message)
            })
            .collect()
    },
};

pub(super) const WIRE_DEAD: Rule = Rule {
    id: LintRule::WireDead,
    severity: LintSeverity::Error,
    summary: "a wire leads to an input that does nothing",
    explanation: "The line exists only because its neighbours do: source 0 of a PLIC, an output for \
                  a context that the PLIC does not have, an input of a hart that is no cause of an \
                  interrupt. Nothing ever comes through.",
    example: include_str!("examples/wire-dead.qmp"),
    check: |context| {
        let mut inputs = FreeInputs::of(context);
        let mut problems = Vec::new();
        for (output, input) in context.board.wires() {
            let line = context.line_use(output);
            let (dead, what) = match line {
                LineUse::Nothing => (output, "which never says anything"),
                // Lines for harts have rules of their own.
                LineUse::Hart { .. } => continue,
                _ if context.is_live(input) => continue,
                _ => (input, "which does nothing"),
            };
            let (from, to) = (context.short_port(output), context.short_port(input));
            let message = if dead == output {
                format!("'{from}', {what}, is wired to '{to}'")
            } else {
                format!("'{from}' is wired to '{to}', {what}")
            };
            let controller = context.known(&input.device).is_some_and(Known::is_controller);
            let better = (line == LineUse::Request && controller).then(|| inputs.next()).flatten();
            let problem = Problem::new(message)
                .about(context.board.port_path(output))
                .about(context.board.port_path(input))
                .made_by(context.board.wired_by(output))
                .fixed_by_wire(context, output, better.as_ref());
            problems.push(problem);
        }
        problems
    },
};

pub(super) const HART_NO_EXTERNAL: Rule = Rule {
    id: LintRule::HartNoExternal,
    severity: LintSeverity::Warning,
    summary: "a hart gets no external interrupts",
    explanation: "There is an interrupt controller, and none of its outputs is made for this hart, \
                  nor wired to it. Its hart-config or its hartid-base leaves the hart out.",
    example: include_str!("examples/hart-no-external.qmp"),
    check: |context| {
        let causes = [SUPERVISOR_EXTERNAL, MACHINE_EXTERNAL];
        if context.controllers().next().is_none() {
            return Vec::new();
        }
        let without =
            context.harts.iter().filter(|hart| !causes.iter().any(|c| gets(context, hart, *c)));
        without
            .map(|hart| {
                let path = hart.path();
                let message = format!("'{}' gets no external interrupts", short(&path));
                Problem::new(message).about(path).made_by(hart.array.entry)
            })
            .collect()
    },
};

pub(super) const HART_NO_SOFTWARE: Rule = Rule {
    id: LintRule::HartNoSoftware,
    severity: LintSeverity::Warning,
    summary: "one of several harts gets no software interrupts",
    explanation: "Harts wake each other by software interrupts; firmware leaves all but one waiting \
                  for one.",
    example: include_str!("examples/hart-no-software.qmp"),
    check: |context| {
        if context.harts.len() < 2 {
            return Vec::new();
        }
        served(context, MACHINE_SOFTWARE, "software interrupts", "riscv.aclint.swi", "swi", 0x4000)
    },
};

pub(super) const HART_NO_TIMER: Rule = Rule {
    id: LintRule::HartNoTimer,
    severity: LintSeverity::Warning,
    summary: "a hart has no timer",
    explanation: "Nothing interrupts the hart after some time: an operating system cannot take it \
                  away from a program. Its counter time needs a timer as well.",
    example: include_str!("examples/hart-no-timer.qmp"),
    check: |context| {
        served(context, MACHINE_TIMER, "timer interrupts", "riscv.aclint.mtimer", "mtimer", 0x8000)
    },
};

/// An output that is made for a hart that exists.
struct Line<'c> {
    output: PortRef,
    hart: &'c Hart<'c>,
    cause: u32,
    entry: u64,
}

impl Line<'_> {
    fn problem(&self, context: &Context<'_>, message: String) -> Problem {
        Problem::new(message)
            .about(context.board.port_path(&self.output))
            .about(self.hart.path())
            .made_by(self.entry)
    }
}

fn lines_for_harts<'c>(context: &'c Context<'_>) -> impl Iterator<Item = Line<'c>> {
    context.devices.iter().flat_map(|known| {
        known.outputs().filter_map(|(output, line)| match line {
            LineUse::Hart { hartid, cause } => {
                let entry = known.device.entry;
                context.hart(hartid).map(|hart| Line { output, hart, cause, entry })
            }
            _ => None,
        })
    })
}

/// The harts that a device has outputs for, each once, in order.
fn hart_ids(known: &Known<'_>) -> Vec<u64> {
    let ids = known.outputs().filter_map(|(_, line)| match line {
        LineUse::Hart { hartid, .. } => Some((hartid, ())),
        _ => None,
    });
    ids.collect::<BTreeMap<_, _>>().into_keys().collect()
}

/// The input that a line is made for.
fn target(context: &Context<'_>, line: LineUse) -> Option<PortRef> {
    let LineUse::Hart { hartid, cause } = line else { return None };
    let hart = context.hart(hartid).filter(|hart| hart.takes(cause))?;
    Some(hart.input(cause))
}

/// Whether a hart is interrupted for a cause, or would be if all was wired that is made for it.
fn gets(context: &Context<'_>, hart: &Hart<'_>, cause: u32) -> bool {
    context.drivers.contains_key(&hart.input(cause)) || context.aimed.contains(&(hart.id, cause))
}

/// Harts that do not get what a device of some driver gives; one would mend it.
fn served(
    context: &Context<'_>,
    cause: u32,
    what: &str,
    driver: &str,
    name: &str,
    size: u64,
) -> Vec<Problem> {
    if Firmware::of(&context.board.machine) == Firmware::BuiltIn {
        // Supervisors ask the emulator for both.
        return Vec::new();
    }
    let mut free = Free::from(context, CLINT);
    let mut problems = Vec::new();
    for hart in context.harts.iter().filter(|hart| !gets(context, hart, cause)) {
        let path = hart.path();
        let mut problem = Problem::new(format!("'{}' gets no {what}", short(&path)))
            .about(path.as_str())
            .made_by(hart.array.entry);
        if let Some(addr) = free.take(size) {
            let id = context.free_id(&format!("{name}-{}", hart.id));
            let input = context.short_port(&hart.input(cause));
            problem = problem
                .fixed_by(
                    "device_add",
                    json!({ "driver": driver, "id": id, "hartid-base": hart.id, "num-harts": 1 }),
                )
                .fixed_by("sysbus-mmio-map", json!({ "device": id, "addr": addr }))
                .fixed_by_setting(&id, "unnamed-gpio-out[0]", input);
        }
        problems.push(problem);
    }
    problems
}

/// Inputs of controllers that nothing is wired to, each given out once.
struct FreeInputs<'c> {
    inputs: Box<dyn Iterator<Item = PortRef> + 'c>,
}

impl<'c> FreeInputs<'c> {
    fn of(context: &'c Context<'_>) -> Self {
        let inputs = context.controllers().flat_map(|known| known.lines(PortDirection::Input));
        let free = inputs
            .filter(|(_, line)| *line == LineUse::Request)
            .map(|(input, _)| input)
            .filter(|input| !context.drivers.contains_key(input));
        Self { inputs: Box::new(free) }
    }

    fn next(&mut self) -> Option<PortRef> {
        self.inputs.next()
    }
}
