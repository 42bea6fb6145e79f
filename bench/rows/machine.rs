//! How the machine is at the moment: what a flush to the disk costs, and how busy it is.

use std::fmt;
use std::io::Write;
use std::time::Instant;

use crate::report::median;

pub struct Machine {
    pub fsync_ms: f64,
    pub load: f64,
}

impl Machine {
    /// Twenty small appends to a file where databases are put, each flushed.
    pub fn look() -> Machine {
        let mut file = tempfile::NamedTempFile::new_in(crate::data::home()).unwrap();
        let mut figures = Vec::new();
        for _ in 0..20 {
            let began = Instant::now();
            file.write_all(&[7; 512]).unwrap();
            file.as_file().sync_data().unwrap();
            figures.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Machine { fsync_ms: median(&mut figures), load: load.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0.0) }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "flush {:.2} ms, load {:.2}", self.fsync_ms, self.load)
    }
}
