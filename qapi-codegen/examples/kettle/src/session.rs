//! A client: types for requests, replies and events, and what they cannot express does not build.

use std::error::Error;
use std::path::Path;

use qapi_runtime::client::{Client, Events};

use crate::client::request::{Heat, Pour, QueryKettle, SwitchOff};
use crate::client::{Amount, Event, KettlePhase, Vessel};

/// Makes hot water and says what happens.
pub(crate) async fn run(socket: &Path) -> Result<(), Box<dyn Error>> {
    let client = Client::unix(socket).await?;
    let mut events = client.events::<Event>();

    // The schema permits `heat` in one phase only.
    let refused = client.execute(Heat { celsius: 100 }).await.err().ok_or("it must not heat")?;
    println!("heat: {refused}");

    client.execute(Pour { amount: Amount::Vessel(Vessel::Cup) }).await?;
    reach(&mut events, KettlePhase::Filled).await?;
    if let Err(refused) = client.execute(Pour { amount: Amount::Ml(2000) }).await {
        println!("pour: {refused}");
    }

    // Out of band: `switch-off` overtakes the command that is at work.
    let (heated, stopped) = tokio::join!(client.execute(Heat { celsius: 100 }), async {
        reach(&mut events, KettlePhase::Heating).await?;
        Ok::<_, Box<dyn Error>>(client.execute_oob(SwitchOff).await?)
    });
    stopped?;
    if let Err(refused) = heated {
        println!("heat: {refused}");
    }
    reach(&mut events, KettlePhase::Filled).await?;

    client.execute(Heat { celsius: 30 }).await?;
    reach(&mut events, KettlePhase::Hot).await?;
    let info = client.execute(QueryKettle).await?;
    println!("query-kettle: {} ml at {} degrees", info.ml, info.celsius);
    Ok(())
}

/// Waits until the kettle says that it is in a phase.
async fn reach(events: &mut Events<Event>, phase: KettlePhase) -> Result<(), Box<dyn Error>> {
    while let Some(heard) = events.next().await {
        if let Event::PhaseChange(change) = heard?.event {
            println!("event: {}", change.phase);
            if change.phase == phase {
                return Ok(());
            }
        }
    }
    Err("the server has gone".into())
}
