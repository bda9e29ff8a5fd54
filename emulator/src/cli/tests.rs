//! Command lines and what they become, as data: the line, then the commands and settings, one a
//! line. Words are separated by white space; `'...'` keeps a word together.

use crate::door::Step;

use super::{Ask, Invocation, options, options_text, parse};

fn words(line: &str) -> Vec<String> {
    let mut words = vec![];
    let mut rest = line.trim_start();
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split_once('\'').unwrap(),
            None => rest.split_once(char::is_whitespace).unwrap_or((rest, "")),
        };
        words.push(word.into());
        rest = after.trim_start();
    }
    words
}

fn shown(invocation: Invocation) -> String {
    let Invocation { setup, machine, accel, devices, .. } = invocation;
    let command = |step: Step| {
        let arguments = serde_json::to_string(&step.command.arguments).unwrap();
        format!("{} {arguments}", step.command.name)
    };
    let mut lines: Vec<String> = setup.into_iter().map(command).collect();
    lines.extend(machine.into_iter().chain(accel).chain(devices).map(command));
    if !invocation.serials.is_empty() {
        let ports: Vec<_> =
            invocation.serials.iter().map(|port| port.as_deref().unwrap_or("-")).collect();
        let default = if invocation.serial_default { " by default" } else { "" };
        lines.push(format!("serial {}{default}", ports.join(" ")));
    }
    let flags = [
        (invocation.preconfig, "preconfig"),
        (invocation.stopped, "stopped"),
        (invocation.daemonize, "daemonize"),
    ];
    lines.extend(flags.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).into()));
    lines.extend(invocation.name.map(|name| format!("name {name}")));
    lines.extend(invocation.pidfile.map(|path| format!("pidfile {}", path.display())));
    lines.extend(
        invocation
            .script
            .map(|script| format!("script {} {:?}", script.path.display(), script.variables)),
    );
    lines.extend(invocation.warnings.iter().map(|text| format!("warning {text}")));
    lines.join("\n")
}

fn result(line: &str) -> String {
    parse(words(line)).map_or_else(|error| error.to_string(), shown)
}

