//! Running the `git` program: only in a bare mirror, with an environment of its own, stopped with all its children when it takes too long.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use super::error::{GitError, Result};
use crate::base::secret::{ExposeSecret, Redactor, SecretString};
use crate::base::text::visible;
use crate::domain::forge::{GitHeader, GitRemote};

/// Most bytes kept of each output; the rest is read and dropped, so that a talkative server cannot fill the memory.
const KEPT: usize = 256 * 1024;

/// How often a running process is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Git's dislike of a setting that libgit2 knows no other name for.
const KNOWN_WARNING: &str = "core.fsyncObjectFiles is deprecated";

/// Variables of this process that Git may see: where programs are, how to get out, which certificates count. Nothing else is inherited.
const INHERITED: [&str; 12] = [
    "PATH",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "GIT_SSL_CAINFO",
    "GIT_EXEC_PATH",
    "https_proxy",
    "HTTPS_PROXY",
    "http_proxy",
    "all_proxy",
    "no_proxy",
    "NO_PROXY",
];

/// Malformations of old but honest repositories. Git would refuse the whole transfer; what could harm (`.git` as a name, `..`) stays refused.
const TOLERATED: [&str; 18] = [
    "badDate",
    "badDateOverflow",
    "badEmail",
    "badFilemode",
    "badName",
    "badTagName",
    "badTimezone",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingTagEntry",
    "missingTaggerEntry",
    "multipleAuthors",
    "nulInCommit",
    "unknownType",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
];

/// One call of the `git` program, before it runs. Its secret is in the environment alone.
pub(super) struct Invocation {
    pub(super) args: Vec<OsString>,
    env: Vec<(String, SecretString)>,
    redactor: Redactor,
    what: String,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) ok: bool,
    pub(super) stdout: String,
    /// Free of secrets and of invisible characters.
    pub(super) stderr: String,
}

impl Invocation {
    /// `git` in this bare repository. `remote` adds what is needed to talk to it; the address itself is an argument the caller adds.
    pub(super) fn new(git_dir: &Path, sub_command: &str, remote: Option<&GitRemote>) -> Result<Invocation> {
        let mut settings: Vec<(String, SecretString)> = Vec::new();
        let mut set = |key: &str, value: &str| settings.push((key.to_owned(), SecretString::from(value.to_owned())));
        set("core.hooksPath", "/dev/null");
        set("core.fsmonitor", "false");
        set("credential.helper", "");
        set("gc.auto", "0");
        // Packing refs would lock the refs that commits made here are kept by.
        set("gc.packRefs", "false");
        set("maintenance.auto", "false");
        set("submodule.recurse", "false");
        set("protocol.version", "2");
        set("http.followRedirects", "false");
        set("http.lowSpeedLimit", "100");
        set("http.lowSpeedTime", "60");
        set("fetch.fsckObjects", "true");
        // Everything arrives as a pack, which can be watched; and nothing large is held in memory.
        set("fetch.unpackLimit", "1");
        set("core.bigFileThreshold", "32m");
        for message in TOLERATED {
            set(&format!("fetch.fsck.{message}"), "ignore");
        }
        let mut redactor = Redactor::default();
        if let Some(remote) = remote {
            let place = check_url(&remote.url)?;
            if let (Some(header), Some(base)) = (remote.header.as_ref().and_then(GitHeader::now), place) {
                check_header(&header)?;
                redactor = secrets_of(&header);
                settings.push((format!("http.{base}/.extraHeader"), header));
            }
        }
        let mut args: Vec<OsString> = vec!["--git-dir".into(), git_dir.into()];
        args.push(sub_command.into());
        Ok(Invocation { args, env: environment(settings), redactor, what: sub_command.to_owned() })
    }

