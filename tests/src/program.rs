//! The program as a process.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::PATIENCE;
use crate::client::Client;

/// The built program, beside the test binary: `xtask test` builds both.
pub fn executable() -> Result<PathBuf> {
    let test = std::env::current_exe()?;
    let found = test.ancestors().map(|dir| dir.join("boardwright")).find(|path| path.is_file());
    found.context("the program is not built: cargo build -p boardwright, or use cargo xtask test")
}

/// The root of the repository.
pub fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// A directory of a test's own, removed with it.
pub struct Scratch(PathBuf);

impl Scratch {
    /// A new one.
    pub fn new() -> Result<Self> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("bw-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// A file in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A file in it with contents.
    pub fn file(&self, name: &str, contents: impl AsRef<[u8]>) -> Result<PathBuf> {
        let path = self.path(name);
        std::fs::write(&path, contents)?;
        Ok(path)
    }

    /// A file in it with the instructions of a guest.
    pub fn words(&self, name: &str, instructions: &[u32]) -> Result<PathBuf> {
        let bytes: Vec<u8> = instructions.iter().flat_map(|word| word.to_le_bytes()).collect();
        self.file(name, bytes)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// How long a pipe may stay open when the program has ended.
const REST: std::time::Duration = std::time::Duration::from_secs(10);

/// What a pipe of the program has delivered so far.
#[derive(Clone, Default)]
struct Heard {
    bytes: Arc<Mutex<Vec<u8>>>,
    /// Whether that is all.
    ended: Arc<AtomicBool>,
}

impl Heard {
    fn listen(mut from: impl Read + Send + 'static) -> Self {
        let heard = Self::default();
        let into = heard.clone();
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                if let Ok(mut all) = into.bytes.lock() {
                    all.extend(&bytes[..count]);
                }
            }
            into.ended.store(true, Ordering::Release);
        });
        heard
    }

    /// Waits for the rest of what a program has written that has ended. Another process may have
    /// the pipe as well, so not for ever.
    fn finish(&self) {
        let begin = Instant::now();
        while !self.ended.load(Ordering::Acquire) && begin.elapsed() < REST {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    fn text(&self) -> String {
        self.bytes.lock().map(|all| String::from_utf8_lossy(&all).into_owned()).unwrap_or_default()
    }
}

/// The program while it runs; killed when dropped.
pub struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    out: Heard,
    err: Heard,
    scratch: Scratch,
}

/// What a program that has ended leaves.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status.
    pub status: ExitStatus,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Program {
    /// Starts the program in the repository's root. `{dir}` in an argument is the test's own
    /// directory.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        Self::start_in(Scratch::new()?, arguments)
    }

    /// Starts the program with a directory that has files already.
    pub fn start_in(scratch: Scratch, arguments: &[&str]) -> Result<Self> {
        Self::spawn(scratch, &root(), &[], arguments)
    }

    /// Starts the program in the test's own directory, where a relative path is meant to lead.
    pub fn start_there(arguments: &[&str]) -> Result<Self> {
        let scratch = Scratch::new()?;
        let place = scratch.0.clone();
        Self::spawn(scratch, &place, &[], arguments)
    }

    /// Starts the program by another one, whose last arguments the program and its arguments are.
    fn spawn(scratch: Scratch, place: &Path, by: &[&str], arguments: &[&str]) -> Result<Self> {
        let dir = scratch.0.display().to_string();
        let own = executable()?;
        let own = own.to_str().context("a path that is no text")?;
        let mut words = by.iter().chain([&own]).chain(arguments);
        let mut child = Command::new(words.next().context("no program")?)
            .args(words.map(|argument| argument.replace("{dir}", &dir)))
            .current_dir(place)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let stdin = child.stdin.take();
        let out = Heard::listen(child.stdout.take().context("no stdout")?);
        let err = Heard::listen(child.stderr.take().context("no stderr")?);
        Ok(Self { child, stdin, out, err, scratch })
    }

    /// Starts the program with a QMP socket besides, and connects and negotiates.
    pub fn with_qmp(arguments: &[&str]) -> Result<(Self, Client)> {
        Self::with_qmp_in(Scratch::new()?, arguments)
    }

    /// The same, with a directory that has files already.
    pub fn with_qmp_in(scratch: Scratch, arguments: &[&str]) -> Result<(Self, Client)> {
        Self::with_qmp_by(&[], scratch, arguments)
    }

    /// The same, started by another program, which has to become this one.
    pub fn with_qmp_by(
        by: &[&str],
        scratch: Scratch,
        arguments: &[&str],
    ) -> Result<(Self, Client)> {
        let mut all = vec!["-qmp", "unix:{dir}/qmp,server=on,wait=off"];
        all.extend(arguments);
        let program = Self::spawn(scratch, &root(), by, &all)?;
        let client = Client::connect(&program.scratch.path("qmp"))?;
        Ok((program, client))
    }

    /// The test's own directory.
    pub fn scratch(&self) -> &Scratch {
        &self.scratch
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes to standard input.
    pub fn type_in(&mut self, text: &str) -> Result<()> {
        let stdin = self.stdin.as_mut().context("standard input is closed")?;
        stdin.write_all(text.as_bytes())?;
        Ok(stdin.flush()?)
    }

    /// Closes standard input.
    pub fn close_input(&mut self) {
        self.stdin = None;
    }

    /// Standard output so far.
    pub fn out(&self) -> String {
        self.out.text()
    }

    /// Standard error so far.
    pub fn err(&self) -> String {
        self.err.text()
    }

    /// Waits until standard output has a text.
    pub fn wait_for(&mut self, text: &str) -> Result<String> {
        let begin = Instant::now();
        loop {
            let out = self.out.text();
            if out.contains(text) {
                return Ok(out);
            }
            if let Some(status) = self.child.try_wait()? {
                // What it wrote last may still be on its way to us.
                std::thread::sleep(std::time::Duration::from_millis(100));
                if self.out.text().contains(text) {
                    return Ok(self.out.text());
                }
                bail!(
                    "ended ({status}) before {text:?}\n--- out\n{}\n--- err\n{}",
                    self.out.text(),
                    self.err.text()
                );
            }
            if begin.elapsed() > PATIENCE {
                bail!("waited in vain for {text:?}\n--- out\n{out}\n--- err\n{}", self.err.text());
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Waits until standard error has a text.
    pub fn wait_for_err(&mut self, text: &str) -> Result<String> {
        let begin = Instant::now();
        loop {
            let err = self.err.text();
            if err.contains(text) {
                return Ok(err);
            }
            if begin.elapsed() > PATIENCE || !self.is_running() {
                bail!("no {text:?} on standard error\n--- err\n{}", self.err.text());
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// Waits until the program ends by itself.
    pub fn ended(mut self) -> Result<Ended> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                self.out.finish();
                self.err.finish();
                return Ok(Ended { status, out: self.out.text(), err: self.err.text() });
            }
            if begin.elapsed() > PATIENCE {
                bail!("does not end\n--- out\n{}\n--- err\n{}", self.out.text(), self.err.text());
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    /// The exit status of a program that has ended.
    pub fn status(&mut self) -> Result<i32> {
        let status = self.child.try_wait()?.context("it has not ended")?;
        status.code().context("a signal has ended it")
    }

    /// Whether it is still there.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the program to its end.
pub fn run(arguments: &[&str]) -> Result<Ended> {
    let mut program = Program::start(arguments)?;
    program.close_input();
    program.ended()
}
