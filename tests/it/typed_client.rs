//! A client generated from the emulator's schema, with the emulator and with QEMU, whose schema
//! is another: older in some things, larger in most.

use std::future::Future;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use boardwright_tests::PATIENCE;
use boardwright_tests::program::{Program, Scratch};
use qapi_runtime::client::{Client, ClientError};
use qapi_runtime::{AnyEvent, ErrorClass};
use serde_json::json;

/// What the build script made.
#[allow(
    unreachable_pub,
    unused_imports,
    dead_code,
    reason = "of all that was generated, tests use a part"
)]
mod api {
    include!(concat!(env!("OUT_DIR"), "/client.rs"));
}

use api::request::{
    Cont, DeviceAdd, NextMachinePhase, QomList, QueryCommands, QueryMachinePhase, QueryQmpSchema,
    QueryStatus, QueryVersion, Quit, Stop,
};
use api::{
    DeviceOptions, DeviceOptionsDriver, Event, MachineInitPhase, RunState, SysbusMemoryProperties,
};

/// Runs a session; one that hangs has failed.
fn session(steps: impl Future<Output = Result<()>>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async { tokio::time::timeout(PATIENCE, steps).await? })
}

/// Connects as soon as there is a socket.
async fn connect(path: &Path) -> Result<Client> {
    loop {
        match Client::unix(path).await {
            Err(ClientError::Connect(_)) => tokio::time::sleep(Duration::from_millis(5)).await,
            result => return Ok(result?),
        }
    }
}

