//! The table of options: the parser finds an option in it, and the help is printed from it.

/// What an option does. [`super::parse()`] has one arm for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Id {
    Accel,
    Action,
    Append,
    Bios,
    Blockdev,
    Budget,
    Chardev,
    Compat,
    Cpu,
    Daemonize,
    Device,
    Display,
    Drive,
    Dtb,
    Fsdev,
    FwCfg,
    Gdb,
    GdbDefault,
    Help,
    Icount,
    Initrd,
    Kernel,
    LoadVm,
    Log,
    LogFile,
    LogFilter,
    Machine,
    Memory,
    Mon,
    Monitor,
    Name,
    Net,
    Netdev,
    Nic,
    NoDefaults,
    NoGraphic,
    NoReboot,
    NoShutdown,
    NoUserConfig,
    Object,
    Pidfile,
    Preconfig,
    Qmp,
    QmpPretty,
    Rtc,
    Seed,
    Semihosting,
    SemihostingConfig,
    Serial,
    Smp,
    Snapshot,
    Stopped,
    Version,
    Vga,
    Virtfs,
}

/// An option.
#[derive(Debug)]
pub(super) struct OptionRow {
    /// What it does.
    pub id: Id,
    /// Its names, without dashes; the usual one first.
    pub names: &'static [&'static str],
    /// The form of its value, if it takes one.
    pub value: Option<&'static str>,
    /// What it does, in words.
    pub help: &'static str,
}

impl OptionRow {
    /// How it is written.
    pub(super) fn usage(&self) -> String {
        let names: Vec<String> = self.names.iter().map(|name| format!("-{name}")).collect();
        let names = names.join("|");
        match self.value {
            Some(value) => format!("{names} {value}"),
            None => names,
        }
    }
}

const fn row(
    id: Id,
    names: &'static [&'static str],
    value: Option<&'static str>,
    help: &'static str,
) -> OptionRow {
    OptionRow { id, names, value, help }
}

