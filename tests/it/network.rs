//! Networks: Debian's kernel on virtio-net, with a server on the host's loopback and clients that
//! come by a forwarded port; and the commands about networks. Where there is no kernel, what needs
//! it is not tried (see `linux.rs`).

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use boardwright_tests::PATIENCE;
use boardwright_tests::linux::{Linux, NETWORK};
use boardwright_tests::program::{Program, Scratch};
use boardwright_tests::transcript;

const OPENSBI: &str = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.bin";
/// What is fetched, in bytes.
const PAGE: usize = 4 << 20;

/// The guest asks for its address, fetches a page, and another by datagrams, and serves one
/// itself.
const LINES: &str = r#"export PATH=/bin
/bin/busybox --install -s /bin
mkdir -p /sys /etc
mount -t sysfs sys /sys
cat >/given <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ifconfig $interface $ip netmask $subnet
route add default gw $router
echo given $ip $router $dns $hostname
echo nameserver $dns >/etc/resolv.conf
END
chmod +x /given
ifconfig eth0 up
udhcpc -i eth0 -n -q -f -s /given 2>/dev/null
wget -q -O - http://10.0.2.2:PORT/page | md5sum
tftp -g -r page -l /got 10.0.2.2 DATAGRAM
cat /got
echo listens
nc -l -p 80 -e /bin/echo a page of the guest
echo card $(cat /sys/class/net/eth0/address)
poweroff -f
"#;

fn pattern() -> Vec<u8> {
    (0..PAGE).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

/// A server on the host's loopback that gives one page to whoever asks.
fn serve() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    thread::spawn(move || -> Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut request = [0; 1024];
        let _ = stream.read(&mut request)?;
        write!(stream, "HTTP/1.0 200 OK\r\nContent-Length: {PAGE}\r\n\r\n")?;
        stream.write_all(&pattern())?;
        Ok(())
    });
    Ok(port)
}

/// One of datagrams: all of a file is in the first block (RFC 1350).
fn answer() -> Result<u16> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    let port = socket.local_addr()?.port();
    thread::spawn(move || -> Result<()> {
        let (_, from) = socket.recv_from(&mut [0; 64])?;
        socket.send_to(b"\0\x03\0\x01answered\n", from)?;
        Ok(())
    });
    Ok(port)
}

/// A port that nobody uses at the moment.
fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn talks(options: &str) -> Result<()> {
    let Some(linux) = Linux::fetched() else {
        eprintln!("not tried: there is no kernel in target/linux: run tests/setup/linux.sh");
        return Ok(());
    };
    let scratch = Scratch::new()?;
    let initrd = scratch.path("initrd");
    let lines =
        LINES.replace("PORT", &serve()?.to_string()).replace("DATAGRAM", &answer()?.to_string());
    linux.initrd_with(&initrd, NETWORK, &lines)?;
    let (kernel, initrd, port) = (linux.kernel.display(), initrd.display(), free_port()?);
    let options = options.replace("FORWARD", &format!("hostfwd=tcp:127.0.0.1:{port}-:80"));
    let given = format!(
        "-M virt -m 256M -nographic -bios {OPENSBI} -kernel {kernel} -initrd {initrd} \
         -append console=ttyS0 {options}"
    );
    let mut program = Program::start_in(scratch, &given.split_whitespace().collect::<Vec<_>>())?;
    program.wait_for("listens").context("the guest does not come so far")?;
    let page = visit(port)?;
    ensure!(page == "a page of the guest\n", "{page:?}");
    let ended = program.ended()?;
    ensure!(ended.status.code() == Some(0), "{ended:?}");
    for line in
        ["given 10.0.2.15 10.0.2.2 10.0.2.3 board", "answered", "card 52:54:00:12:34:", "SUM  -"]
    {
        let line = line.replace("SUM", &sum()?);
        ensure!(ended.out.contains(&line), "{line} is not in\n{}", ended.out);
    }
    Ok(())
}

/// What the guest's server says; it may take a moment after it was told to listen.
fn visit(port: u16) -> Result<String> {
    let begin = Instant::now();
    loop {
        let mut visitor = TcpStream::connect(("127.0.0.1", port))?;
        visitor.set_read_timeout(Some(PATIENCE))?;
        let mut page = String::new();
        match visitor.read_to_string(&mut page) {
            Ok(length) if length > 0 => return Ok(page),
            _ if begin.elapsed() > PATIENCE => bail!("nobody answers"),
            // Nobody listens yet.
            _ => thread::sleep(Duration::from_millis(50)),
        }
    }
}

/// What md5sum says of the page.
fn sum() -> Result<String> {
    use std::process::{Command, Stdio};
    let mut child = Command::new("md5sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    child.stdin.take().context("no input")?.write_all(&pattern())?;
    let said = String::from_utf8(child.wait_with_output()?.stdout)?;
    Ok(said.split_whitespace().next().context("md5sum says nothing")?.to_owned())
}

#[test]
fn a_guest_fetches_a_page_and_is_reached_on_pci() -> Result<()> {
    talks("-nic user,hostname=board,mac=52:54:00:12:34:99,FORWARD")
}

#[test]
fn a_guest_computes_its_sums_itself() -> Result<()> {
    talks(
        "-netdev user,id=n0,hostname=board,FORWARD \
         -device virtio-net-device,netdev=n0,csum=off,guest_csum=off,mrg_rxbuf=off",
    )
}

/// A network device is looked for its back end at `ready`, and has it alone.
#[test]
fn networks_by_command() -> Result<()> {
    transcript::check(
        "-M none -preconfig",
        r#"
        -> netdev_add type=user id=n0 hostfwd=[{"str":"tcp:127.0.0.1:0-:22"}]
        <- {}
        -> netdev_add type=user id=n0
        <- GenericError: Duplicate ID 'n0' for netdev
        -> netdev_add type=socket id=n1
        <- GenericError: exactly one of listen= or connect= is required
        -> netdev_add type=user id=n1 hostfwd=[{"str":"tcp"}]
        <- GenericError: Invalid host forwarding rule 'tcp' (No : separators)
        -> netdev_del id=n9
        <- DeviceNotFound: Device 'n9' not found
        -> set_link name=n9 up=true
        <- DeviceNotFound: Device 'n9' not found
        -> set_link name=n0 up=false
        <- {}
        -> x-hostfwd-add rule="udp:127.0.0.1:0-:53"
        <- {}
        -> x-hostfwd-remove rule="udp:127.0.0.1:0"
        <- {}
        -> human-monitor-command {"command-line": "info network"}
        <- "n0: index=0,type=user,net=10.0.2.0,restrict=off\r\n"
        -> netdev_del id=n0
        <- {}
        -> x-query-netdev
        <- []
        "#,
    )
}