/// Compares all rows before it fails, and prints what differs in the form of the table.
fn check(rows: &[(&str, &str)], result: impl Fn(&str) -> String) {
    let indented = |text: &str| text.trim().lines().map(str::trim).collect::<Vec<_>>().join("\n");
    let wrong: Vec<String> = rows
        .iter()
        .map(|(line, expected)| (line, indented(expected), result(line)))
        .filter(|(_, expected, found)| expected != found)
        .map(|(line, expected, found)| format!("{line}\nexpected:\n{expected}\nfound:\n{found}\n"))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Single options, nothing being there by default.
#[test]
fn options_become_commands() {
    #[rustfmt::skip]
    let rows = &[
        ("", ""),
        // The machine.
        ("-M none", r#"machine-set {"type":"none"}"#),
        ("-machine none", r#"machine-set {"type":"none"}"#),
        ("--machine none", r#"machine-set {"type":"none"}"#),
        ("-M type=none", r#"machine-set {"type":"none"}"#),
        ("-M none,ram-addr=0x80000000", r#"machine-set {"type":"none","ram-addr":"0x80000000"}"#),
        ("-M sifive_dt,strict=on,dtb=a,,b.dtb", r#"machine-set {"type":"sifive_dt","strict":"on","dtb":"a,b.dtb"}"#),
        ("-M sifive_dt,strict", r#"machine-set {"type":"sifive_dt","strict":"on"}"#),
        ("-M none,smp.cpus=4", r#"machine-set {"type":"none","smp":{"cpus":"4"}}"#),
        ("-M none -machine ram-addr=1", r#"machine-set {"type":"none","ram-addr":"1"}"#),
        ("-machine ram-addr=1 -M none", r#"machine-set {"type":"none","ram-addr":"1"}"#),
        ("-M none -M sifive_dt", r#"machine-set {"type":"sifive_dt"}"#),
        ("-M none -cpu rv64", r#"machine-set {"type":"none","cpu":"rv64"}"#),
        ("-M none -cpu rv64,i=true,g=false,x-b=true,num-pmp-regions=8", r#"machine-set {"type":"none","cpu":"rv64,i=true,g=false,x-b=true,num-pmp-regions=8"}"#),
        ("-kernel a.elf -M none", r#"machine-set {"type":"none","kernel":"a.elf"}"#),
        ("-M sifive_dt -dtb b.dtb -bios fw.bin -kernel Image -initrd rd.gz -append 'console=ttyS0 quiet'",
            r#"machine-set {"type":"sifive_dt","dtb":"b.dtb","firmware":"fw.bin","kernel":"Image","initrd":"rd.gz","append":"console=ttyS0 quiet"}"#),
        ("-M none -bios none", r#"machine-set {"type":"none","firmware":"none"}"#),
        ("-M none -append -v", r#"machine-set {"type":"none","append":"-v"}"#),
        ("-M none -kernel a -kernel b", r#"machine-set {"type":"none","kernel":"b"}"#),
        // What becomes of its end.
        ("-no-reboot", r#"set-action {"reboot":"shutdown"}"#),
        ("-no-shutdown", r#"set-action {"shutdown":"pause"}"#),
        ("-action panic=pause,watchdog=none", "set-action {\"panic\":\"pause\"}\nset-action {\"watchdog\":\"none\"}"),
        // Time.
        ("-rtc base=localtime,clock=vm", r#"x-rtc-set {"base":"localtime","clock":"vm"}"#),
        ("-rtc 2006-06-17T16:01:21", r#"x-rtc-set {"base":"2006-06-17T16:01:21"}"#),
        ("-rtc base=utc,driftfix=slew -rtc clock=rt -rtc base=2020-01-01",
            r#"x-rtc-set {"base":"2020-01-01","driftfix":"slew","clock":"rt"}"#),
        ("-icount 3", r#"x-icount-set {"shift":"3"}"#),
        ("-icount shift=auto,sleep=on", r#"x-icount-set {"shift":"auto","sleep":"on"}"#),
        // Harts.
        ("-M none -smp 2", r#"machine-set {"type":"none","smp":{"cpus":2}}"#),
        ("-M none -smp cpus=5", r#"machine-set {"type":"none","smp":{"cpus":5}}"#),
        ("-M none -smp 2,sockets=2,cores=1,threads=1", r#"machine-set {"type":"none","smp":{"cpus":2}}"#),
        ("-M none -smp sockets=2,cores=3,threads=2", r#"machine-set {"type":"none","smp":{"cpus":12}}"#),
        ("-M none -smp cpus=2,maxcpus=4", r#"machine-set {"type":"none","smp":{"cpus":2}}"#),
        ("-M none -smp maxcpus=4", r#"machine-set {"type":"none","smp":{"cpus":4}}"#),
        // Memory.
        ("-M none -m 128", r#"machine-set {"type":"none","memory":134217728}"#),
        ("-M none -m 128M", r#"machine-set {"type":"none","memory":134217728}"#),
        ("-M none -m 1G", r#"machine-set {"type":"none","memory":1073741824}"#),
        ("-M none -m 2GiB", r#"machine-set {"type":"none","memory":2147483648}"#),
        ("-M none -m size=64K", r#"machine-set {"type":"none","memory":65536}"#),
        ("-M none -m size=262144k", r#"machine-set {"type":"none","memory":268435456}"#),
        ("-M none -m 512B", r#"machine-set {"type":"none","memory":512}"#),
        // Accelerators.
        ("-M none -accel tcg", "machine-set {\"type\":\"none\"}\naccel-set {\"accel\":\"tcg\"}"),
        ("-M none,accel=tcg", "machine-set {\"type\":\"none\"}\naccel-set {\"accel\":\"tcg\"}"),
        ("-M none,accel=tcg:kvm", "machine-set {\"type\":\"none\"}\naccel-set {\"accel\":\"tcg\"}"),
        ("-M none -accel tcg,thread=multi", "machine-set {\"type\":\"none\"}\naccel-set {\"accel\":\"tcg\",\"thread\":\"multi\"}"),
        ("-M none,accel=kvm:tcg", r#"
            machine-set {"type":"none"}
            accel-set {"accel":"tcg"}
            warning invalid accelerator kvm
            warning falling back to tcg"#),
        ("-M none -accel kvm -accel hvf -accel tcg", r#"
            machine-set {"type":"none"}
            accel-set {"accel":"tcg"}
            warning invalid accelerator kvm
            warning invalid accelerator hvf
            warning falling back to tcg"#),
        // Devices.
        ("-device riscv.sifive.test", r#"device_add {"driver":"riscv.sifive.test"}"#),
        ("-device driver=riscv.sifive.uart,id=u", r#"device_add {"driver":"riscv.sifive.uart","id":"u"}"#),
        ("-device loader,file=/tmp/a,,b.elf,cpu-num=0", r#"device_add {"driver":"loader","file":"/tmp/a,b.elf","cpu-num":"0"}"#),
        ("-device loader,addr=0x80000000,data=0x1,data-len=4,data-be=on", r#"device_add {"driver":"loader","addr":"0x80000000","data":"0x1","data-len":"4","data-be":"on"}"#),
        ("-device sysbus-memory,id=m,size=16K,readonly", r#"device_add {"driver":"sysbus-memory","id":"m","size":"16K","readonly":"on"}"#),
        ("-device riscv.sifive.plic,hart-config=M,,MS", r#"device_add {"driver":"riscv.sifive.plic","hart-config":"M,MS"}"#),
        ("-device x,a.b=1,a.c.d=2", r#"device_add {"driver":"x","a":{"b":"1","c":{"d":"2"}}}"#),
        ("-device loader,file=a=b", r#"device_add {"driver":"loader","file":"a=b"}"#),
        ("-device gpio-connection,input-device=plic,input-number=3,output-device=u", r#"device_add {"driver":"gpio-connection","input-device":"plic","input-number":"3","output-device":"u"}"#),
        (r#"-device '{"driver":"sysbus-memory","id":"m","size":4096,"readonly":true}'"#, r#"device_add {"driver":"sysbus-memory","id":"m","size":4096,"readonly":true}"#),
        ("-device b -device a", "device_add {\"driver\":\"b\"}\ndevice_add {\"driver\":\"a\"}"),
        // The process.
        ("-preconfig", "preconfig"),
        ("--preconfig -S", "preconfig\nstopped"),
        ("-name board", "name board"),
        ("-name guest=rv,debug-threads=on", "name rv"),
        ("-pidfile /run/a.pid -daemonize", "daemonize\npidfile /run/a.pid"),
        ("-no-user-config -nographic -display none -vga none", ""),
        // Logging.
        ("-d guest_errors,unimp", r#"x-log-set {"items":["guest_errors","unimp"]}"#),
        ("-d int -D log.txt -d unimp", r#"x-log-set {"items":["int","unimp"],"filename":"log.txt"}"#),
        ("-D log.txt", r#"x-log-set {"items":[],"filename":"log.txt"}"#),
    ];
    check(rows, |line| result(&format!("-nodefaults {line}")));
}

#[test]
fn networks() {
    #[rustfmt::skip]
    let rows = &[
        ("-netdev user,id=n0", r#"netdev_add {"type":"user","id":"n0"}"#),
        ("-netdev user,id=n0,hostfwd=tcp::1-:2,restrict=on,hostfwd=udp::3-:4,dnssearch=a",
            r#"netdev_add {"type":"user","id":"n0","hostfwd":[{"str":"tcp::1-:2"},{"str":"udp::3-:4"}],"restrict":"on","dnssearch":[{"str":"a"}]}"#),
        (r#"-netdev '{"type":"user","id":"n0"}'"#, r#"netdev_add {"type":"user","id":"n0"}"#),
        ("-netdev stream,id=n0,addr.type=unix,addr.path=/s,server=on",
            r#"netdev_add {"type":"stream","id":"n0","addr":{"type":"unix","path":"/s"},"server":"on"}"#),
        ("-netdev user", "option -netdev user: has no id: add id=NAME"),
        ("-netdev '{'", "option -netdev {: not JSON: EOF while parsing an object at line 1 column 1"),
        ("-nic none -net none", ""),
        ("-nic user", r#"
            netdev_add {"type":"user","id":"net0"}
            device_add {"driver":"virtio-net","netdev":"net0"}"#),
        ("-nic user,model=virtio-net-pci,mac=52:54:00:00:00:01,id=a -nic user,model=virtio", r#"
            netdev_add {"type":"user","id":"a"}
            netdev_add {"type":"user","id":"net0"}
            device_add {"driver":"virtio-net-pci","mac":"52:54:00:00:00:01","netdev":"a"}
            device_add {"driver":"virtio-net","netdev":"net0"}"#),
        ("-net nic,model=virtio,macaddr=52:54:00:12:34:58 -net user", r#"
            netdev_add {"type":"user","id":"net0"}
            device_add {"driver":"virtio-net","mac":"52:54:00:12:34:58","netdev":"net0"}"#),
        ("-net user,hostfwd=tcp::1-:2 -net nic", r#"
            netdev_add {"type":"user","hostfwd":[{"str":"tcp::1-:2"}],"id":"net0"}
            device_add {"driver":"virtio-net","netdev":"net0"}"#),
        ("-net nic", r#"device_add {"driver":"virtio-net"}"#),
    ];
    check(rows, |line| result(&format!("-nodefaults {line}")));
}

#[test]
fn serial_ports_and_monitors() {
    #[rustfmt::skip]
    let rows = &[
        (
            "-drive d.img,format=raw,id=d0,if=none",
            r#"x-drive-add {"file":"d.img","format":"raw","id":"d0"}"#,
        ),
        (
            "-drive file=d.img,serial=s -drive file=e.img -snapshot",
            r#"
            x-drive-add {"file":"d.img","id":"virtio0","snapshot":true}
            x-drive-add {"file":"e.img","id":"virtio1","snapshot":true}
            device_add {"driver":"virtio-blk","drive":"virtio0","serial":"s"}
            device_add {"driver":"virtio-blk","drive":"virtio1"}"#,
        ),
        (
            "-drive if=pflash,file=b,unit=1,readonly=on -drive if=pflash,file=a,unit=0 -M virt",
            r#"
            x-drive-add {"file":"b","readonly":"on","id":"pflash0"}
            x-drive-add {"file":"a","id":"pflash1"}
            machine-set {"type":"virt","pflash1":"pflash0","pflash0":"pflash1"}"#,
        ),
        (
            r#"-chardev '{"id":"c","backend":{"type":"null","data":{}}}'"#,
            r#"chardev-add {"id":"c","backend":{"type":"null","data":{}}}"#,
        ),
        (
            "-blockdev qcow2,node-name=n,file.driver=file,file.filename=f",
            r#"blockdev-add {"driver":"qcow2","node-name":"n","file":{"driver":"file","filename":"f"}}"#,
        ),
        ("-serial stdio", "x-chardev-add {\"id\":\"serial0\",\"backend\":\"stdio\"}\nserial serial0"),
        ("-serial pty", "x-chardev-add {\"id\":\"serial0\",\"backend\":\"pty\"}\nserial serial0"),
        ("-serial null", "x-chardev-add {\"id\":\"serial0\",\"backend\":\"null\"}\nserial serial0"),
        ("-serial none", "serial -"),
        ("-serial mon:stdio", r#"
            x-chardev-add {"id":"serial0","backend":"stdio","mux":true,"signal":false}
            x-monitor-add {"chardev":"serial0","mode":"readline"}
            serial serial0"#),
        ("-serial mon:pty", r#"
            x-chardev-add {"id":"serial0","backend":"pty","mux":true}
            x-monitor-add {"chardev":"serial0","mode":"readline"}
            serial serial0"#),
        ("-serial file:a,b=c", "x-chardev-add {\"id\":\"serial0\",\"backend\":\"file\",\"path\":\"a,b=c\"}\nserial serial0"),
        ("-serial unix:/s", "x-chardev-add {\"id\":\"serial0\",\"backend\":\"socket\",\"path\":\"/s\"}\nserial serial0"),
        ("-serial unix:/s=1,server,nowait", "x-chardev-add {\"id\":\"serial0\",\"backend\":\"socket\",\"path\":\"/s=1\",\"server\":\"on\",\"wait\":\"off\"}\nserial serial0"),
        ("-serial unix:/a,,b,server=on,wait=off", "x-chardev-add {\"id\":\"serial0\",\"backend\":\"socket\",\"path\":\"/a,b\",\"server\":\"on\",\"wait\":\"off\"}\nserial serial0"),
        ("-serial tcp:127.0.0.1:4321", "x-chardev-add {\"id\":\"serial0\",\"backend\":\"socket\",\"host\":\"127.0.0.1\",\"port\":\"4321\"}\nserial serial0"),
        ("-serial tcp::4321,server,wait", "x-chardev-add {\"id\":\"serial0\",\"backend\":\"socket\",\"port\":\"4321\",\"server\":\"on\",\"wait\":\"on\"}\nserial serial0"),
        ("-serial tcp:[::1]:4321", "x-chardev-add {\"id\":\"serial0\",\"backend\":\"socket\",\"host\":\"::1\",\"port\":\"4321\"}\nserial serial0"),
        ("-semihosting", "x-semihosting-set {}"),
        ("-semihosting-config on,target=native,arg=a,userspace=on,arg=b,,c -semihosting",
            "x-semihosting-set {\"enable\":\"on\",\"target\":\"native\",\"arg\":[\"a\",\"b,c\"],\"userspace\":\"on\"}"),
        ("-s", r#"
            x-chardev-add {"id":"gdb","backend":"socket","port":"1234","server":"on","wait":"off"}
            x-gdb-server {"chardev":"gdb"}"#),
        ("-gdb tcp:127.0.0.1:9,nodelay=on -s -gdb tcp::0,server", r#"
            x-chardev-add {"id":"gdb","backend":"socket","port":"0","server":"on","wait":"off"}
            x-gdb-server {"chardev":"gdb"}"#),
        ("-gdb unix:/g,server=on,wait=off", r#"
            x-chardev-add {"id":"gdb","backend":"socket","path":"/g","server":"on","wait":"off"}
            x-gdb-server {"chardev":"gdb"}"#),
        ("-chardev pty,id=c -gdb chardev:c", r#"
            x-chardev-add {"id":"c","backend":"pty"}
            x-gdb-server {"chardev":"c"}"#),
        ("-s -gdb none", ""),
        ("-gdb nonsense", "option -gdb nonsense: 'nonsense' is no back end: expected stdio, pty, null, file:PATH, unix:PATH[,server=on][,wait=off], tcp:HOST:PORT[,server=on][,wait=off], chardev:ID or none"),
        ("-serial none -serial null -serial chardev:c -chardev pty,id=c", r#"
            x-chardev-add {"id":"serial1","backend":"null"}
            x-chardev-add {"id":"c","backend":"pty"}
            serial - serial1 c"#),
        ("-monitor none", ""),
        ("-monitor stdio", r#"
            x-chardev-add {"id":"compat_monitor0","backend":"stdio"}
            x-monitor-add {"chardev":"compat_monitor0","mode":"readline"}"#),
        ("-monitor unix:/m,server=on,wait=off -qmp stdio", r#"
            x-chardev-add {"id":"compat_monitor0","backend":"socket","path":"/m","server":"on","wait":"off"}
            x-chardev-add {"id":"compat_monitor1","backend":"stdio"}
            x-monitor-add {"chardev":"compat_monitor0","mode":"readline"}
            x-monitor-add {"chardev":"compat_monitor1","mode":"control"}"#),
        ("-qmp-pretty pty", r#"
            x-chardev-add {"id":"compat_monitor0","backend":"pty"}
            x-monitor-add {"chardev":"compat_monitor0","mode":"control","pretty":true}"#),
        ("-chardev pty,id=c -qmp chardev:c", r#"
            x-chardev-add {"id":"c","backend":"pty"}
            x-monitor-add {"chardev":"c","mode":"control"}"#),
        // qmp-shell-wrap is the server.
        ("-qmp unix:qmp-shell-wrap-77", r#"
            x-chardev-add {"id":"compat_monitor0","backend":"socket","path":"qmp-shell-wrap-77"}
            x-monitor-add {"chardev":"compat_monitor0","mode":"control"}"#),
        ("-chardev socket,id=m,path=/s,server=on,wait=off -mon chardev=m,id=monitor,mode=control,pretty=on", r#"
            x-chardev-add {"id":"m","backend":"socket","path":"/s","server":"on","wait":"off"}
            x-monitor-add {"chardev":"m","mode":"control","pretty":"on"}"#),
        ("-chardev socket,host=localhost,port=0,server,nowait,id=m -mon m", r#"
            x-chardev-add {"id":"m","backend":"socket","host":"localhost","port":"0","server":"on","wait":"off"}
            x-monitor-add {"chardev":"m"}"#),
        ("-chardev file,id=f,path=/a,,b,append=on", r#"x-chardev-add {"id":"f","backend":"file","path":"/a,b","append":"on"}"#),
        ("-chardev null,id=n", r#"x-chardev-add {"id":"n","backend":"null"}"#),
        ("-chardev backend=null,id=n,mux", r#"x-chardev-add {"id":"n","backend":"null","mux":"on"}"#),
    ];
    check(rows, |line| result(&format!("-nodefaults {line}")));
}

#[test]
fn what_is_there_by_default() {
    const MUX: &str = r#"
        x-chardev-add {"id":"serial0","backend":"stdio","mux":true,"signal":false}
        x-monitor-add {"chardev":"serial0","mode":"readline"}
        serial serial0 by default"#;
    const NULL: &str = r#"
        x-chardev-add {"id":"serial0","backend":"null"}
        serial serial0 by default"#;
    #[rustfmt::skip]
    let rows = &[
        ("", MUX),
        ("-nographic", MUX),
        ("-nographic -display none", MUX),
        ("-display none", NULL),
        ("-nodefaults", ""),
        ("-serial none -monitor none", "serial -"),
        ("-daemonize", "x-chardev-add {\"id\":\"serial0\",\"backend\":\"null\"}\nserial serial0 by default\ndaemonize"),
        ("-nographic -monitor none", "x-chardev-add {\"id\":\"serial0\",\"backend\":\"stdio\"}\nserial serial0 by default"),
        ("-qmp stdio", r#"
            x-chardev-add {"id":"compat_monitor0","backend":"stdio"}
            x-chardev-add {"id":"serial0","backend":"null"}
            x-monitor-add {"chardev":"compat_monitor0","mode":"control"}
            serial serial0 by default"#),
        ("-qmp unix:/q,server", r#"
            x-chardev-add {"id":"compat_monitor0","backend":"socket","path":"/q","server":"on","wait":"on"}
            x-chardev-add {"id":"serial0","backend":"stdio"}
            x-monitor-add {"chardev":"compat_monitor0","mode":"control"}
            serial serial0 by default"#),
        ("-chardev stdio,id=c -mon c,mode=control", r#"
            x-chardev-add {"id":"c","backend":"stdio"}
            x-chardev-add {"id":"serial0","backend":"null"}
            x-monitor-add {"chardev":"c","mode":"control"}
            serial serial0 by default"#),
        // The port is elsewhere, so the monitor has the terminal to itself.
        ("-nographic -serial pty", r#"
            x-chardev-add {"id":"serial0","backend":"pty"}
            x-chardev-add {"id":"compat_monitor0","backend":"stdio"}
            x-monitor-add {"chardev":"compat_monitor0","mode":"readline"}
            serial serial0"#),
        ("-nographic -serial stdio", "x-chardev-add {\"id\":\"serial0\",\"backend\":\"stdio\"}\nserial serial0"),
        ("-display none -serial pty", "x-chardev-add {\"id\":\"serial0\",\"backend\":\"pty\"}\nserial serial0"),
        // Verb run.
        ("run a.qmp -nodefaults n=2 -S board=x=y", r#"
            stopped
            script a.qmp [("n", "2"), ("board", "x=y")]"#),
        ("run a.qmp -qmp unix:/q,server,nowait", r#"
            x-chardev-add {"id":"compat_monitor0","backend":"socket","path":"/q","server":"on","wait":"off"}
            x-chardev-add {"id":"serial0","backend":"stdio","mux":true,"signal":false}
            x-monitor-add {"chardev":"compat_monitor0","mode":"control"}
            x-monitor-add {"chardev":"serial0","mode":"readline"}
            serial serial0 by default
            script a.qmp []"#),
        ("run -nodefaults a.qmp", "script a.qmp []"),
    ];
    check(rows, result);
}

/// Whole lines as clients pass them, as far as their options are in the table.
#[test]
fn lines_of_clients() {
    #[rustfmt::skip]
    let rows = &[
        // libvirt's probe.
        ("-S -no-user-config -nodefaults -nographic -machine none,accel=kvm:tcg \
          -qmp unix:/d/qmp-X/qmp.monitor,server=on,wait=off -pidfile /d/qmp-X/qmp.pid -daemonize", r#"
            x-chardev-add {"id":"compat_monitor0","backend":"socket","path":"/d/qmp-X/qmp.monitor","server":"on","wait":"off"}
            x-monitor-add {"chardev":"compat_monitor0","mode":"control"}
            machine-set {"type":"none"}
            accel-set {"accel":"tcg"}
            stopped
            daemonize
            pidfile /d/qmp-X/qmp.pid
            warning invalid accelerator kvm
            warning falling back to tcg"#),
        // labgrid.
        ("-kernel K -smp 2 -initrd R -machine none -cpu rv64 -m 128M -nographic -append 'console=ttyS0 root=/dev/vda' \
          -S -qmp stdio -chardev socket,id=serialsocket,path=/tmp/s -serial chardev:serialsocket", r#"
            x-chardev-add {"id":"compat_monitor0","backend":"stdio"}
            x-chardev-add {"id":"serialsocket","backend":"socket","path":"/tmp/s"}
            x-monitor-add {"chardev":"compat_monitor0","mode":"control"}
            machine-set {"type":"none","kernel":"K","smp":{"cpus":2},"initrd":"R","cpu":"rv64","memory":134217728,"append":"console=ttyS0 root=/dev/vda"}
            serial serialsocket
            stopped"#),
        // Zephyr.
        ("-machine none -bios none -m 256 -cpu rv32i,m=on,a=on,pmp=on,u=on -pidfile qemu.pid -chardev stdio,id=con,mux=on \
          -serial chardev:con -mon chardev=con,mode=readline -smp cpus=2 -kernel zephyr.elf -S", r#"
            x-chardev-add {"id":"con","backend":"stdio","mux":"on"}
            x-monitor-add {"chardev":"con","mode":"readline"}
            machine-set {"type":"none","firmware":"none","memory":268435456,"cpu":"rv32i,m=on,a=on,pmp=on,u=on","smp":{"cpus":2},"kernel":"zephyr.elf"}
            serial con
            stopped
            pidfile qemu.pid"#),
        // QEMU's own QEMUMachine.
        ("-display none -vga none -chardev socket,id=mon,fd=5 -mon chardev=mon,mode=control -machine none \
          -chardev socket,id=console,fd=7 -serial chardev:console", r#"
            x-chardev-add {"id":"mon","backend":"socket","fd":"5"}
            x-chardev-add {"id":"console","backend":"socket","fd":"7"}
            x-monitor-add {"chardev":"mon","mode":"control"}
            machine-set {"type":"none"}
            serial console"#),
        // virtme-ng.
        ("-machine sifive_dt -bios default -chardev file,path=/proc/self/fd/2,id=dmesg -chardev stdio,id=console,signal=off,mux=on \
          -serial chardev:console -mon chardev=console -vga none -display none -smp 4 -qmp tcp:localhost:3636,server,nowait", r#"
            x-chardev-add {"id":"dmesg","backend":"file","path":"/proc/self/fd/2"}
            x-chardev-add {"id":"console","backend":"stdio","signal":"off","mux":"on"}
            x-chardev-add {"id":"compat_monitor0","backend":"socket","host":"localhost","port":"3636","server":"on","wait":"off"}
            x-monitor-add {"chardev":"console"}
            x-monitor-add {"chardev":"compat_monitor0","mode":"control"}
            machine-set {"type":"sifive_dt","firmware":"default","smp":{"cpus":4}}
            serial console"#),
        // Yocto: two servers of which the first waits, serial ports as clients.
        ("-S -qmp unix:./.x,server,wait -qmp unix:./.y,server,nowait -serial tcp:127.0.0.1:1 -serial tcp:127.0.0.1:2 -pidfile P", r#"
            x-chardev-add {"id":"compat_monitor0","backend":"socket","path":"./.x","server":"on","wait":"on"}
            x-chardev-add {"id":"compat_monitor1","backend":"socket","path":"./.y","server":"on","wait":"off"}
            x-chardev-add {"id":"serial0","backend":"socket","host":"127.0.0.1","port":"1"}
            x-chardev-add {"id":"serial1","backend":"socket","host":"127.0.0.1","port":"2"}
            x-monitor-add {"chardev":"compat_monitor0","mode":"control"}
            x-monitor-add {"chardev":"compat_monitor1","mode":"control"}
            serial serial0 serial1
            stopped
            pidfile P"#),
        // jumpstarter.
        ("-nodefaults -nographic -machine none -cpu rv64 -qmp unix:P,server=on,wait=off -smp 2 -m 512M -vga none -serial pty", r#"
            x-chardev-add {"id":"compat_monitor0","backend":"socket","path":"P","server":"on","wait":"off"}
            x-chardev-add {"id":"serial0","backend":"pty"}
            x-monitor-add {"chardev":"compat_monitor0","mode":"control"}
            machine-set {"type":"none","cpu":"rv64","smp":{"cpus":2},"memory":536870912}
            serial serial0"#),
        // pytest-embedded-qemu.
        ("-nographic -machine none -qmp tcp:127.0.0.1:4488,server,wait=off -serial tcp::5555,server,nowait", r#"
            x-chardev-add {"id":"compat_monitor0","backend":"socket","host":"127.0.0.1","port":"4488","server":"on","wait":"off"}
            x-chardev-add {"id":"serial0","backend":"socket","port":"5555","server":"on","wait":"off"}
            x-monitor-add {"chardev":"compat_monitor0","mode":"control"}
            machine-set {"type":"none"}
            serial serial0"#),
        // avocado-vt.
        ("-monitor stdio -nodefaults -nographic -S", r#"
            x-chardev-add {"id":"compat_monitor0","backend":"stdio"}
            x-monitor-add {"chardev":"compat_monitor0","mode":"readline"}
            stopped"#),
    ];
    check(rows, result);
}

#[test]
fn errors_name_the_option_and_the_way_out() {
    #[rustfmt::skip]
    let rows = &[
        ("-kernal a", "invalid option: -kernal; did you mean -kernel?"),
        ("--nodefault", "invalid option: --nodefault; did you mean -nodefaults?"),
        ("-zzz", "invalid option: -zzz; -help lists the options"),
        ("-m=128", "invalid option: -m=128; the value is a word of its own: -m 128"),
        ("-m", "option -m needs a value: -m SIZE"),
        ("--machine", "option --machine needs a value: -M|-machine TYPE[,PROP=VALUE...]"),
        ("a.elf", "unexpected argument: a.elf; a board script is executed by run SCRIPT, other files by -kernel FILE"),
        ("rum a.qmp", "unexpected argument: rum; a board script is executed by run SCRIPT, other files by -kernel FILE"),
        ("-S run a.qmp", "unexpected argument: run; this verb comes first: run SCRIPT [OPTION...] [NAME=VALUE...]"),
        ("-", "unexpected argument: -; a board script is executed by run SCRIPT, other files by -kernel FILE"),
        ("run", "run needs a board script: run SCRIPT [OPTION...] [NAME=VALUE...]"),
        ("run -S", "run needs a board script: run SCRIPT [OPTION...] [NAME=VALUE...]"),
        ("run a.qmp b.qmp", "unexpected argument: b.qmp; after run SCRIPT come options and NAME=VALUE"),
        ("-kernel a.elf", "option -kernel needs a machine: add -M TYPE (-M help lists the types)"),
        ("-smp 2 -m 1G", "option -smp needs a machine: add -M TYPE (-M help lists the types)"),
        ("-accel tcg", "option -accel needs a machine: add -M TYPE (-M help lists the types)"),
        ("-M ram-addr=0", "option -M ram-addr=0: names no machine: expected TYPE[,PROP=VALUE...]"),
        ("-M none,a..b=1", "option -M none,a..b=1: 'a..b' is no parameter name: expected NAME=VALUE"),
        ("-M none,=1", "option -M none,=1: '' is no parameter name: expected NAME=VALUE"),
        ("-M none -accel kvm", "option -accel kvm: invalid accelerator kvm: expected tcg"),
        ("-M none,accel=kvm:xen", "option -M none,accel=kvm:xen: invalid accelerator kvm: expected tcg"),
        ("-M none -smp 0", "option -smp 0: '0' is no number of harts: expected N or cpus=N"),
        ("-M none -smp two", "option -smp two: 'two' is no number of harts: expected N or cpus=N"),
        ("-M none -smp 2,coers=2", "option -smp 2,coers=2: there is no 'coers': expected cpus, maxcpus, sockets, cores or threads"),
        ("-M none -smp 4,maxcpus=2", "option -smp 4,maxcpus=2: maxcpus=2 is less than 4 harts: leave maxcpus out"),
        ("-M none -m much", "option -m much: 'much' is no size: expected MiB, or a suffix, as in 128, 64K or 1G"),
        ("-M none -m 99999999999999T", "option -m 99999999999999T: '99999999999999T' is no size: expected MiB, or a suffix, as in 128, 64K or 1G"),
        ("-M none -m 128,slots=2", "option -m 128,slots=2: 'slots' is not supported, memory cannot be plugged: expected -m SIZE"),
        ("-device id=a", "option -device id=a: names no driver: expected DRIVER[,PROP=VALUE...]"),
        ("-device x,a=1,a.b=2", "option -device x,a=1,a.b=2: 'a' has a value of its own, so 'a.b' cannot be below it"),
        ("-device x,a.b=1,a=2", "option -device x,a.b=1,a=2: 'a' has members, so it cannot have a value of its own"),
        (r#"-device '{"id":"a"}'"#, r#"option -device {"id":"a"}: names no driver: expected {"driver": "DRIVER", ...}"#),
        ("-device {", "option -device {: not JSON: EOF while parsing an object at line 1 column 1"),
        ("-serial telnet:localhost:1", "option -serial telnet:localhost:1: 'telnet' is not supported: expected stdio, pty, null, file:PATH, unix:PATH[,server=on][,wait=off], tcp:HOST:PORT[,server=on][,wait=off], chardev:ID or none"),
        ("-serial vc", "option -serial vc: 'vc' is no back end: expected stdio, pty, null, file:PATH, unix:PATH[,server=on][,wait=off], tcp:HOST:PORT[,server=on][,wait=off], chardev:ID or none"),
        ("-serial tcp:4321", "option -serial tcp:4321: '4321' is no address: expected unix:PATH or tcp:HOST:PORT"),
        ("-qmp unix:,server", "option -qmp unix:,server: '' is no address: expected unix:PATH or tcp:HOST:PORT"),
        ("-serial chardev:con", "option -serial chardev:con: there is no back end 'con': add -chardev KIND,id=con"),
        ("-serial stdio -qmp stdio", "option -qmp stdio: stdio is in use by -serial stdio: share it with -chardev stdio,id=ID,mux=on and chardev:ID"),
        ("-qmp stdio -daemonize", "option -daemonize: a daemon has no stdio, which -qmp stdio uses: give it a socket"),
        ("-chardev pty", "option -chardev pty: has no id: add id=NAME"),
        ("-mon mode=control", "option -mon mode=control: names no back end: add chardev=ID"),
        ("-display gtk", "option -display gtk: there are no windows: expected -display none"),
        ("-vga std", "option -vga std: there is no graphics card: expected -vga none"),
        ("-name process=x", "option -name process=x: 'process' is not supported: expected [guest=]NAME[,debug-threads=on]"),
    ];
    check(rows, result);
}

#[test]
fn what_is_asked_for_comes_before_what_is_wrong_later() {
    #[rustfmt::skip]
    let rows = [
        ("-help", Ask::Help),
        ("-h -zzz", Ask::Help),
        ("--help", Ask::Help),
        ("-version", Ask::Version),
        ("--version -m", Ask::Version),
        ("-M help", Ask::MachineHelp),
        ("-machine ?", Ask::MachineHelp),
        ("-M sifive_dt,help", Ask::MachineProperties("sifive_dt".into())),
        ("-device help", Ask::DeviceHelp),
        ("-device ?", Ask::DeviceHelp),
        ("-device loader,help", Ask::DeviceProperties("loader".into())),
        ("-device loader,id=a,?", Ask::DeviceProperties("loader".into())),
        ("-cpu help", Ask::CpuHelp),
        ("-M none -kernel a -cpu ?", Ask::CpuHelp),
        ("-accel help", Ask::AccelHelp),
        ("-chardev help", Ask::ChardevHelp),
        ("-d help", Ask::LogHelp),
    ];
    for (line, ask) in rows {
        assert_eq!(parse(words(line)).unwrap().ask, Some(ask), "{line}");
    }
}

#[test]
fn steps_tell_where_they_come_from() {
    let invocation = parse(["-M", "none", "-device", "loader,file=a", "-append", "x"]).unwrap();
    assert_eq!(invocation.machine.unwrap().origin.to_string(), "option -M none");
    assert_eq!(invocation.devices[0].origin.to_string(), "option -device loader,file=a");
}

#[test]
#[cfg(unix)]
fn words_are_text() {
    use std::os::unix::ffi::OsStringExt as _;
    let word = std::ffi::OsString::from_vec(b"-\xff".to_vec());
    let error = parse([word]).unwrap_err().to_string();
    assert_eq!(error, "argument -\u{fffd} is not UTF-8: options, paths and values are UTF-8 text");
}

/// The help has a line for each option, and no name stands for two.
#[test]
fn the_table_is_sound() {
    let help = options_text();
    let mut seen = std::collections::HashSet::new();
    for name in options::names() {
        assert!(seen.insert(name), "-{name} is there twice");
        assert!(help.contains(&format!("-{name}")), "-{name} is not in the help");
        let row = options::find(name).unwrap();
        assert!(row.names.contains(&name) && !row.help.is_empty());
    }
}