/// The options, in groups, in the order of the help.
#[rustfmt::skip] // One line an option: a table is read by its columns.
pub(super) const GROUPS: &[(&str, &[OptionRow])] = &[
    ("Machine", &[
        row(Id::Machine, &["M", "machine"], Some("TYPE[,PROP=VALUE...]"), "the type of machine and its properties; -M help lists the types"),
        row(Id::Accel, &["accel"], Some("NAME[:NAME...]"), "the accelerator: the first of these that there is"),
        row(Id::Cpu, &["cpu"], Some("TYPE[,PROP=VALUE...]"), "the type of the harts; -cpu help lists the types"),
        row(Id::Smp, &["smp"], Some("[cpus=]N[,cores=N...]"), "the number of harts; of sockets, cores and threads alone, the product"),
        row(Id::Memory, &["m"], Some("SIZE"), "the size of memory, in MiB or with a suffix: 128, 64K, 1G"),
        row(Id::Object, &["object"], Some("KIND,id=ID[,PROP=VALUE...]"), "creates an object that devices name: memory-backend-ram, memory-backend-file, rng-builtin, rng-random"),
        row(Id::Device, &["device"], Some("DRIVER[,PROP=VALUE...]"), "adds a device; -device help lists the drivers, DRIVER,help its properties"),
    ]),
    ("Software", &[
        row(Id::Bios, &["bios"], Some("FILE"), "the firmware that starts first; default (built in) or none"),
        row(Id::Kernel, &["kernel"], Some("FILE"), "the kernel"),
        row(Id::Initrd, &["initrd"], Some("FILE"), "the kernel's initial file system"),
        row(Id::Append, &["append"], Some("TEXT"), "the kernel's command line"),
        row(Id::FwCfg, &["fw_cfg"], Some("[name=]NAME,file=FILE|string=TEXT"), "a file that firmware can read by its name (machine virt)"),
        row(Id::Dtb, &["dtb"], Some("FILE"), "a device tree, source or binary"),
    ]),
    ("Serial ports and monitors", &[
        row(Id::Serial, &["serial"], Some("BACKEND"), "a serial port: stdio, mon:stdio, pty, null, file:PATH, unix:PATH[,server=on][,wait=off], tcp:HOST:PORT[,...], chardev:ID or none"),
        row(Id::Monitor, &["monitor"], Some("BACKEND"), "a monitor for people, on one of these"),
        row(Id::Qmp, &["qmp"], Some("BACKEND"), "a monitor for programs, on one of these"),
        row(Id::QmpPretty, &["qmp-pretty"], Some("BACKEND"), "the same, with answers spread over several lines"),
        row(Id::Chardev, &["chardev"], Some("KIND,id=ID[,...]"), "a character back end; -chardev help lists the kinds"),
        row(Id::Compat, &["compat"], Some("ITEM=POLICY[,...]"), "deprecated-input=accept|reject|crash, deprecated-output=accept|hide, and the same for unstable: what QMP clients may use and see"),
        row(Id::Mon, &["mon"], Some("[chardev=]ID[,mode=MODE]"), "a monitor on a character back end: mode=control for programs, readline for people; pretty=on as above"),
    ]),
    ("Disks", &[
        row(Id::Drive, &["drive"], Some("file=FILE[,if=none|virtio|pflash][,id=ID][,...]"), "a disk image: format=raw|qcow2, snapshot=on, readonly=on, cache=, discard=; if=virtio (the default) adds a virtio-blk for it: on PCI if the board has it; if=pflash,unit=0|1 makes it a bank of flash"),
        row(Id::Blockdev, &["blockdev"], Some("DRIVER,node-name=NAME[,...]"), "a node of the block graph, such as qcow2,node-name=d0,file.driver=file,file.filename=FILE; or JSON"),
        row(Id::Snapshot, &["snapshot"], None, "what is written to drives is forgotten at the end"),
    ]),
    ("Shared folders", &[
        row(Id::Fsdev, &["fsdev"], Some("local,id=ID,path=PATH,security_model=MODEL[,readonly=on]"), "a folder of the host that a virtio-9p names; MODEL is none, mapped-xattr or passthrough"),
        row(Id::Virtfs, &["virtfs"], Some("local,path=PATH,mount_tag=TAG,security_model=MODEL[,...]"), "the same, and a virtio-9p for it"),
    ]),
    ("Networks", &[
        row(Id::Netdev, &["netdev"], Some("KIND,id=ID[,...]"), "a network back end that devices name: user, socket, stream or tap"),
        row(Id::Nic, &["nic"], Some("KIND[,model=DRIVER][,mac=ADDRESS][,...]"), "a network device on a back end of its own, such as user,hostfwd=tcp::2222-:22; none: no network"),
        row(Id::Net, &["net"], Some("nic|KIND[,...]"), "the older form: a network device, and a back end for it"),
    ]),
    ("Start", &[
        row(Id::Preconfig, &["preconfig"], None, "stop before the machine's own devices exist, to configure it by QMP"),
        row(Id::Stopped, &["S"], None, "do not start the guest"),
        row(Id::LoadVm, &["loadvm"], Some("FILE"), "go on from a snapshot of an equal board, which snapshot-save has written"),
        row(Id::Action, &["action"], Some("EVENT=ACTION[,...]"), "reboot=reset|shutdown, shutdown=poweroff|pause, panic=pause|shutdown|exit-failure|none, watchdog=reset|shutdown|poweroff|pause|debug|none|inject-nmi"),
        row(Id::NoReboot, &["no-reboot"], None, "end where the guest reboots: -action reboot=shutdown"),
        row(Id::NoShutdown, &["no-shutdown"], None, "stop where the guest powers off: -action shutdown=pause"),
        row(Id::Rtc, &["rtc"], Some("[base=BASE][,clock=CLOCK][,driftfix=FIX]"), "what real-time clocks begin with (utc, localtime, a date such as 2006-06-17T16:01:21) and go on with (host, rt, vm)"),
        row(Id::Seed, &["seed"], Some("N"), "give the guest the same random numbers in every run"),
        row(Id::Icount, &["icount"], Some("[shift=]N|auto[,sleep=off][,align=on]"), "time goes by instructions, each of which takes 2^N nanoseconds, so that a run is the same each time; sleep=off skips the time that all harts wait"),
        row(Id::Budget, &["budget"], Some("N"), "end with status 124 after so many instructions, such as 50M; a machine whose harts all sleep spends 100 a microsecond"),
        row(Id::Name, &["name"], Some("[guest=]NAME"), "the guest's name"),
        row(Id::Pidfile, &["pidfile"], Some("FILE"), "write the process id to a file"),
        row(Id::Daemonize, &["daemonize"], None, "go on in the background"),
        row(Id::NoDefaults, &["nodefaults"], None, "no serial port or monitor that is not asked for"),
        row(Id::NoUserConfig, &["no-user-config"], None, "accepted; no configuration file is read anyway"),
        row(Id::NoGraphic, &["nographic"], None, "serial port and monitor on this terminal: the default, as there are no windows"),
        row(Id::Display, &["display"], Some("none"), "nothing on this terminal that is not asked for"),
        row(Id::Vga, &["vga"], Some("none"), "accepted; there is no graphics card"),
    ]),
    ("Help and diagnosis", &[
        row(Id::Semihosting, &["semihosting"], None, "let the guest use files and a console of the host by semihosting calls"),
        row(Id::SemihostingConfig, &["semihosting-config"], Some("[enable=on][,chardev=ID][,userspace=on][,arg=WORD...]"), "the same; its console, whether user mode may, and the guest's command line"),
        row(Id::Gdb, &["gdb"], Some("BACKEND"), "serve debuggers on a back end such as tcp::1234 or unix:PATH,server=on,wait=off; none: no longer"),
        row(Id::GdbDefault, &["s"], None, "the same as -gdb tcp::1234"),
        row(Id::Log, &["d"], Some("ITEM[,ITEM...]"), "what is logged; -d help lists the items"),
        row(Id::LogFilter, &["dfilter"], Some("RANGE[,RANGE...]"), "which code is traced, by address: FIRST..LAST, FIRST+SIZE or LAST-SIZE"),
        row(Id::LogFile, &["D"], Some("FILE"), "where to; standard error without"),
        row(Id::Help, &["help", "h"], None, "print this"),
        row(Id::Version, &["version"], None, "print the version"),
    ]),
];

fn rows() -> impl Iterator<Item = &'static OptionRow> {
    GROUPS.iter().flat_map(|(_, rows)| rows.iter())
}

/// All names of options, without dashes.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    rows().flat_map(|row| row.names.iter().copied())
}

/// The option of a name without dashes.
pub(super) fn find(name: &str) -> Option<&'static OptionRow> {
    rows().find(|row| row.names.contains(&name))
}

/// All options in groups, one line an option.
pub(crate) fn options_text() -> String {
    let mut text = String::new();
    for (title, rows) in GROUPS {
        text.push_str(&format!("\n{title}:\n"));
        for row in *rows {
            text.push_str(&format!("  {:<34}  {}\n", row.usage(), row.help));
        }
    }
    text
}
