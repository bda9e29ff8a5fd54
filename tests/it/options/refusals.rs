//! Command lines that cannot be right: one line that names the option and the way out, and status 1.

use anyhow::Result;
use boardwright_tests::program;
use boardwright_tests::transcript::words;

/// A command line, and what the message says.
const ROWS: &[(&str, &str)] = &[
    ("-machin none", "invalid option: -machin; did you mean -machine?"),
    ("-prekonfig", "invalid option: -prekonfig; did you mean -preconfig?"),
    ("-zzz", "invalid option: -zzz; -help lists the options"),
    ("-cpu=rv32", "invalid option: -cpu=rv32; the value is a word of its own: -cpu rv32"),
    ("-M", "option -M needs a value: -M|-machine TYPE[,PROP=VALUE...]"),
    ("-M none -device", "option -device needs a value: -device DRIVER"),
    ("-compat", "option -compat needs a value: -compat ITEM=POLICY[,...]"),
    ("-compat reject", "option -compat reject: 'reject' says no policy: expected ITEM=POLICY"),
    (
        "-compat unstable-input=hide",
        "option -compat unstable-input=hide: Parameter 'unstable-input' does not accept value 'hide'",
    ),
    ("-compat zz=accept", "option -compat zz=accept: Parameter 'zz' is unexpected"),
    ("-M nonesuch", "option -M nonesuch: Parameter 'type' does not accept value 'nonesuch'"),
    ("-M none,zz=1", "option -M none,zz=1: Parameter 'zz' is unexpected"),
    ("-kernel Image", "option -kernel needs a machine: add -M TYPE (-M help lists the types)"),
    ("-m 1G -S", "option -m needs a machine: add -M TYPE"),
    ("-M none -cpu nonesuch", "unable to find CPU model 'nonesuch'"),
    ("-M none -cpu rv64,zz=on", "CPU property 'zz' not found"),
    ("-M none -cpu rv64,pmp=maybe", "CPU property 'pmp' expects 'on' or 'off', not 'maybe'"),
    ("-M none -cpu rv64,zbz=on", "CPU property 'zbz' not found"),
    (
        "-M none -cpu rv64,m=on,zmmul=off",
        "CPU type 'rv64,m=on,zmmul=off': 'm' includes 'zmmul': set zmmul=on or m=off",
    ),
    ("-M none -cpu rv32,zabha=on,a=off", "'zabha' needs 'zaamo': set zaamo=on or zabha=off"),
    ("-M none -cpu rv64,v=on,d=off", "'v' needs 'd': set d=on or v=off"),
    ("-M none -cpu rv64i,sstc=on", "'sstc' needs supervisor mode: set s=on or sstc=off"),
    ("-M none -smp 10000", "from 1 to 512"),
    ("-M none -m lots", "option -m lots: 'lots' is no size: expected MiB, or a suffix"),
    ("-M none -smp 0", "option -smp 0: '0' is no number of harts"),
    (
        "-M none -device nonesuch",
        "option -device nonesuch: Parameter 'driver' does not accept value 'nonesuch'",
    ),
    (
        "-M none -device sysbus-memory,id=m",
        "option -device sysbus-memory,id=m: 'size' must be non-zero.",
    ),
    ("-M none -device size=1", "option -device size=1: names no driver"),
    ("-M none -device {\"driver\":", "not JSON: "),
    ("-M none -device {}", "names no driver: expected {\"driver\": \"DRIVER\", ...}"),
    (
        "-M none -device sysbus-memory,id=m,size=4K -device sysbus-memory,id=m,size=4K",
        "Duplicate device ID 'm'",
    ),
    (
        "-M none -device loader,file=/nonexistent",
        "option -device loader,file=/nonexistent: Cannot read '/nonexistent': No such file or directory\n",
    ),
    ("-M none -kernel /nonexistent", "Cannot read '/nonexistent': No such file or directory\n"),
    (
        "-M sifive_dt,dtb=/nonexistent",
        "/nonexistent: cannot read the device tree: No such file or directory\n",
    ),
    (
        "-M none -serial nonesuch",
        "option -serial nonesuch: 'nonesuch' is no back end: expected stdio, pty,",
    ),
    (
        "-M none -serial chardev:c",
        "option -serial chardev:c: there is no back end 'c': add -chardev KIND,id=c",
    ),
    ("-M none -monitor stdio -serial stdio", "stdio is in use by -monitor stdio"),
    ("-M none -daemonize -serial stdio", "option -daemonize: a daemon has no stdio"),
    ("-chardev null", "option -chardev null: has no id: add id=NAME"),
    ("-mon mode=control", "option -mon mode=control: names no back end: add chardev=ID"),
    ("-mon nobody", "option -mon nobody: Character back end 'nobody' not found"),
    (
        "-qmp unix:/nonexistent/q,server",
        "Failed to bind socket to /nonexistent/q: No such file or directory\n",
    ),
    ("-qmp tcp:127.0.0.1:99999,server", "Parameter 'port' expects uint16_t"),
    ("-accel kvm -M none", "option -accel kvm: invalid accelerator kvm: expected tcg"),
    (
        "-M none -d nonesuch",
        "option -d nonesuch: Parameter 'items[0]' does not accept value 'nonesuch'",
    ),
    (
        "-M none -d int -D /nonexistent/log",
        "Cannot write the log to '/nonexistent/log': No such file or directory\n",
    ),
    (
        "-M none -S -pidfile /nonexistent/pid",
        "Cannot write the pid to '/nonexistent/pid': No such file or directory\n",
    ),
    ("-display gtk -M none", "option -display gtk: there are no windows: expected -display none"),
    (
        "board.elf",
        "unexpected argument: board.elf; a board script is executed by run SCRIPT, other files by -kernel FILE",
    ),
    ("-nodefaults", "No machine specified, and nothing to specify one with: add -M MACHINE"),
];

#[test]
fn what_cannot_be_right_is_refused_with_the_way_out() -> Result<()> {
    for (line, text) in ROWS {
        let ended = program::run(&words(line))?;
        assert_eq!(ended.status.code(), Some(1), "{line}: {ended:?}");
        assert!(ended.err.starts_with("boardwright: "), "{line}: {ended:?}");
        assert!(ended.err.contains(text), "{line}: no {text:?} in {}", ended.err);
        assert_eq!((ended.err.lines().count(), &*ended.out), (1, ""), "{line}: {ended:?}");
    }
    Ok(())
}

/// A daemon that cannot start says so before the caller is let go.
#[test]
fn a_daemon_that_cannot_start_fails_in_the_foreground() -> Result<()> {
    let rows = [
        ("-M none -cpu nonesuch", "unable to find CPU model 'nonesuch'"),
        ("-M none -pidfile /nonexistent/pid", "Cannot write the pid to '/nonexistent/pid'"),
        ("-M none -qmp unix:/nonexistent/q,server", "Failed to bind socket"),
    ];
    for (line, text) in rows {
        let ended = program::run(&words(&format!("-daemonize -display none {line}")))?;
        assert_eq!(ended.status.code(), Some(1), "{line}: {ended:?}");
        assert!(ended.err.contains(text) && ended.out.is_empty(), "{line}: {ended:?}");
    }
    Ok(())
}