    /// Adds an argument.
    pub(super) fn arg(mut self, arg: impl Into<OsString>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Runs it and looks from time to time whether it should go on; the first error ends it.
    pub(super) async fn run_while(&self, limit: Duration, check: impl Fn() -> Result<()>) -> Result<Output> {
        let work = self.run(limit);
        tokio::pin!(work);
        loop {
            // Dropping the work on the way out stops the process with its children.
            match tokio::time::timeout(LOOK, &mut work).await {
                Ok(output) => return output,
                Err(_) => check()?,
            }
        }
    }

    /// Runs it. An exit code other than zero is an [`Output`] for the caller to read, no answer in time is [`GitError::Timeout`].
    pub(super) async fn run(&self, limit: Duration) -> Result<Output> {
        let mut command = Command::new(program());
        command.args(&self.args).env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.kill_on_drop(true).process_group(0);
        for name in INHERITED {
            if let Some(value) = inherited(name) {
                command.env(name, value);
            }
        }
        command.envs(self.env.iter().map(|(name, value)| (name, value.expose_secret())));
        let mut child = command.spawn().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => GitError::NoGit,
            _ => GitError::Io(format!("`git` could not be started: {error}")),
        })?;
        let mut group = Group(child.id());
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let work = async { tokio::join!(keep(stdout), keep(stderr), child.wait()) };
        let Ok((stdout, stderr, status)) = tokio::time::timeout(limit, work).await else {
            return Err(GitError::Timeout { what: self.what.clone(), after: limit });
        };
        group.0 = None;
        let text = |bytes: Vec<u8>| self.redactor.mask(&String::from_utf8_lossy(&bytes));
        let stderr = visible(&text(stderr)).lines().filter(|line| !line.contains(KNOWN_WARNING)).collect::<Vec<_>>().join("\n");
        Ok(Output { ok: status?.success(), stdout: text(stdout), stderr })
    }
}

impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation").field("args", &self.args).finish_non_exhaustive()
    }
}

/// The children of a `git` process still running. Dropped while it is set, it stops them all: Git leaves its transport helpers behind when it alone is stopped.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let pid = self.0.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            let _gone_already = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

/// Where `git` is. Looked up once: a program given by its path is started without copying this process first, and the search would be
/// repeated for each call. While none is found, the name alone, so that one installed later is found.
fn program() -> PathBuf {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return found.clone();
    }
    let places = inherited("PATH").unwrap_or_default();
    match std::env::split_paths(&places).map(|place| place.join("git")).find(|path| path.is_absolute() && is_program(path)) {
        Some(found) => FOUND.get_or_init(|| found).clone(),
        None => PathBuf::from("git"),
    }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[expect(clippy::disallowed_methods, reason = "hands a few variables on to a child process; no setting of this program is read here")]
