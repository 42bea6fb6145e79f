//! What is shipped beside the program.

use std::process::Command;

use crate::program::root;

#[test]
fn the_unit_of_systemd_is_hardened_and_stops_in_time() {
    let path = root().join("packaging/systemd/syndarix.service");
    let text = std::fs::read_to_string(&path).unwrap();
    for line in [
        "ExecStart=/usr/local/bin/syndarix serve --config /etc/syndarix/syndarix-settings.toml",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "CapabilityBoundingSet=",
        "KillSignal=SIGTERM",
    ] {
        assert!(text.lines().any(|own| own == line), "{line}");
    }
    let seconds = text.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).and_then(|text| text.parse::<u64>().ok());
    assert!(seconds.is_some_and(|seconds| seconds > 30), "the program drains for at most 30 seconds");
    // The program itself is looked for where it would be installed; on this machine it lies elsewhere.
    let dir = tempfile::tempdir().unwrap();
    let unit = dir.path().join("syndarix.service");
    std::fs::write(&unit, text.replace("/usr/local/bin/syndarix", env!("CARGO_BIN_EXE_syndarix"))).unwrap();
    match Command::new("systemd-analyze").arg("verify").arg(&unit).output() {
        Err(_) => println!("skipped: there is no systemd-analyze here to verify the unit with"),
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
    }
}
