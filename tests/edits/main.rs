//! Edits as models send them: real-looking files, a correct change, and what goes wrong on the way. The right result of every case is
//! known, so a wrong one cannot hide. What cannot be decided must be refused.

mod corrupt;
mod doubtful;
mod make;
mod rng;

use std::collections::BTreeMap;

use corrupt::{Case, KINDS};
use rng::Rng;
use syndarix::domain::edit::{EditRequest, apply_edit};

/// Tries per kind and file.
const TRIES: u64 = 60;

#[derive(Default, Clone, Copy)]
struct Score {
    right: usize,
    refused: usize,
    wrong: usize,
}

fn judge(case: &Case) -> (Score, Option<String>) {
    let request = EditRequest { path: Some(case.path.clone()), edits: case.edits.clone() };
    match apply_edit(&case.file, &request) {
        Ok(edited) if edited.text == case.truth => (Score { right: 1, ..Score::default() }, None),
        Ok(edited) => {
            let diff = similar::TextDiff::from_lines(&case.truth, &edited.text).unified_diff().context_radius(2).to_string();
            (
                Score { wrong: 1, ..Score::default() },
                Some(format!("wrong ({:?}): truth -> made\n{diff}\nsent:\n{:#?}", edited.how, case.edits)),
            )
        }
        Err(error) => (Score { refused: 1, ..Score::default() }, Some(format!("refused: {error}\nsent:\n{:#?}", case.edits))),
    }
}

#[test]
fn corrupted_but_correct_edits_are_applied() {
    let mut scores: BTreeMap<&str, Score> = BTreeMap::new();
    let mut complaints = Vec::new();
    for (name, kind) in KINDS {
        for (path, text) in make::SOURCES {
            for seed in 0..TRIES {
                let mut rng = Rng::new(&format!("{name}/{path}/{seed}"));
                let Some(case) = corrupt::case(&mut rng, path, text, *kind) else { continue };
                let (one, complaint) = judge(&case);
                let score = scores.entry(name).or_default();
                score.right += one.right;
                score.refused += one.refused;
                score.wrong += one.wrong;
                complaints.extend(complaint.map(|text| format!("[{name}] {path} seed {seed}: {text}")));
            }
        }
    }
    let sum = scores.values().fold(Score::default(), |a, b| Score {
        right: a.right + b.right,
        refused: a.refused + b.refused,
        wrong: a.wrong + b.wrong,
    });
    for (name, score) in &scores {
        println!("{name:<32} applied {:>5}  refused {:>3}  misapplied {:>3}", score.right, score.refused, score.wrong);
    }
    let total = sum.right + sum.refused + sum.wrong;
    #[allow(clippy::cast_precision_loss)]
    let share = 100.0 * sum.right as f64 / total as f64;
    println!("{} kinds, {total} edits: applied {share:.2} %, refused {}, misapplied {}", scores.len(), sum.refused, sum.wrong);
    complaints.sort_by_key(|text| !text.contains(": wrong"));
    for complaint in complaints.iter().take(4) {
        println!("{complaint}\n");
    }
    assert_eq!(scores.len(), KINDS.len(), "a kind made no case");
    assert!(total > 8_000, "only {total} cases were made");
    assert_eq!(sum.wrong, 0, "edits were misapplied");
    assert!(share >= 99.5, "only {share:.2} % were applied");
}

#[test]
fn what_cannot_be_decided_is_refused_or_right() {
    let mut refused = 0;
    let mut right = 0;
    for (name, kind) in doubtful::KINDS {
        let (mut refused_here, mut right_here) = (0, 0);
        for (path, text) in make::SOURCES {
            for seed in 0..TRIES {
                let mut rng = Rng::new(&format!("doubtful/{name}/{path}/{seed}"));
                let Some(case) = kind(&mut rng, path, text) else { continue };
                let request = EditRequest { path: Some(case.path.clone()), edits: case.edits.clone() };
                match apply_edit(&case.file, &request) {
                    Err(error) => {
                        assert!(error.message.len() > 40 && error.message.contains('.'), "[{name}] a poor sentence: {error}");
                        refused_here += 1;
                    }
                    Ok(edited) => {
                        let diff = similar::TextDiff::from_lines(&case.file, &edited.text).unified_diff().to_string();
                        let may = case.truth.as_ref() == Some(&edited.text);
                        assert!(may, "[{name}] {path} seed {seed}: misapplied ({:?})\n{diff}\nsent: {:#?}", edited.how, case.edits);
                        right_here += 1;
                    }
                }
            }
        }
        println!("{name:<32} refused {refused_here:>4}  right {right_here:>4}  misapplied 0");
        refused += refused_here;
        right += right_here;
    }
    println!("{} kinds: {} doubtful edits, {refused} refused, {right} right, 0 misapplied", doubtful::KINDS.len(), refused + right);
    assert!(refused > 1_000, "the doubtful set has lost its cases");
}
