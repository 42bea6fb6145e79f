//! Every way of tampering that the format promises to find.

use syndarix::domain::audit::chain::{Check, Remembered};
use syndarix::domain::audit::verify::Scope;
use syndarix::domain::audit::{ChainId, GENESIS, Report, link, segment, verify_files};

use crate::fixture::*;
use crate::python::{self, Verdict};

fn verdict(report: &Report) -> Verdict {
    Verdict {
        code: if report.is_empty() && report.misplaced.is_empty() { 2 } else { i32::from(!report.holds()) },
        chains: report.chains.iter().map(|c| (c.chain.to_string(), c.summary.entries, c.problem.is_none())).collect(),
        heads_and_roots: report.chains.iter().map(|c| (c.summary.head.clone(), c.summary.root.clone())).collect(),
    }
}

/// The one verdict of both verifiers.
fn both(what: &str, files: Files) -> Report {
    let python = python::ask(&files, &[]);
    let report = verify_files(files, Scope::default());
    if let Some(python) = python {
        assert_eq!(python, verdict(&report), "{what}: the verifiers disagree, {report:?}");
    }
    report
}

#[test]
fn untouched_records_hold() {
    let two = [chain_files(project(), 2_100), chain_files(ChainId::System, 1), vec![("README.md".into(), b"x".to_vec())]].concat();
    let report = both("untouched", two);
    assert!(report.holds(), "{report:?}");
    assert_eq!((report.entries(), report.other), (2_101, vec!["README.md".to_owned()]));
    assert!(both("nothing", vec![]).is_empty());
}

/// Every bit of three lines, one of each kind of actor, and one bit of every other byte of a record of 50.
#[test]
fn a_flipped_bit_is_found_wherever_it_is() {
    let lines = lines(project(), 50);
    let mut before = Check::new(Some(project()));
    for (seq, line) in lines.iter().enumerate() {
        let next = lines.get(seq + 1);
        for at in 0..line.len() {
            let bits = if (20..23).contains(&seq) { 0..8 } else { at % 8..at % 8 + 1 };
            for bit in bits {
                let mut changed = line.clone().into_bytes();
                changed[at] ^= 1 << bit;
                let mut check = before.clone();
                // The next line sees an edit that keeps its line well-formed. Nothing follows the last line: its edit shows in the head.
                let seen = take(&mut check, &changed).and_then(|()| next.map_or(Ok(()), |next| take(&mut check, next.as_bytes())));
                let head_differs = check.summary().head != syndarix::base::text::sha256_hex(line);
                assert!(seen.is_err() || (next.is_none() && head_differs), "bit {bit} of byte {at} in line {seq} went unseen");
            }
        }
        before.accept(line.as_bytes()).expect("the line itself is good");
    }
}

/// As a file would be read: a flipped bit may have made a line feed.
fn take(check: &mut Check, bytes: &[u8]) -> Result<(), String> {
    bytes.split(|byte| *byte == b'\n').try_for_each(|line| check.accept(line))
}

#[test]
fn both_verifiers_agree_on_flipped_bits() {
    let whole = as_file(&lines(project(), 3));
    for at in (0..whole.len()).step_by(97) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (at % 8);
        both(&format!("bit {} of byte {at}", at % 8), vec![(first_segment(), bytes)]);
    }
}

