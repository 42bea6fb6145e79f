//! What a row prints: a table with its control, the aims, and one line for machines.

use serde_json::{Map, Value, json};

use crate::machine::Machine;

/// One row's figures.
pub struct Report {
    row: &'static str,
    machine: Machine,
    lines: Vec<[String; 3]>,
    ratios: Map<String, Value>,
    control: Map<String, Value>,
    aims: Vec<(String, bool)>,
    refused: Option<String>,
}

impl Report {
    /// A short run finds out whether all of it works, and reports nothing.
    pub fn new(row: &'static str, short: bool) -> Report {
        let refused = short.then(|| "this was a short run or a part; leave that out for figures".to_owned());
        Report { row, machine: Machine::look(), lines: vec![], ratios: Map::new(), control: Map::new(), aims: vec![], refused }
    }

    /// A line of the table: what, the figure, a remark.
    pub fn line(&mut self, what: impl Into<String>, figure: impl Into<String>, remark: impl Into<String>) {
        let line = [what.into(), figure.into(), remark.into()];
        if self.refused.is_some() {
            // Whoever looks at how it works wants to see it at once.
            eprintln!("  {}", line.join("  "));
        }
        self.lines.push(line);
    }

    pub fn ratio(&mut self, name: &str, value: f64) {
        self.ratios.insert(name.to_owned(), json!(round(value)));
    }

    pub fn control(&mut self, name: &str, value: f64) {
        self.control.insert(name.to_owned(), json!(round(value)));
    }

    /// An aim that needs no foreign program beside it.
    pub fn aim(&mut self, words: impl Into<String>, met: bool) {
        self.aims.push((words.into(), met));
    }

    /// The control of a run must stand still: where it moved more than twofold, the figures say more about the machine than about us.
    pub fn steady(&mut self, what: &str, figures: &[f64]) {
        let most = figures.iter().copied().fold(f64::MIN, f64::max);
        let least = figures.iter().copied().fold(f64::MAX, f64::min);
        self.control(&format!("{what}_moved"), most / least);
        if most > 2.0 * least && self.refused.is_none() {
            self.refused = Some(format!(
                "the control `{what}` moved between {least:.2} and {most:.2} within this run; run it again when the machine is quiet"
            ));
        }
    }

    pub fn ok(&self) -> bool {
        self.refused.is_none() && self.aims.iter().all(|(_, met)| *met)
    }

    pub fn print(mut self, json: bool) {
        let after = Machine::look();
        println!("row {}: machine before: {}; after: {}", self.row, self.machine, after);
        let wide = |at: usize| self.lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
        let (first, second) = (wide(0), wide(1));
        for [what, figure, remark] in &self.lines {
            println!("  {what:<first$}  {figure:>second$}  {remark}");
        }
        for (words, met) in &self.aims {
            println!("  {} {words}", if *met { "met:    " } else { "NOT MET:" });
        }
        if let Some(why) = &self.refused {
            println!("  NOT REPORTED: {why}");
        }
        if json {
            self.control.insert("fsync_ms".into(), json!(round(self.machine.fsync_ms)));
            self.control.insert("load_average".into(), json!(self.machine.load));
            let (ratios, ok) = (if self.refused.is_some() { Map::new() } else { self.ratios.clone() }, self.ok());
            println!("{}", json!({"row": self.row, "ratios": ratios, "control": self.control, "ok": ok}));
        }
    }
}

fn round(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

pub fn median(figures: &mut [f64]) -> f64 {
    percentile(figures, 50.0)
}

pub fn percentile(figures: &mut [f64], percent: f64) -> f64 {
    figures.sort_by(f64::total_cmp);
    let at = ((figures.len() as f64 * percent / 100.0).ceil() as usize).clamp(1, figures.len().max(1)) - 1;
    figures.get(at).copied().unwrap_or(f64::NAN)
}
