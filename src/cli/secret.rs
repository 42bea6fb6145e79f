//! `syndarix secret FILE…`: files that hold a random secret each, for what shall start without anybody typing a password.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use super::files::put;
use crate::app::fresh_secret;
use crate::base::secret::ExposeSecret;

/// Arguments of `syndarix secret`.
#[derive(Debug, Args)]
pub struct SecretArgs {
    /// Where to write; one secret for each file.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Readable by every user, for a directory that only those can reach who may know it, such as a volume between two containers.
    #[arg(long)]
    shared: bool,
}

/// Writes what is missing.
pub fn run(args: &SecretArgs) -> Result<u8> {
    let mode = if args.shared { 0o444 } else { 0o600 };
    for file in &args.files {
        let made =
            put(file, fresh_secret().expose_secret().as_bytes(), mode).with_context(|| format!("{} cannot be written", file.display()))?;
        let said = if made { format!("made    {}\n", file.display()) } else { format!("kept    {} (it was there)\n", file.display()) };
        super::print(said.as_bytes())?;
    }
    Ok(0)
}