#[test]
fn edits_of_lines_are_found_at_their_place() {
    type Tamper = fn(&mut Vec<String>);
    let rows: [(&str, Tamper, u64); 22] = [
        ("first line deleted", |l| drop(l.remove(0)), 0),
        ("line deleted", |l| drop(l.remove(4)), 4),
        ("line inserted", |l| l.insert(4, l[9].clone()), 4),
        ("line repeated", |l| l.insert(4, l[4].clone()), 5),
        ("lines swapped", |l| l.swap(4, 5), 4),
        ("word changed", |l| l[4] = l[4].replace("test.happened", "test.happenee"), 5),
        ("amount changed", |l| l[4] = l[4].replace("\"1000\"", "\"100\""), 5),
        ("carriage return", |l| l[4].push('\r'), 4),
        ("byte order mark", |l| l[0].insert(0, '\u{feff}'), 0),
        ("trailing space", |l| l[4].push(' '), 4),
        ("space inside", |l| l[4] = l[4].replacen(':', ": ", 1), 4),
        ("empty line", |l| l.insert(4, String::new()), 4),
        ("repeated key", |l| l[4] = l[4].replacen('{', "{\"action\":\"test.happened\",", 1), 4),
        (
            "keys unsorted",
            |l| {
                l[4] = l[4].replacen("{\"action\":\"test.happened\",", "{", 1).replacen(
                    ",\"causation\"",
                    ",\"action\":\"test.happened\",\"causation\"",
                    1,
                )
            },
            4,
        ),
        ("newer version", |l| l[4] = l[4].replace("\"v\":1", "\"v\":2"), 4),
        ("version as text", |l| l[4] = l[4].replace("\"v\":1", "\"v\":\"1\""), 4),
        ("version true", |l| l[4] = l[4].replace("\"v\":1", "\"v\":true"), 4),
        ("fraction", |l| l[4] = l[4].replace("\"none\":null", "\"none\":1.0"), 4),
        ("needless escape", |l| l[4] = l[4].replace("grün", "gr\\u00fcn"), 4),
        ("lone surrogate", |l| l[4] = l[4].replace("grün", "gr\\ud800n"), 4),
        ("unknown field", |l| l[4] = l[4].replace(",\"v\":1", ",\"v\":1,\"w\":1"), 4),
        ("missing field", |l| l[4] = l[4].replacen("\"causation\":null,", "", 1), 4),
    ];
    for (what, tamper, seq) in rows {
        let mut lines = lines(project(), 10);
        let before = lines.clone();
        tamper(&mut lines);
        assert_ne!(lines, before, "{what} changes something");
        let report = both(what, vec![(first_segment(), as_file(&lines))]);
        assert_eq!(report.chains[0].problem.as_ref().map(|problem| problem.seq), Some(seq), "{what}: {report:?}");
    }
}

#[test]
fn odd_json_is_judged_alike() {
    let line = lines(project(), 1).remove(0);
    let values = [
        "9007199254740991",
        "9007199254740992",
        "-9007199254740991",
        "-9007199254740992",
        "99999999999999999999999",
        "-0",
        "01",
        "1e2",
        "1E400",
        "NaN",
        "Infinity",
        "true",
        "[]",
        "{}",
        "{\"ä\":1}",
        "{\"\":1}",
        "\"\\u0000\"",
        "\"\\u001F\"",
        "\"\\u001f\"",
        "\"\\/\"",
        "\"\u{7f}\u{2028}\"",
        "\"\t\"",
        "tru",
        "\"\\ud83d\\ude00\"",
        "\"😀\"",
        "'x'",
        "[1,]",
        "/**/1",
        "\"\\x41\"",
        "",
        "[null,false,-1]",
    ];
    let long = [1_024, 1_025].map(|length| format!("\"{}\"", "x".repeat(length)));
    let wide = format!("\"{}\"", "ü".repeat(513));
    let deep = [8, 9, 10, 200, 30_000].map(|depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth)));
    let long_keys = [64, 65].map(|length| format!("{{\"{}\":1}}", "k".repeat(length)));
    let all: Vec<&str> = values.into_iter().chain(long.iter().chain([&wide]).chain(&deep).chain(&long_keys).map(String::as_str)).collect();
    let mut good = 0;
    for value in all {
        let changed = line.replace("\"none\":null", &format!("\"none\":{value}"));
        assert_ne!(changed, line);
        let shown: String = value.chars().take(40).collect();
        good += u32::from(both(&shown, vec![(first_segment(), as_file(&[changed]))]).holds());
    }
    assert_eq!(good, 13, "integers in range, true, two empties, canonical escapes, emoji, a list, 1,024 bytes, depth 8, a key of 64");
}

