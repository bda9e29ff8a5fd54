//! A program that runs, asked for its board over QMP.

use std::time::Duration;

use qapi_runtime::client::Client;
use qapi_runtime::{Map, Value};

/// How long the program may take to greet and to answer. A monitor serves one client at a time and
/// does not greet the next one before.
const PATIENCE: Duration = Duration::from_secs(10);

/// What `board-dump` returns in the program behind a socket.
///
/// # Errors
/// There is none, or it does not answer, or it has no board.
pub(super) fn dump(socket: &str) -> Result<Value, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let asked = async {
        let client = Client::unix(socket).await?;
        client.execute_raw("board-dump", Map::new()).await
    };
    match runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await }) {
        Ok(answer) => answer.map_err(|error| explain(&error)),
        Err(_) => Err(format!(
            "no answer within {} seconds: is another client connected?",
            PATIENCE.as_secs()
        )),
    }
}

fn explain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
