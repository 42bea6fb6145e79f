//! Everything the program logs while these tests run.

use std::io::{Error, Write};
use std::sync::{Arc, Mutex, OnceLock};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}

static LOG: OnceLock<Log> = OnceLock::new();

/// From here on what is logged is kept.
pub fn is_kept() {
    LOG.get_or_init(|| {
        let log = Log::default();
        let writer = log.clone();
        let filter = tracing_subscriber::EnvFilter::new("info,syndarix=debug");
        let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(move || writer.clone()).finish();
        tracing::subscriber::set_global_default(subscriber).unwrap();
        log
    });
}

/// What was logged so far, by all tests together.
pub fn so_far() -> String {
    let log = LOG.get().expect("nobody keeps the log");
    String::from_utf8_lossy(&log.0.lock().unwrap()).into_owned()
}