fn inherited(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// Reads to the end and keeps the beginning.
async fn keep(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut kept = Vec::new();
    let Some(mut pipe) = pipe else { return kept };
    let mut chunk = [0; 8192];
    while let Ok(count @ 1..) = pipe.read(&mut chunk).await {
        let room = KEPT.saturating_sub(kept.len()).min(count);
        kept.extend_from_slice(&chunk[..room]);
    }
    kept
}

/// Settings travel in the environment, where neither a process list nor a file shows them; those of the machine and of the user are left out.
fn environment(settings: Vec<(String, SecretString)>) -> Vec<(String, SecretString)> {
    let plain = |name: &str, value: &str| (name.to_owned(), SecretString::from(value.to_owned()));
    let mut env = vec![
        plain("GIT_TERMINAL_PROMPT", "0"),
        plain("GIT_CONFIG_NOSYSTEM", "1"),
        plain("GIT_CONFIG_GLOBAL", "/dev/null"),
        plain("GIT_ATTR_NOSYSTEM", "1"),
        plain("GIT_ALLOW_PROTOCOL", "http:https:file"),
        plain("GIT_OPTIONAL_LOCKS", "0"),
        plain("GIT_ASKPASS", "true"),
        plain("HOME", "/nonexistent"),
        plain("LC_ALL", "C"),
        plain("GIT_CONFIG_COUNT", &settings.len().to_string()),
    ];
    for (at, (key, value)) in settings.into_iter().enumerate() {
        env.push(plain(&format!("GIT_CONFIG_KEY_{at}"), &key));
        env.push((format!("GIT_CONFIG_VALUE_{at}"), value));
    }
    env
}

/// Accepts `http(s)://host…`, `file:///…` and absolute paths. For HTTP it returns scheme and host, the only place that credentials are sent to.
pub(super) fn check_url(url: &str) -> Result<Option<&str>> {
    let refused = |reason: &str| {
        let shown = url.split_once('@').map_or(url, |(_, behind)| behind);
        Err(GitError::Refused(format!(
            "the Git address `{}` cannot be used: {reason}",
            visible(shown).chars().take(200).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>()
        )))
    };
    if url.chars().any(|c| c.is_control() || c.is_whitespace() && c != ' ') {
        return refused("it holds a control character");
    }
    if url.starts_with('/') || url.starts_with("file:///") {
        return Ok(None);
    }
    let Some(rest) = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")) else {
        return refused("only https://, http:// and absolute paths are");
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() || host.starts_with(['-', ':']) {
        return refused("it names no host");
    }
    if host.contains('@') {
        return refused("it holds a user name or password; put the token into the forge's settings instead");
    }
    if url.contains([' ', '?', '#', '\\']) {
        return refused("it holds a space, a backslash, `?` or `#`");
    }
    Ok(Some(&url[..url.len() - rest.len() + host.len()]))
}

fn check_header(header: &SecretString) -> Result<()> {
    let text = header.expose_secret();
    if text.chars().any(char::is_control) || !text.contains(": ") {
        return Err(GitError::Refused(
            "the credential header of the Git remote is not one line of the form `Name: value`; check the token".to_owned(),
        ));
    }
    Ok(())
}

/// Everything in a header that is secret, in each form in which a server could say it back.
fn secrets_of(header: &SecretString) -> Redactor {
    use base64::Engine as _;
    let text = header.expose_secret();
    let value = text.split_once(": ").map_or(text, |(_, value)| value);
    let credential = value.rsplit(' ').next().unwrap_or(value);
    let decoded = base64::engine::general_purpose::STANDARD.decode(credential).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let password = decoded.as_deref().and_then(|pair| pair.split_once(':')).map(|(_, password)| password.to_owned());
    Redactor::new([Some(value.to_owned()), Some(credential.to_owned()), password].into_iter().flatten().map(SecretString::from))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote(url: &str, header: Option<&str>) -> GitRemote {
        GitRemote { url: url.to_owned(), header: header.map(|text| SecretString::from(text.to_owned()).into()) }
    }

    #[test]
    fn a_token_is_in_the_environment_only() {
        let remote = remote("https://git.example.com:3000/a/b.git", Some("Authorization: Basic Ym90OnMzY3JldC10b2tlbg=="));
        let call = Invocation::new(Path::new("/m"), "fetch", Some(&remote)).unwrap().arg("--").arg(&remote.url);
        let shown = format!("{:?} {call:?}", call.args);
        assert!(!shown.contains("Ym90On") && !shown.contains("Authorization"), "{shown}");
        let env: Vec<_> = call.env.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        let (key, _) = env.iter().find(|(_, value)| *value == "http.https://git.example.com:3000/.extraHeader").unwrap();
        let value = key.replace("KEY", "VALUE");
        assert!(env.contains(&(value.as_str(), "Authorization: Basic Ym90OnMzY3JldC10b2tlbg==")), "bound to the host");
        for wanted in [
            ("GIT_TERMINAL_PROMPT", "0"),
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_ALLOW_PROTOCOL", "http:https:file"),
        ] {
            assert!(env.contains(&wanted), "{wanted:?}");
        }
        assert_eq!(call.redactor.mask("you sent s3cret-token as Ym90OnMzY3JldC10b2tlbg=="), "you sent [redacted] as [redacted]");
    }

    #[test]
    fn a_local_remote_gets_no_header() {
        let call = Invocation::new(Path::new("/m"), "fetch", Some(&remote("/srv/repo.git", Some("Authorization: token abcdef")))).unwrap();
        assert!(call.env.iter().all(|(_, value)| !value.expose_secret().contains("abcdef")));
    }

    #[test]
    fn addresses_that_run_programs_or_hold_passwords_are_refused() {
        let rows = [
            "ext::sh -c id",
            "git://host/x",
            "ssh://-oProxyCommand=x/",
            "git@host:a/b",
            "https://u:hunter2@host/x",
            "https:///host",
            "https://",
            "http://?x",
            "-u",
            "--upload-pack=x",
            "relative/path",
            "",
            "https://host/a b",
            "https://host/\nx",
            "https://host\\@evil/x",
            "fd::17",
            "file://host/x",
        ];
        for url in rows {
            let error = check_url(url).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let good = [
            ("https://host/a/b.git", Some("https://host")),
            ("http://127.0.0.1:3000/x", Some("http://127.0.0.1:3000")),
            ("http://[::1]:3000/x", Some("http://[::1]:3000")),
            ("/srv/My Repos/a.git", None),
            ("file:///srv/a.git", None),
        ];
        for (url, base) in good {
            assert_eq!(check_url(url).unwrap(), base, "{url}");
        }
        let smuggled = remote("https://host/x", Some("Authorization: token a\r\nX-Evil: 1"));
        assert!(Invocation::new(Path::new("/m"), "fetch", Some(&smuggled)).is_err());
    }
}
