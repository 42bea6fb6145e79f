//! Row i, edits: changes as models send them, each with its right result known. Seeds are others than those of the test suite, so that
//! what was tuned there is tried here on cases nobody has looked at.

use syndarix::domain::edit::{EditRequest, Edits, apply_edit};

use crate::report::Report;
use crate::rng::Rng;
use crate::{corrupt, doubtful, make};

const TRIES: u64 = 240;

#[derive(Default)]
struct Score {
    right: usize,
    refused: usize,
    wrong: usize,
}

impl Score {
    fn all(&self) -> f64 {
        (self.right + self.refused + self.wrong) as f64
    }
}

pub fn row() -> Report {
    let mut report = Report::new("i", false);
    let (mut ours, mut exact) = (Score::default(), Score::default());
    let began = std::time::Instant::now();
    let mut spent = std::time::Duration::ZERO;
    for (name, kind) in corrupt::KINDS {
        let (mut here, mut plain) = (Score::default(), Score::default());
        for (path, text) in make::SOURCES {
            for seed in 0..TRIES {
                let Some(case) = corrupt::case(&mut Rng::new(&format!("bench/{name}/{path}/{seed}")), path, text, *kind) else { continue };
                let request = EditRequest { path: Some(case.path.clone()), edits: case.edits.clone() };
                let started = std::time::Instant::now();
                let edited = apply_edit(&case.file, &request);
                spent += started.elapsed();
                count(&mut here, edited.ok().map(|edited| edited.text), &case.truth);
                count(&mut plain, verbatim(&case.file, &case.edits), &case.truth);
            }
        }
        report.line(
            *name,
            format!("{:.2} %", 100.0 * here.right as f64 / here.all()),
            format!("verbatim {:.2} %, misapplied {}", 100.0 * plain.right as f64 / plain.all(), here.wrong),
        );
        add(&mut ours, here);
        add(&mut exact, plain);
    }
    let doubtful = doubtful_ones();
    let (share, control) = (100.0 * ours.right as f64 / ours.all(), 100.0 * exact.right as f64 / exact.all());
    let micros = spent.as_secs_f64() * 1e6 / ours.all();
    report.line(
        "all kinds",
        format!("{share:.3} %"),
        format!("{:.0} edits, {} refused, {} misapplied, {micros:.0} us each", ours.all(), ours.refused, ours.wrong),
    );
    report.line("control: verbatim search", format!("{control:.3} %"), format!("{} misapplied", exact.wrong));
    report.line(
        "doubtful edits",
        format!("{:.0}", doubtful.all()),
        format!("{} refused, {} right, {} misapplied", doubtful.refused, doubtful.right, doubtful.wrong),
    );
    report.line("whole run", format!("{:.1} s", began.elapsed().as_secs_f64()), "");
    report.ratio("applied_vs_verbatim", share / control);
    report.ratio("applied_share", share / 100.0);
    report.control("verbatim_share", control / 100.0);
    report.aim(format!("at least 99.5 % of {:.0} corrupted but correct edits are applied ({share:.3} %)", ours.all()), share >= 99.5);
    report.aim("none is misapplied, doubtful ones included", ours.wrong + doubtful.wrong == 0);
    report
}

/// The control: the old text must stand there once, letter for letter.
fn verbatim(file: &str, edits: &Edits) -> Option<String> {
    let Edits::Pairs(pairs) = edits else {
        let Edits::Text(text) = edits else { return None };
        let block = text.split_once("<<<<<<< SEARCH\n")?.1;
        let (old, rest) = block.split_once("=======\n")?;
        return replaced(file, old, rest.split_once(">>>>>>> REPLACE")?.0);
    };
    pairs.iter().try_fold(file.to_owned(), |file, pair| replaced(&file, &pair.old, &pair.new))
}

fn replaced(file: &str, old: &str, new: &str) -> Option<String> {
    (file.matches(old).count() == 1).then(|| file.replacen(old, new, 1))
}

fn doubtful_ones() -> Score {
    let mut score = Score::default();
    for (name, kind) in doubtful::KINDS {
        for (path, text) in make::SOURCES {
            for seed in 0..TRIES {
                let Some(case) = kind(&mut Rng::new(&format!("bench/doubtful/{name}/{path}/{seed}")), path, text) else { continue };
                let request = EditRequest { path: Some(case.path.clone()), edits: case.edits.clone() };
                match (apply_edit(&case.file, &request), &case.truth) {
                    (Err(_), _) => score.refused += 1,
                    (Ok(edited), Some(truth)) if edited.text == *truth => score.right += 1,
                    _ => score.wrong += 1,
                }
            }
        }
    }
    score
}

fn count(score: &mut Score, made: Option<String>, truth: &str) {
    match made {
        Some(text) if text == truth => score.right += 1,
        Some(_) => score.wrong += 1,
        None => score.refused += 1,
    }
}

fn add(sum: &mut Score, one: Score) {
    sum.right += one.right;
    sum.refused += one.refused;
    sum.wrong += one.wrong;
}