/// Leaves 500 lines of a file and a few bytes of the next.
fn cut_in_the_middle(bytes: &mut Vec<u8>) {
    let mut feeds = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let (end, _) = feeds.nth(499).expect("a long file");
    bytes.truncate(end + 10);
}

#[test]
fn files_are_part_of_the_record() {
    let whole = chain_files(project(), 2_100);
    type Tamper = fn(&mut Files);
    let rows: [(&str, Tamper, u64); 9] = [
        ("first file gone", |f| drop(f.remove(0)), 0),
        ("middle file gone", |f| drop(f.remove(1)), 1_000),
        ("end of a middle file cut", |f| cut_in_the_middle(&mut f[1].1), 1_500),
        ("last byte cut", |f| assert_eq!(f[2].1.pop(), Some(b'\n')), 2_099),
        ("file renamed", |f| f[1].0 = segment::path(project(), 999), 1_000),
        ("empty file added", |f| f.push((segment::path(project(), 2_100), vec![])), 2_100),
        (
            "whole lines moved into the file before",
            |f| {
                let tail = f.remove(1).1;
                f[0].1.extend(tail)
            },
            0,
        ),
        (
            "files exchanged",
            |f| {
                let (a, b) = f.split_at_mut(1);
                std::mem::swap(&mut a[0].1, &mut b[0].1)
            },
            0,
        ),
        ("line feeds of Windows", |f| f[1].1 = String::from_utf8_lossy(&f[1].1).replace('\n', "\r\n").into_bytes(), 1_000),
    ];
    for (what, tamper, seq) in rows {
        let mut files = whole.clone();
        tamper(&mut files);
        let report = both(what, files);
        assert_eq!(report.chains[0].problem.as_ref().map(|problem| problem.seq), Some(seq), "{what}: {report:?}");
    }
    let strays = ["projects/system/notes.txt", "projects/shop/000000000000.jsonl", "projects/x", "projects/system/0.jsonl"];
    for stray in strays {
        let report = both(stray, [whole.clone(), vec![(stray.to_owned(), b"x\n".to_vec())]].concat());
        assert_eq!((report.holds(), report.misplaced), (false, vec![stray.to_owned()]));
    }
}

#[test]
fn a_chain_does_not_pass_for_another() {
    let files = vec![(segment::path(ChainId::System, 0), as_file(&lines(project(), 3)))];
    assert!(!both("another project's lines", files).holds());
}

#[test]
fn a_rewritten_or_cut_record_is_found_by_what_was_remembered() {
    let honest = lines(project(), 20);
    let remembered = |seq: usize| Remembered { seq: seq as u64, head: syndarix::base::text::sha256_hex(&honest[seq]) };
    let mut forged = honest[..9].to_vec();
    let mut changed = entry(project(), 9);
    changed.action = "never.happened".into();
    let first = link(9, &syndarix::base::text::sha256_hex(&honest[8]), &changed).expect("a good entry");
    let rest = lines_after(project(), &first.hash, 10, 20);
    forged.push(first.line);
    forged.extend(rest.into_iter().map(|link| link.line));

    let check = |lines: &[String], seq: usize| {
        let files = vec![(first_segment(), as_file(lines))];
        let Remembered { seq, head } = remembered(seq);
        let python = python::ask(&files, &[&project().to_string(), &format!("{head}:{seq}")]);
        let scope = Scope { only: Some(project()), remembered: Some(Remembered { seq, head }) };
        let report = verify_files(files, scope);
        if let Some(python) = python {
            assert_eq!(python, verdict(&report));
        }
        report.chains[0].problem.as_ref().map(|problem| problem.seq)
    };
    assert!(both("rewritten", vec![(first_segment(), as_file(&forged))]).holds(), "a chain alone cannot show it");
    assert_eq!(check(&honest, 19), None);
    assert_eq!(check(&forged, 8), None, "what was remembered lies before the change");
    assert_eq!(check(&forged, 9), Some(9));
    assert_eq!(check(&forged, 19), Some(19));
    assert_eq!(check(&honest[..15], 19), Some(15));
    assert_eq!(GENESIS.len(), 64);
}
