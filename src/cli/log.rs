//! The log: on standard error, for people or as JSON, with every secret masked before it leaves the process.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::Directive;
use tracing_subscriber::fmt::MakeWriter;

use crate::base::secret::Redactor;
use crate::config::LogFormat;

/// Sends the log to standard error, so that standard output stays for answers.
pub fn start(wanted: &str, format: LogFormat, redactor: Redactor) {
    let filter = EnvFilter::try_new(wanted).unwrap_or_else(|_| EnvFilter::new("info"));
    // What carries requests to GitHub calls each failed one an error without saying which; the driver says what came of it.
    let filter = match "octocrab=off".parse::<Directive>() {
        Ok(quiet) if !wanted.contains("octocrab") => filter.add_directive(quiet),
        _ => filter,
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(Masked { redactor });
    // A second start in one process, as in tests, changes nothing.
    let _ = match format {
        LogFormat::Text => log.with_target(false).with_ansi(io::stderr().is_terminal()).try_init(),
        LogFormat::Json => log.json().flatten_event(true).with_ansi(false).try_init(),
    };
}

/// Standard error behind a mask.
struct Masked {
    redactor: Redactor,
}

impl<'a> MakeWriter<'a> for Masked {
    type Writer = Line<'a>;

    fn make_writer(&'a self) -> Line<'a> {
        Line { redactor: &self.redactor }
    }
}

/// One line of the log: the formatter hands it over whole.
struct Line<'a> {
    redactor: &'a Redactor,
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stderr().lock().write_all(self.redactor.mask_line(&String::from_utf8_lossy(bytes)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}
