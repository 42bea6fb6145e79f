//! Crash points: places where a test may end the process as if it had been killed. Without the feature `failpoints` they are nothing.

/// Passes the point of this name; a test may have arranged that the process ends here.
pub fn point(name: &str) {
    match name {
        "commit-before" => fail::fail_point!("commit-before", |_| std::process::abort()),
        "commit-after" => fail::fail_point!("commit-after", |_| std::process::abort()),
        "effect-before" => fail::fail_point!("effect-before", |_| std::process::abort()),
        "effect-after" => fail::fail_point!("effect-after", |_| std::process::abort()),
        "config-read" => fail::fail_point!("config-read", |_| std::process::abort()),
        "config-applied" => fail::fail_point!("config-applied", |_| std::process::abort()),
        _ => {}
    }
}
