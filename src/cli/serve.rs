//! `syndarix serve`: takes web hooks and does the work.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::app::{App, Options};
use crate::config::Config;
use crate::llm::Script;

/// Arguments of `syndarix serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// The settings file; by default the one that SYNDARIX_CONFIG names, or `syndarix-settings.toml` here.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Answer all model calls with this model, `provider/name`.
    #[arg(long, value_name = "MODEL")]
    model: Option<String>,
    /// Let no story cost more than this many US dollars.
    #[arg(long, value_name = "USD")]
    max_usd: Option<f64>,
    /// Answer all model calls from this script: no model is asked.
    #[arg(long, value_name = "FILE", conflicts_with = "model")]
    script: Option<PathBuf>,
    /// Stop when standard input ends: the process that started this one is gone.
    #[arg(long, hide = true)]
    with_parent: bool,
}

/// Serves until a signal says stop.
pub async fn run(args: ServeArgs) -> Result<u8> {
    let config = Config::load(&super::environment(), args.config.as_deref())?;
    super::log::start(&config.settings.log, config.settings.log_format, config.redactor());
    let script = match &args.script {
        Some(path) => {
            let text = std::fs::read_to_string(path).with_context(|| format!("the script {} cannot be read", path.display()))?;
            Some(Script::parse(&text).map_err(anyhow::Error::msg)?)
        }
        None => None,
    };
    let listen = config.settings.listen;
    let listener = TcpListener::bind(listen).await.with_context(|| format!("cannot listen on {listen}"))?;
    let address = listener.local_addr()?;
    // A demo that was killed leaves a bot that ends by itself, after what it has under way; the next demo's bot waits for that.
    let lock_patience = Duration::from_secs(if args.with_parent { 40 } else { 0 });
    let unscripted = (script.is_none() && args.model.is_none()).then(|| config.clone());
    let options = Options { script, model: args.model, max_usd: args.max_usd, lock_patience, ..Options::default() };
    let app = App::open(config, options).await?;
    let (stop, at_once) = (CancellationToken::new(), CancellationToken::new());
    // Taken before anybody is told that it is ready: a signal that comes earlier than its handler would kill.
    let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stopper = tokio::task::JoinSet::from_iter([wait_for_end(signals, args.with_parent, stop.clone(), at_once.clone())]);
    let look = tokio::task::JoinSet::from_iter(unscripted.map(super::models::warn_when_silent));
    // The line by which whoever started this learns that it is ready, and where.
    println!("listening on http://{address}");
    let served = app.serve_until(listener, stop, at_once.clone()).await;
    drop((stopper, look));
    served.map(|()| u8::from(at_once.is_cancelled()))
}

/// The first signal asks to stop in order, the second to stop at once.
async fn wait_for_end((mut term, mut int): (Signal, Signal), with_parent: bool, stop: CancellationToken, at_once: CancellationToken) {
    let asked = async {
        tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
    };
    let orphaned = async {
        if !with_parent {
            std::future::pending::<()>().await;
        }
        let mut buffer = [0_u8; 64];
        let mut stdin = tokio::io::stdin();
        while matches!(stdin.read(&mut buffer).await, Ok(read) if read > 0) {}
    };
    tokio::select! { () = asked => {}, () = orphaned => {} }
    tracing::info!("asked to stop: what is under way is ended or handed over; another signal stops at once");
    stop.cancel();
    tokio::select! { _ = term.recv() => {}, _ = int.recv() => {} }
    tracing::warn!("asked again to stop: what is under way is cut off and handed over");
    at_once.cancel();
}
