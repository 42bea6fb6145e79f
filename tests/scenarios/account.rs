//! The account that the program acts by: a user with a token, or a GitHub App with a key, which `SYNDARIX_TEST_FORGE=github-app` asks for.

use std::path::Path;

use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::KeyPair as _;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use syndarix::config::Env;
use syndarix::sandbox::{AppWish, Permission, Sandbox, Skin};

/// Made for tests; no App of anybody has it.
const KEY: &str = include_str!("../wire/app-key.pem");
const NAME: &str = "syndarix";

/// What the forge speaks to the program, and whether that signs in as an App: Gitea, or what `SYNDARIX_TEST_FORGE` names. People always use
/// the same pages.
fn chosen() -> (Skin, bool) {
    match Env::process().get("SYNDARIX_TEST_FORGE") {
        None => (Skin::Gitea, false),
        Some("github-app") => (Skin::GitHub, true),
        Some(name) => {
            let skin = Skin::named(name);
            (skin.unwrap_or_else(|| panic!("SYNDARIX_TEST_FORGE={name} is none of gitea, github, github-app, gitlab")), false)
        }
    }
}

pub fn skin() -> Skin {
    chosen().0
}

pub fn is_app() -> bool {
    chosen().1
}

/// The login that the program's comments stand under.
pub fn login() -> &'static str {
    if is_app() { "syndarix[bot]" } else { NAME }
}

/// Makes the account, with all rights in these repositories.
pub fn ensure(sandbox: &Sandbox, repos: &[String]) {
    if is_app() {
        let wish =
            AppWish { slug: NAME.into(), public_key: public_key(), repos: repos.to_vec(), admin: true, dates_by_machine: true, hook: None };
        sandbox.ensure_github_app(&wish).unwrap();
        return;
    }
    sandbox.ensure_user(NAME, true, false).unwrap();
    for repo in repos {
        sandbox.set_permission(repo, NAME, Permission::Admin).unwrap();
    }
}

/// What the settings say of it. The key of an App lies in a file of `dir`.
pub fn settings(sandbox: &Sandbox, dir: &Path) -> String {
    if !is_app() {
        return format!("token = {:?}", sandbox.ensure_user(NAME, true, false).unwrap());
    }
    let file = dir.join("app.pem");
    std::fs::write(&file, KEY).unwrap();
    let id = sandbox.github_app(NAME).expect("the App was made");
    format!("app_id = {id}\nprivate_key_file = {file:?}")
}

/// What nobody may ever read anywhere: the token, or a line of the key.
pub fn secret(sandbox: &Sandbox) -> String {
    if is_app() { KEY.lines().nth(5).unwrap().to_owned() } else { sandbox.ensure_user(NAME, true, false).unwrap() }
}

fn public_key() -> String {
    let inner: String = KEY.lines().filter(|line| !line.starts_with("-----")).collect();
    let pair = KeyPair::from_der(&STANDARD.decode(inner).unwrap()).unwrap();
    let inner = STANDARD.encode(pair.public_key().as_ref());
    format!("-----BEGIN RSA PUBLIC KEY-----\n{inner}\n-----END RSA PUBLIC KEY-----\n")
}
