//! A debugger as simple as they come: packets of gdb's remote protocol, one at a time.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::PATIENCE;

/// A connection to the program's server for debuggers.
pub struct Debugger(UnixStream);

/// A packet with this body.
pub fn packet(body: &str) -> String {
    let sum = body.bytes().fold(0_u8, u8::wrapping_add);
    format!("${body}#{sum:02x}")
}

/// Text as hexadecimal digits.
pub fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

impl Debugger {
    /// Connects, waiting for the socket to appear.
    pub fn connect(path: &Path) -> Result<Self> {
        let begin = Instant::now();
        loop {
            match UnixStream::connect(path) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    return Ok(Self(stream));
                }
                Err(error) if begin.elapsed() > PATIENCE => return Err(error.into()),
                Err(_) => std::thread::sleep(std::time::Duration::from_millis(5)),
            }
        }
    }

    /// Connects and asks for the extension that gdb asks for.
    pub fn attach(path: &Path) -> Result<Self> {
        let mut debugger = Self::connect(path)?;
        debugger.ask("qSupported:multiprocess+")?;
        Ok(debugger)
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        Ok(self.0.write_all(bytes.as_ref())?)
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8> {
        let mut byte = [0];
        self.0.read_exact(&mut byte).context("no answer in time")?;
        Ok(byte[0])
    }

    /// The body of the next packet, which is acknowledged. What comes before it is passed over.
    pub fn answer(&mut self) -> Result<String> {
        while self.byte()? != b'$' {}
        let mut body = Vec::new();
        loop {
            match self.byte()? {
                b'#' => break,
                byte => body.push(byte),
            }
        }
        let told = [self.byte()?, self.byte()?];
        let body = String::from_utf8(body)?;
        if !packet(&body).as_bytes().ends_with(&told) {
            bail!("wrong checksum of {body:?}");
        }
        self.send("+")?;
        Ok(body)
    }

    /// Sends a packet and reads the answer.
    pub fn ask(&mut self, body: &str) -> Result<String> {
        self.send(packet(body))?;
        self.answer()
    }
}