#[test]
fn boardwright_builds_a_board() -> Result<()> {
    let socket = "unix:{dir}/qmp,server=on,wait=off";
    let mut program = Program::start(&["-M", "none", "-preconfig", "-qmp", socket])?;
    let path = program.scratch().path("qmp");
    session(async {
        let client = connect(&path).await?;
        let mut events = client.events::<Event>();
        client.execute(NextMachinePhase).await?;
        let heard = events.next().await.context("no event")??;
        let Event::MachinePhaseChange(change) = heard.event else {
            anyhow::bail!("{heard:?}");
        };
        ensure!(change.phase == MachineInitPhase::Initialized, "{change:?}");

        let memory = || SysbusMemoryProperties { size: Some(0x1000), ..Default::default() };
        let driver = DeviceOptionsDriver::SysbusMemory(memory());
        let options = DeviceOptions { id: Some("ram".into()), ..DeviceOptions::new(driver) };
        client.execute(DeviceAdd(options.clone())).await?;
        let refused = client.execute(DeviceAdd(options)).await.unwrap_err();
        ensure!(refused.refusal().is_some_and(|error| error.desc.contains("ram")), "{refused}");
        let listed = client.execute(QomList { path: "/machine/peripheral".into() }).await?;
        ensure!(listed.iter().any(|property| property.name == "ram"), "{listed:?}");

        // Out of band, and in band after it.
        let phase = client.execute_oob(QueryMachinePhase).await?;
        ensure!(phase.phase == MachineInitPhase::Initialized, "{phase:?}");
        let schema = client.schema().await?;
        let phases = client.execute(QueryQmpSchema).await?;
        ensure!(phases.iter().any(|entity| entity.name == "device_add"));
        let add = schema.command("device_add").context("no device_add")?;
        ensure!(add.argument("driver").is_some_and(|driver| driver.accepts("sysbus-memory")));
        ensure!(add.argument("size").is_some_and(|size| size.is_optional()));

        client.execute(Quit).await?;
        let last = events.next().await.context("no last event")??;
        ensure!(last.event.name() == "SHUTDOWN", "{last:?}");
        ensure!(events.next().await.is_none());
        let lost = client.execute(QueryStatus).await.unwrap_err();
        ensure!(matches!(lost, ClientError::Lost(_)), "{lost}");
        Ok(())
    })?;
    while program.is_running() {
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// QEMU while it runs; killed when dropped.
struct Qemu(Child, Scratch);

impl Qemu {
    fn start(arguments: &[&str]) -> Result<Self> {
        let scratch = Scratch::new()?;
        let socket = format!("unix:{},server=on,wait=off", scratch.path("qmp").display());
        let child = Command::new("qemu-system-riscv64")
            .args(["-M", "none", "-nodefaults", "-display", "none", "-qmp", &socket])
            .args(arguments)
            .stdin(Stdio::null())
            .spawn()
            .context("qemu-system-riscv64 is needed here: tests/setup/install.sh")?;
        Ok(Self(child, scratch))
    }
}

impl Drop for Qemu {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn qemu_is_understood_where_the_schemas_agree() -> Result<()> {
    let qemu = Qemu::start(&[])?;
    session(async {
        let client = connect(&qemu.1.path("qmp")).await?;
        let mut events = client.events::<Event>();
        let greeted = client.greeting().version().context("no version")?;
        let version = client.execute(QueryVersion).await?.qemu;
        let told = [version.major, version.minor, version.micro].map(u64::try_from);
        ensure!(told == [Ok(greeted.0), Ok(greeted.1), Ok(greeted.2)], "{version:?}");

        client.execute(Stop).await?;
        let status = client.execute(QueryStatus).await?;
        ensure!(status.status == RunState::Paused && !status.running, "{status:?}");
        client.execute(Cont).await?;
        for expected in ["STOP", "RESUME"] {
            let heard = events.next().await.context("no event")??;
            ensure!(heard.event.name() == expected, "{heard:?}");
        }

        // What QEMU does not have is refused by it; what it does not say is named.
        let refused = client.execute(QueryMachinePhase).await.unwrap_err();
        let class = refused.refusal().map(|error| error.class);
        ensure!(class == Some(ErrorClass::CommandNotFound), "{refused}");
        let unreadable = client.execute(QueryCommands).await.unwrap_err().to_string();
        let expected = "reply of query-commands: member 'return[0].permitted': missing";
        ensure!(unreadable == expected, "{unreadable}");
        let names = client.execute_raw("query-commands", qapi_runtime::Map::new()).await?;
        ensure!(names[0]["name"].is_string(), "{names}");

        // One can ask first.
        let schema = client.schema().await?;
        ensure!(schema.has_command("query-commands") && !schema.has_command("device-map"));
        ensure!(schema.has_event("STOP") && !schema.has_event("MACHINE_PHASE_CHANGE"));
        let commands = schema.command("query-commands").context("no query-commands")?;
        ensure!(commands.reply("name").is_some() && commands.reply("permitted").is_none());
        let backing = schema.command("blockdev-add").context("no blockdev-add")?;
        ensure!(backing.argument("backing.file.filename").is_some());
        let mode = schema.command("set-action").and_then(|set| set.argument("shutdown"));
        ensure!(mode.is_some_and(|mode| mode.accepts("pause") && !mode.accepts("dance")));

        client.execute(Quit).await?;
        Ok(())
    })
}

/// Names that the client's schema does not have arrive as they are.
#[test]
fn qemu_may_say_what_the_client_never_heard_of() -> Result<()> {
    let qemu = Qemu::start(&["-incoming", "defer"])?;
    session(async {
        let client = connect(&qemu.1.path("qmp")).await?;
        let status = client.execute(QueryStatus).await?;
        ensure!(status.status == RunState::Unknown("inmigrate".into()), "{status:?}");
        let mut events = client.events::<Event>();
        client.execute_raw("migrate-set-capabilities", capabilities("events")).await?;
        let uri = json!({ "uri": "exec:true" });
        let arguments = uri.as_object().cloned().unwrap_or_default();
        client.execute_raw("migrate-incoming", arguments).await?;
        let heard = events.next().await.context("no event")??;
        let Event::Unknown(event) = &heard.event else { anyhow::bail!("{heard:?}") };
        ensure!(event.name == "MIGRATION" && event.data["status"] == "setup", "{heard:?}");
        Ok(())
    })
}

fn capabilities(name: &str) -> qapi_runtime::Map {
    let wanted = json!({ "capabilities": [{ "capability": name, "state": true }] });
    wanted.as_object().cloned().unwrap_or_default()
}
