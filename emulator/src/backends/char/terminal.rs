//! The terminal the program was started in: raw while a console uses it, as before afterwards.
//!
//! Whatever ends the process has to pass [`restore`]: dropping the stdio back end does, and
//! [`on_termination`] does for signals. Only SIGKILL leaves the terminal raw.

use std::io::{self, IsTerminal};
use std::sync::Mutex;

use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, SpecialCodeIndex, Termios,
    tcgetattr, tcsetattr,
};
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

use super::sync::lock;

/// How the terminal was before, while it is raw, and how it is wanted.
static CHANGED: Mutex<Option<Changed>> = Mutex::new(None);

struct Changed {
    before: Termios,
    wanted: Mode,
}

/// What a user of the terminal wants of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mode {
    /// Ctrl-C and the like are signals.
    pub(super) signal: bool,
    /// The terminal echoes and edits lines itself.
    pub(super) cooked: bool,
}

/// Puts the terminal on standard input into a mode. Nothing happens if there is none.
pub(super) fn set(mode: Mode) -> io::Result<()> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        return Ok(());
    }
    let mut changed = lock(&CHANGED);
    let before = match &*changed {
        Some(changed) => changed.before.clone(),
        None => tcgetattr(&stdin)?,
    };
    tcsetattr(&stdin, OptionalActions::Now, &apply(before.clone(), mode))?;
    *changed = Some(Changed { before, wanted: mode });
    Ok(())
}

fn apply(mut termios: Termios, mode: Mode) -> Termios {
    termios.input_modes &= !(InputModes::IGNBRK
        | InputModes::BRKINT
        | InputModes::PARMRK
        | InputModes::ISTRIP
        | InputModes::INLCR
        | InputModes::IGNCR
        | InputModes::ICRNL
        | InputModes::IXON);
    // The program's own messages go to the same terminal: keep new line = carriage return.
    termios.output_modes |= OutputModes::OPOST;
    termios.control_modes &= !(ControlModes::CSIZE | ControlModes::PARENB);
    termios.control_modes |= ControlModes::CS8;
    if mode.cooked {
        termios.input_modes |= InputModes::ICRNL;
    } else {
        termios.local_modes &=
            !(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::IEXTEN);
        termios.special_codes[SpecialCodeIndex::VMIN] = 1;
        termios.special_codes[SpecialCodeIndex::VTIME] = 0;
    }
    if !mode.signal {
        termios.local_modes &= !LocalModes::ISIG;
    }
    termios
}

/// Makes the terminal what it was before. May be called at any time, and more than once.
pub fn restore() {
    if let Some(Changed { before, .. }) = lock(&CHANGED).take() {
        // The terminal may be gone; then there is nothing to restore.
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    }
}

/// After the shell had the terminal (SIGTSTP, SIGCONT): takes it back.
fn reclaim() {
    let wanted = lock(&CHANGED).as_ref().map(|changed| changed.wanted);
    if let Some(mode) = wanted {
        let _ = set(mode);
    }
}

/// Calls `ended` when SIGINT, SIGTERM or SIGHUP arrives, with the terminal restored, instead of
/// ending the process; and takes the terminal back at each SIGCONT.
///
/// # Errors
///
/// When the host refuses the signal handlers.
pub fn on_termination(handle: &Handle, ended: impl Fn() + Send + 'static) -> io::Result<()> {
    let _context = handle.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut resumed = signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?;
    handle.spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
                _ = resumed.recv() => {
                    reclaim();
                    continue;
                }
            }
            restore();
            ended();
        }
    });
    Ok(())
}
