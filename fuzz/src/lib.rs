//! What is fed to the parsers that read other people's bytes, and what must hold for every input. The fuzz targets call these, and so
//! do the seeded mutations of `tests/fuzz`. Each panics when a promise is broken.

use std::sync::LazyLock;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use syndarix::base::secret::SecretString;
use syndarix::domain::command::{self, MAX_COMMANDS, ParseContext};
use syndarix::domain::edit::{EditRequest, Edits, Pair, apply_edit};
use syndarix::domain::forge::{ForgeEvent, ForgeKind, Parsed, User};
use syndarix::domain::workflow::interpret::{Ears, interpret};
use syndarix::forge::Timeouts;
use syndarix::forge::gitea::{GiteaConfig, GiteaForge};
use syndarix::forge::{Forge, Headers};

/// Longest sentence about an unreadable delivery, in bytes: it is stored and shown.
pub const MOST_SAID: usize = 1_000;

const KEY: &str = "a key for fuzzing";

static FORGE: LazyLock<GiteaForge> = LazyLock::new(|| {
    let token = SecretString::from("unused-token".to_owned());
    let config = GiteaConfig { base_url: "https://git.example".to_owned(), token, timeouts: Timeouts::default(), kind: ForgeKind::Gitea };
    GiteaForge::new(config).expect("a good configuration")
});

/// The text up to the first line end, and the rest.
fn head_and_rest(data: &[u8]) -> (String, &[u8]) {
    let end = data.iter().position(|&byte| byte == b'\n').unwrap_or(data.len());
    (String::from_utf8_lossy(&data[..end]).into_owned(), data.get(end + 1..).unwrap_or_default())
}

fn signed(body: &[u8]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("any key will do").chain_update(body);
    hex::encode(mac.finalize().into_bytes())
}

/// Input: a header `name: value`, a line end, the body. Only the HMAC of these very bytes passes, under whatever name it stands.
pub fn signature(data: &[u8]) {
    let (header, body) = head_and_rest(data);
    let (name, value) = header.split_once(": ").unwrap_or(("x-gitea-signature", &header));
    let key = SecretString::from(KEY.to_owned());
    let verify = |name: &str, value: &str, body: &[u8]| {
        let headers = Headers::from([(name.to_ascii_lowercase(), value.to_owned())]);
        FORGE.delivery_head(&headers);
        FORGE.verify(&key, &headers, body)
    };
    let right = signed(body);
    if verify(name, value, body) {
        assert!(value.to_ascii_lowercase().contains(&right), "a wrong signature passed: {value}");
    }
    assert!(verify("x-gitea-signature", &right, body), "a right signature must pass");
    let mut changed = body.to_vec();
    match changed.first_mut() {
        Some(byte) => *byte ^= 1,
        None => changed.push(0),
    }
    assert!(!verify("x-gitea-signature", &right, &changed), "the signature of other bytes passed");
}

/// Input: the name of an event, a line end, the body. Reading never panics, answers alike each time and in few words, and what it reads
/// survives being stored and read by the rules.
pub fn payload(data: &[u8]) {
    let (event, body) = head_and_rest(data);
    let parsed = FORGE.parse(&event, body);
    assert_eq!(parsed, FORGE.parse(&event, body), "the same bytes mean the same");
    match parsed {
        Err(said) | Ok(Parsed::Ignored(said)) => {
            assert!(!said.is_empty() && said.len() <= MOST_SAID, "{} bytes are too much to say", said.len())
        }
        Ok(Parsed::Event(event)) => {
            let stored = serde_json::to_vec(&event).expect("a neutral event can be stored");
            assert_eq!(*event, serde_json::from_slice::<ForgeEvent>(&stored).expect("and read again"));
            assert!(event.repo.id > 0 && !event.repo.path.is_empty());
            let bot = User { id: 9, login: "syndarix".to_owned() };
            for draft in interpret(&event, Ears { bot: &bot }).unwrap_or_default() {
                assert!(!draft.source_key.is_empty());
            }
        }
    }
}

/// Input: a comment. Reading never panics and answers alike each time; a comment never holds more commands than are allowed, and a text
/// that did not change holds no new ones.
pub fn comment(data: &[u8]) {
    let body = String::from_utf8_lossy(data);
    let context = ParseContext { bot_login: "syndarix" };
    let parsed = command::parse(&body, &context);
    assert_eq!(format!("{parsed:?}"), format!("{:?}", command::parse(&body, &context)));
    assert!(parsed.commands.len() <= MAX_COMMANDS && parsed.plain == parsed.commands.is_empty());
    assert!(parsed.rest.len() <= body.len() + 8);
    let run = parsed.runnable().len();
    assert!(run <= parsed.commands.len());
    for (line, _) in parsed.verdicts() {
        assert_eq!(line.hash.len(), 16);
    }
    assert!(command::new_commands(&body, &body, &context).runnable().is_empty(), "nothing was added");
}

/// Input: a file and an edit, separated by a NUL; with a second NUL the edit is a pair. Applying never panics, changes something when it
/// says so, and answers alike each time.
pub fn patch(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut parts = text.splitn(3, '\0');
    let file = parts.next().unwrap_or_default();
    let first = parts.next().unwrap_or_default().to_owned();
    let edits = match parts.next() {
        Some(new) => Edits::Pairs(vec![Pair { old: first, new: new.to_owned() }]),
        None => Edits::Text(first),
    };
    let request = EditRequest { path: Some("src/file.rs".to_owned()), edits };
    let edited = apply_edit(file, &request);
    assert_eq!(edited, apply_edit(file, &request));
    match edited {
        Ok(edited) => assert!(edited.text != file, "an edit that changes nothing is refused"),
        Err(error) => assert!(!error.message.is_empty()),
    }
}
