//! Whole-system measurements, one row each. A figure is worth something only beside its control, taken in the same run; so each row
//! prints both, interleaved, with the state of the machine. See `bench/README.md`.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on ends")]
#![expect(clippy::disallowed_methods, reason = "here the wall clock is what is measured, and nothing is configured but by the caller")]
#![expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "figures for people")]

#[path = "../../tests/edits/corrupt.rs"]
mod corrupt;
mod data;
#[path = "../../tests/edits/doubtful.rs"]
mod doubtful;
mod edits;
mod ingest;
mod jobs;
mod load;
mod machine;
#[path = "../../tests/edits/make.rs"]
mod make;
mod report;
#[path = "../../tests/edits/rng.rs"]
mod rng;
mod steps;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let peer = args.iter().position(|arg| arg == "--peer").and_then(|at| args.get(at + 1)).map(String::as_str);
    let words: Vec<&str> = args.iter().map(String::as_str).filter(|arg| !arg.starts_with("--") && Some(*arg) != peer).collect();
    let (json, short) = (has("--json"), has("--short"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let report = match words.as_slice() {
        ["ingest"] => runtime.block_on(ingest::row(short)),
        ["steps"] => runtime.block_on(steps::row(short)),
        ["jobs"] => runtime.block_on(jobs::row(short, peer, None)),
        ["jobs", part] => runtime.block_on(jobs::row(short, peer, Some(part))),
        ["edits"] => edits::row(),
        // Processes that the rows start for themselves, so that they can be killed.
        ["serve-ingest", url, how] => return runtime.block_on(ingest::serve(url, how)),
        ["work-steps", url, world] => return runtime.block_on(steps::child(url, world)),
        ["hold-jobs", url] => return runtime.block_on(jobs::hold(url)),
        _ => {
            eprintln!("usage: bench/{{ingest,edits,steps,jobs}} [--json] [--short] [--peer DIR]");
            std::process::exit(2);
        }
    };
    let ok = report.ok();
    report.print(json);
    std::process::exit(i32::from(!ok));
}
