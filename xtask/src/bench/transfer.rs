//! How fast Debian's kernel reads and writes a disk, and takes a file over the user network. The guest
//! tells when it begins and ends by its own clock, which is the host's for both programs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use boardwright_tests::linux::{DISK, Linux, NETWORK};

use super::Row;
use super::side::Side;

const MIB: u64 = 1 << 20;
/// What is written and read in large pieces, and what is fetched.
const LARGE: u64 = 128;
/// What is read in pages, past the guest's cache.
const SMALL: u64 = 16;

/// What is measured: its name in the guest's words, what the row says.
const PARTS: [(&str, &str); 4] = [
    ("write", "disk: 128 MiB written in pieces of 128 KiB, and flushed"),
    ("read", "disk: 128 MiB read in pieces of 128 KiB"),
    ("pages", "disk: 16 MiB read page by page, past the guest's cache"),
    ("fetch", "network: 128 MiB fetched from a server of the host"),
];

fn script(port: u16) -> String {
    format!(
        "b=/bin/busybox
$b mount -t devtmpfs dev /dev
$b ip link set lo up; $b ip link set eth0 up
$b ip addr add 10.0.2.15/24 dev eth0
$b wget -q -O /dev/null http://10.0.2.2:{port}/0
part() {{
    name=$1; shift
    $b echo 3 >/proc/sys/vm/drop_caches
    read from _ </proc/uptime
    \"$@\" 2>/dev/null || echo failed $name
    read to _ </proc/uptime
    echo part $name $from $to
}}
part write $b dd if=/dev/zero of=/dev/vda bs=128k count={large} conv=fsync
part read $b dd if=/dev/vda of=/dev/null bs=128k
part pages $b dd if=/dev/vda of=/dev/null bs=4k count={small} iflag=direct
part fetch $b wget -q -O /dev/null http://10.0.2.2:{port}/{LARGE}
$b poweroff -f
",
        large = LARGE * 8,
        small = SMALL * 256,
    )
}

/// The rows of this part; none where the kernel was not fetched.
pub(crate) fn measure(ours: &Side, peer: &Side, scratch: &Path) -> anyhow::Result<Vec<Row>> {
    let Some(linux) = Linux::fetched() else { return Ok(Vec::new()) };
    let port = serve()?;
    let path = |name: &str| scratch.join(name).display().to_string();
    let mut modules = DISK.to_vec();
    modules.extend(NETWORK.iter().filter(|module| !DISK.contains(module)));
    linux.initrd_with(&scratch.join("initrd-transfer"), &modules, &script(port))?;
    let options = format!(
        "-M virt -m 256 -display none -monitor none -serial stdio -kernel {} -initrd {} \
         -drive file={},format=raw,if=none,id=d -device virtio-blk-device,drive=d \
         -netdev user,id=n -device virtio-net-device,netdev=n",
        linux.kernel.display(),
        path("initrd-transfer"),
        path("disk")
    );
    let options: Vec<&str> = options.split_whitespace().collect();
    let options = [&options[..], &["-append", "console=ttyS0 quiet"]].concat();
    let run = |side: &Side| -> anyhow::Result<BTreeMap<String, Duration>> {
        File::create(scratch.join("disk"))?.set_len(LARGE * MIB)?;
        parts(&side.time_run(&options)?.1)
    };
    let (ours, peer) = (run(ours)?, run(peer)?);
    PARTS
        .into_iter()
        .map(|(name, what)| {
            let of = |side: &BTreeMap<String, Duration>| {
                side.get(name).copied().with_context(|| format!("no part '{name}'"))
            };
            Ok(Row::times(what, of(&ours)?, of(&peer)?, 1))
        })
        .collect()
}

/// What the guest has told of each part.
fn parts(console: &str) -> anyhow::Result<BTreeMap<String, Duration>> {
    let mut parts = BTreeMap::new();
    for line in console.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["part", name, from, to] => {
                let took = to.parse::<f64>()? - from.parse::<f64>()?;
                parts.insert(name.to_owned(), Duration::try_from_secs_f64(took)?);
            }
            ["failed", name] => anyhow::bail!("'{name}' failed in the guest:\n{console}"),
            _ => {}
        }
    }
    Ok(parts)
}

/// A server on loopback: `/N` is N MiB. It ends with this program.
fn serve() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Who goes away before the end is told in the guest.
            let _ = stream.and_then(answer);
        }
    });
    Ok(port)
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece)? {
            0 => return Ok(()),
            read => request.extend(piece.iter().take(read)),
        }
    }
    let request = String::from_utf8_lossy(&request);
    let size = request.split_whitespace().nth(1).and_then(|path| path.get(1..)?.parse().ok());
    let size: u64 = size.unwrap_or(0);
    write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", size * MIB)?;
    let block = vec![0; MIB as usize];
    (0..size).try_for_each(|_| stream.write_all(&block))
}
