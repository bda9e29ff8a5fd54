//! A human monitor: a prompt on a chardev, with just enough editing to type a line.
//!
//! Keys are echoed and mean the same on a terminal, a pseudo terminal and a socket. A line ends
//! at CR, LF or both; while it runs, what is typed ahead stays with the chardev.

use std::sync::{Arc, Mutex, Weak};

use crate::backends::char::{CharEvent, Chardev, ClientId, FrontEnd};

use super::executor::HumanExecutor;
use super::lock;

const PROMPT: &str = "(qemu) ";

/// Longer lines are cut.
const LONGEST: usize = 4095;

/// See the module's description.
pub(super) struct HumanSession {
    chardev: Arc<Chardev>,
    executor: Arc<dyn HumanExecutor>,
    banner: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    client: Option<ClientId>,
    line: Vec<u8>,
    /// A line is being run.
    busy: bool,
    /// The banner is still to be shown to this client.
    fresh: bool,
    after_cr: bool,
    escape: Escape,
    /// Another front end has had the focus meanwhile.
    left: bool,
}

/// Where we are in a sequence that a cursor or function key sends; all are passed over.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    Begun,
    Parameters,
}

/// What a key asks for.
enum Effect {
    Nothing,
    Echo(Vec<u8>),
    Run(String),
}

impl HumanSession {
    /// A monitor that nobody has opened yet.
    pub(super) fn new(
        chardev: Arc<Chardev>,
        executor: Arc<dyn HumanExecutor>,
        banner: &str,
    ) -> Self {
        Self { chardev, executor, banner: banner.to_owned(), state: Arc::default() }
    }

    /// Shows the prompt, after the banner for the first time.
    fn prompt(&self) {
        let (client, fresh, typed) = {
            let mut state = lock(&self.state);
            let Some(client) = state.client else { return };
            (client, std::mem::take(&mut state.fresh), state.line.clone())
        };
        let banner = if fresh { format!("{}\r\n", self.banner) } else { String::new() };
        let mut text = format!("{banner}{PROMPT}").into_bytes();
        text.extend(typed);
        self.chardev.write_to(client, &text);
    }

    fn run(&self, client: ClientId, line: String) {
        let mut running = Running {
            client,
            chardev: Arc::clone(&self.chardev),
            state: Arc::downgrade(&self.state),
            output: String::new(),
        };
        self.executor.run(
            line,
            Box::new(move |output| {
                running.output = output;
                drop(running);
            }),
        );
    }
}

/// A line that is being run. However that ends, also with the executor gone, the prompt returns.
struct Running {
    client: ClientId,
    chardev: Arc<Chardev>,
    /// Weak, or a command that is never done would keep a closed monitor.
    state: Weak<Mutex<State>>,
    output: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let text = format!("{}{PROMPT}", with_crlf(&self.output));
        self.chardev.write_to(self.client, text.as_bytes());
        if let Some(state) = self.state.upgrade() {
            let mut state = lock(&state);
            state.busy &= state.client != Some(self.client);
        }
        self.chardev.accept_input();
    }
}

impl FrontEnd for HumanSession {
    fn receive(&self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        let greet = !bytes.is_empty() && {
            let state = lock(&self.state);
            state.fresh && state.client.is_some()
        };
        if greet {
            self.prompt();
        }
        for &byte in bytes {
            let (client, effect) = {
                let mut state = lock(&self.state);
                let Some(client) = state.client else { return bytes.len() };
                if state.busy {
                    return taken;
                }
                (client, state.key(byte))
            };
            taken += 1;
            match effect {
                Effect::Nothing => {}
                Effect::Echo(echo) => {
                    self.chardev.write_to(client, &echo);
                }
                Effect::Run(line) => {
                    self.chardev.write_to(client, b"\r\n");
                    if line.trim().is_empty() {
                        self.prompt();
                    } else {
                        lock(&self.state).busy = true;
                        self.run(client, line);
                    }
                }
            }
        }
        taken
    }

    fn event(&self, event: CharEvent) {
        match event {
            CharEvent::Opened(client) => {
                *lock(&self.state) =
                    State { client: Some(client), fresh: true, ..State::default() };
                // On a mux the console is what people look at: the banner waits until somebody
                // turns to the monitor.
                if !self.chardev.is_mux() {
                    self.prompt();
                }
            }
            CharEvent::Closed => *lock(&self.state) = State::default(),
            CharEvent::FocusIn => {
                let returns = {
                    let state = lock(&self.state);
                    state.left && !state.busy
                };
                if returns {
                    self.prompt();
                }
            }
            CharEvent::FocusOut => lock(&self.state).left = true,
            CharEvent::Break => {}
        }
    }

    fn settled(&self) -> bool {
        !lock(&self.state).busy
    }

    fn input_dies_with_client(&self) -> bool {
        true
    }
}

impl State {
    fn key(&mut self, byte: u8) -> Effect {
        let after_cr = std::mem::take(&mut self.after_cr);
        match (self.escape, byte) {
            (Escape::None, 0x1B) => self.escape = Escape::Begun,
            (Escape::Begun, b'[' | b'O') => self.escape = Escape::Parameters,
            (Escape::Parameters, 0x20..=0x3F) => {}
            (Escape::Begun | Escape::Parameters, _) => self.escape = Escape::None,

            (Escape::None, b'\n') if after_cr => {}
            (Escape::None, b'\r' | b'\n') => {
                self.after_cr = byte == b'\r';
                let line = std::mem::take(&mut self.line);
                return Effect::Run(String::from_utf8_lossy(&line).into_owned());
            }
            // Ctrl-C gives the line up, Ctrl-U clears it.
            (Escape::None, 0x03) => {
                self.line.clear();
                return Effect::Echo(format!("^C\r\n{PROMPT}").into_bytes());
            }
            (Escape::None, 0x15) => {
                let columns = String::from_utf8_lossy(&self.line).chars().count();
                self.line.clear();
                return Effect::Echo(b"\x08 \x08".repeat(columns));
            }
            (Escape::None, 0x08 | 0x7F) if self.line.is_empty() => {}
            (Escape::None, 0x08 | 0x7F) => {
                // One character, which may be several bytes.
                while self.line.pop().is_some_and(|gone| gone & 0xC0 == 0x80) {}
                return Effect::Echo(b"\x08 \x08".to_vec());
            }
            (Escape::None, 0x20..) if self.line.len() < LONGEST => {
                self.line.push(byte);
                return Effect::Echo(vec![byte]);
            }
            (Escape::None, _) => {}
        }
        Effect::Nothing
    }
}

/// Command output with every line ended by CRLF, whatever it was ended by.
fn with_crlf(text: &str) -> String {
    text.replace("\r\n", "\n").replace('\n', "\r\n")
}
