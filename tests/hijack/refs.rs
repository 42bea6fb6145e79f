//! The table of names of branches and of addresses. A model names neither: the name of a story's branch is made of the title, which
//! anybody can write, and addresses stand in the configuration. What Git itself is handed at each place is tried in `tests/git/names.rs`.

use std::collections::BTreeSet;

use syndarix::config::{Env, Settings};
use syndarix::domain::workflow::say::branch_name;
use syndarix::git::BranchName;

/// Name; whether it may be a branch at all; what the branch of issue 7 is called when its title says this.
const NAMES: &[(&str, bool, &str)] = &[
    ("-b", false, "syndarix/7-b"),
    ("--exec=x", false, "syndarix/7-exec-x"),
    ("refs/heads/../x", false, "syndarix/7-refs-heads-x"),
    ("HEAD", false, "syndarix/7-head"),
    ("@{-1}", false, "syndarix/7-1"),
    ("a..b", false, "syndarix/7-a-b"),
    ("a^{}", false, "syndarix/7-a"),
    ("a lock.lock", false, "syndarix/7-a-lock-lock"),
    ("feature/$(id)", false, "syndarix/7-feature-id"),
    ("x;id", false, "syndarix/7-x-id"),
    ("<300>", false, ""),
    ("🚀", true, "syndarix/7"),
    ("MAIN", true, "syndarix/7-main"),
    ("syndarix/../main", false, "syndarix/7-syndarix-main"),
    ("main", true, "syndarix/7-main"),
];

#[test]
fn g2_what_becomes_of_a_name() {
    for (name, taken, branch) in NAMES {
        let name = if *name == "<300>" { "n".repeat(300) } else { (*name).to_owned() };
        let parsed = BranchName::parse(&name);
        assert_eq!(parsed.is_ok(), *taken, "{name:?}");
        // Whatever name is legal, only those below `syndarix/` are moved by the program.
        assert!(parsed.is_err() || !parsed.is_ok_and(|name| name.is_ours()), "{name:?}");
        let made = branch_name(7, &name, &BTreeSet::new());
        assert!(made.starts_with("syndarix/7") && made.len() < 80, "{made}");
        assert!(BranchName::parse(&made).is_ok_and(|name| name.is_ours()), "{made}");
        if !branch.is_empty() {
            assert_eq!(made, *branch, "{name:?}");
        }
    }
}

/// Address of a forge in the settings; whether it is taken.
const ADDRESSES: &[(&str, bool)] = &[
    ("ext::sh -c id", false),
    ("file:///srv/x", false),
    ("git://host/x", false),
    ("ssh://-oProxyCommand=x/", false),
    ("https://u:tok@host", false),
    ("https:///host", true), // Read by every browser and by this program as `https://host`.
    ("https://host", true),
    ("http://127.0.0.1:3000", true),
];

#[test]
fn g2_what_becomes_of_an_address() {
    for (url, taken) in ADDRESSES {
        let text = format!("[[forges]]\nid = \"home\"\nkind = \"gitea\"\nurl = {url:?}\ntoken = \"t\"\nhook_secret = \"s\"\n");
        let read = Settings::read(&Env::default(), "settings.toml", &text);
        assert_eq!(read.is_ok(), *taken, "{url}: {:?}", read.err().map(|error| error.to_string()));
    }
}
