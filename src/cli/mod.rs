//! The command line: one file per sub-command, each with its arguments and its run function.

pub mod audit;
pub mod backup;
pub mod bootstrap;
pub mod config;
pub mod deliveries;
#[cfg(feature = "demo")]
pub mod demo;
pub mod doctor;
mod files;
mod forges;
pub mod init;
pub mod jobs;
pub mod log;
mod models;
pub mod onboard;
pub mod ready;
pub mod report;
pub mod secret;
pub mod serve;
pub mod token;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::Env;

/// An AI software team that lives in your Git forge.
#[derive(Debug, Parser)]
#[command(
    name = "syndarix",
    version,
    after_help = "New here? `syndarix demo` plays one story in seconds; it needs no account and no key.\nExit codes: 0 it holds, 1 it does not, 2 it could not be checked or was typed wrong."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Play one story from an issue to its merge, with a small forge and a scripted model of its own.
    #[cfg(feature = "demo")]
    Demo(demo::DemoArgs),
    /// Serve the forges and projects of the configuration.
    Serve(serve::ServeArgs),
    /// Write settings, a team and a hook secret to begin with. Nothing that is there is overwritten.
    Init(init::InitArgs),
    /// Make in a repository what the bot needs there: labels, web hook, a place for the record, an introduction. Safe to repeat.
    Onboard(onboard::OnboardArgs),
    /// Look at everything that has to be right, and say what to do where it is not.
    Doctor(doctor::DoctorArgs),
    /// Check and show the configuration; print its schemas for editors.
    Config(config::ConfigArgs),
    /// Check the record of what was done, decided, spent and allowed.
    Audit(audit::AuditArgs),
    /// Look at what the forges sent, and have it read again.
    Deliveries(deliveries::DeliveriesArgs),
    /// Copy the embedded database into one file, also while it is served.
    Backup(backup::BackupArgs),
    /// Put a copy of the embedded database in its place.
    Restore(backup::RestoreArgs),
    /// Look at what is under way and what waits and why; have it tried again.
    Jobs(jobs::JobsArgs),
    /// Issue, list and revoke tokens by which programs may ask and act.
    Token(token::TokenArgs),
    /// Print a script that completes commands in a shell.
    Completions(CompletionsArgs),
    /// Make on a forge of your own all that it takes to begin: accounts, repositories, settings, onboarding. Safe to repeat.
    Bootstrap(bootstrap::BootstrapArgs),
    /// Make files that hold a random secret each.
    Secret(secret::SecretArgs),
    /// Ask the serving process whether it is ready, as a health check does.
    Ready(ready::ReadyArgs),
}

/// Arguments of `syndarix completions`.
#[derive(Debug, Args)]
struct CompletionsArgs {
    /// The shell. Put the script where it looks, such as `syndarix completions bash > /etc/bash_completion.d/syndarix`.
    #[arg(value_name = "SHELL")]
    shell: clap_complete::Shell,
}

fn completions(args: &CompletionsArgs) -> anyhow::Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "syndarix", &mut script);
    print(&script)?;
    Ok(0)
}

/// Parses the arguments and runs the sub-command. Exit codes: 0 holds, 1 does not hold, 2 could not be checked or bad usage.
pub fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    let cli = Cli::parse();
    match cli.command {
        #[cfg(feature = "demo")]
        Command::Demo(args) => run_async(demo::run(args)),
        Command::Serve(args) => run_async(serve::run(args)),
        Command::Deliveries(args) => run_async(deliveries::start(args)),
        Command::Backup(args) => run_async(backup::backup(args)),
        Command::Restore(args) => run_async(backup::restore(args)),
        Command::Init(args) => finish(init::run(&args)),
        Command::Onboard(args) => run_async(onboard::run(args)),
        Command::Doctor(args) => run_async(doctor::run(args)),
        Command::Jobs(args) => run_async(jobs::start(args)),
        Command::Token(args) => run_async(token::start(args)),
        Command::Completions(args) => finish(completions(&args)),
        Command::Bootstrap(args) => run_async(bootstrap::run(args)),
        Command::Secret(args) => finish(secret::run(&args)),
        Command::Ready(args) => run_async(ready::run(args)),
        Command::Config(args) => finish(config::start(&args)),
        Command::Audit(args) => {
            let read = |path: &std::path::Path, rev: Option<&str>| crate::git::read_repo_at(path, rev).map_err(|error| error.to_string());
            match audit::run(&args, read, &mut io::stdout().lock()) {
                Ok(code) => ExitCode::from(code),
                // Whoever reads the answer has gone away.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
                Err(error) => {
                    eprintln!("the answer could not be written: {error}");
                    ExitCode::from(audit::UNKNOWN)
                }
            }
        }
    }
}

fn run_async(run: impl Future<Output = anyhow::Result<u8>>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("the run time could not be started: {error}");
            return ExitCode::from(2);
        }
    };
    let result = runtime.block_on(run);
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    finish(result)
}

fn finish(result: anyhow::Result<u8>) -> ExitCode {
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::from(2)
        }
    }
}

/// Writes an answer to standard output. Whoever reads it may have gone away.
fn print(answer: &[u8]) -> io::Result<()> {
    match io::stdout().lock().write_all(answer) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// The environment, for sub-commands.
fn environment() -> Env {
    Env::process()
}
