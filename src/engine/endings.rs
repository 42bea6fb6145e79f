//! Asks the forges every day when the bot's tokens end, so that nobody learns it from the silence after.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::forge::ForgeError;

use super::Engine;

const EVERY: Duration = Duration::from_secs(24 * 3_600);
/// When a forge did not answer.
const SOONER: Duration = Duration::from_secs(3_600);

/// Asks each forge once, and warns in the log of tokens that end soon or have ended. `false`: not all of them answered.
pub async fn look(engine: &Engine) -> bool {
    let mut all = true;
    for connection in &engine.connections {
        match connection.forge.token_end().await {
            Ok(end) => engine.endings.set(&connection.id, end),
            Err(ForgeError::Unauthorized(text)) => {
                tracing::warn!(
                    forge = connection.id,
                    "the forge does not accept the bot's token: {text}. `syndarix doctor` says what to do"
                );
            }
            Err(error) => {
                tracing::debug!(forge = connection.id, "when the bot's token ends could not be asked: {error}");
                all = false;
            }
        }
    }
    for warning in engine.endings.warnings(engine.clock.now()) {
        tracing::warn!("{warning}");
    }
    all
}

/// Looks every day until `stop`, and once at the beginning.
pub async fn run(engine: Arc<Engine>, stop: CancellationToken) {
    loop {
        let pause = if look(&engine).await { EVERY } else { SOONER };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
    }
}
