//! The environment, read once. A secret `X` may also be given as a file named by `X_FILE`.

use std::collections::BTreeMap;

use super::error::{ConfigError, suggest};
use super::shape::{Key, Kind, SETTINGS};
use crate::base::secret::SecretString;

/// Every variable of this program begins with this.
const PREFIX: &str = "SYNDARIX_";

/// How the variables of a forge begin in the table of settings.
const OF_FORGE: &str = "SYNDARIX_FORGE_<ID>_";

/// A copy of environment variables.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The environment of this process; values that are not UTF-8 are left out.
    pub fn process() -> Env {
        Env(std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect())
    }

    /// An environment of these variables only.
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Env {
        Env(variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    /// A variable; an empty one counts as not set.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.trim()).filter(|value| !value.is_empty())
    }

    /// True when the variable or the one with `_FILE` is set.
    pub(super) fn is_set(&self, name: &str) -> bool {
        self.get(name).is_some() || self.get(&format!("{name}_FILE")).is_some()
    }

    /// A secret from the variable, or from the file that the variable with `_FILE` names. Both at once is a mistake.
    pub fn secret(&self, name: &str) -> Result<Option<SecretString>, ConfigError> {
        let file_name = format!("{name}_FILE");
        match (self.get(name), self.get(&file_name)) {
            (Some(_), Some(_)) => Err(ConfigError::whole(&file_name, format!("{name} is set as well; unset one of the two"))),
            (Some(value), None) => Ok(Some(SecretString::from(value.to_owned()))),
            (None, Some(path)) => secret_file(&file_name, path).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Names of providers that have a variable of this program with this ending, such as `_API_KEY`, in lower case.
    pub(super) fn named(&self, ending: &str) -> Vec<String> {
        let name = |key: &str| {
            let key = key.strip_suffix("_FILE").unwrap_or(key);
            key.strip_prefix(PREFIX)?.strip_suffix(ending).map(|name| name.to_lowercase().replace('_', "-"))
        };
        let mut names: Vec<String> = self.0.keys().filter_map(|key| name(key)).filter(|name| !name.is_empty()).collect();
        names.dedup();
        names
    }

    /// The same beside a settings file that holds mistakes, as far as its forges can be told.
    pub(super) fn unknown_beside(&self, text: &str) -> Vec<ConfigError> {
        let (document, _) = toml::de::DeTable::parse_recoverable(text);
        let forges = document
            .get_ref()
            .iter()
            .find(|(name, _)| name.get_ref().as_ref() == "forges")
            .and_then(|(_, forges)| forges.get_ref().as_array());
        let id = |forge: &toml::Spanned<toml::de::DeValue<'_>>| {
            forge.get_ref().get("id").and_then(|id| id.get_ref().as_str().map(str::to_owned))
        };
        let ids: Vec<String> = forges.into_iter().flat_map(|forges| forges.iter().filter_map(id).collect::<Vec<_>>()).collect();
        self.unknown(&ids.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Every variable of this program that it does not know, given the ids of the configured forges.
    pub(super) fn unknown(&self, forges: &[&str]) -> Vec<ConfigError> {
        let all = variables(SETTINGS);
        let fields: Vec<&str> = all.iter().filter_map(|name| name.strip_prefix(OF_FORGE)).collect();
        let of_forges = forges.iter().flat_map(|id| fields.iter().map(|field| forge_variable(id, field)));
        let plain = all.iter().filter(|name| !name.contains('<')).map(|&name| name.to_owned());
        let known: Vec<String> = ["SYNDARIX_CONFIG".to_owned()].into_iter().chain(plain).chain(of_forges).collect();
        // Tests have variables of their own, which mean nothing to the program.
        let of_tests = |key: &&String| ["SYNDARIX_LIVE_", "SYNDARIX_TEST_", "SYNDARIX_SWEEP"].iter().any(|prefix| key.starts_with(prefix));
        let ours = self.0.keys().filter(|key| key.starts_with(PREFIX)).filter(|key| !of_tests(key));
        ours.filter(|key| !is_known(key, &known))
            .map(|key| ConfigError::whole(key, format!("this variable is not known; {}", suggest(key, known.iter().map(String::as_str)))))
            .collect()
    }
}

/// Every variable that the table of settings names.
fn variables(keys: &[Key]) -> Vec<&'static str> {
    let inside = |key: &Key| match key.kind {
        Kind::Table(keys) | Kind::Tables(keys) => variables(keys),
        Kind::Map(Kind::Table(keys)) => variables(keys),
        _ => Vec::new(),
    };
    keys.iter().flat_map(|key| key.variable.into_iter().chain(inside(key))).collect()
}

/// Name of the variable for a field of a forge: `SYNDARIX_FORGE_MY_GITEA_TOKEN`.
pub(super) fn forge_variable(id: &str, field: &str) -> String {
    format!("{PREFIX}FORGE_{}_{field}", shout(id))
}

/// Name of the variable for a field of a model provider: `SYNDARIX_ANTHROPIC_API_KEY`.
pub(super) fn provider_variable(provider: &str, field: &str) -> String {
    format!("{PREFIX}{}_{field}", shout(provider))
}

fn shout(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect()
}

fn is_known(key: &str, known: &[String]) -> bool {
    let plain = key.strip_suffix("_FILE").unwrap_or(key);
    let provider = !plain.starts_with("SYNDARIX_FORGE_")
        && ["_API_KEY", "_URL"].iter().any(|ending| plain.len() > PREFIX.len() + ending.len() && plain.ends_with(ending));
    provider || known.iter().any(|name| name == plain)
}

/// A secret from a file, without the line end that editors add.
pub(super) fn secret_file(named_by: &str, path: &str) -> Result<SecretString, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::whole(named_by, format!("the file `{path}` cannot be read: {error}")))?;
    match text.trim() {
        "" => Err(ConfigError::whole(named_by, format!("the file `{path}` is empty"))),
        secret => Ok(SecretString::from(secret.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::secret::ExposeSecret;

    #[test]
    fn secrets_come_from_a_variable_or_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "s3cret\n").unwrap();
        let path = path.to_str().unwrap();
        let read = |variables: &[(&str, &str)]| {
            Env::of(variables.iter().copied()).secret("K").map(|key| key.map(|key| key.expose_secret().to_owned()))
        };
        assert_eq!(read(&[("K", " v ")]), Ok(Some("v".to_owned())));
        assert_eq!(read(&[("K_FILE", path)]), Ok(Some("s3cret".to_owned())));
        assert_eq!(read(&[("K", "")]), Ok(None));
        assert!(read(&[("K", "v"), ("K_FILE", path)]).is_err_and(|error| error.message.contains("unset one")));
        assert!(read(&[("K_FILE", "/nowhere/key")]).is_err_and(|error| error.message.contains("cannot be read")));
    }

    #[test]
    fn a_misspelt_variable_is_an_error() {
        let env = Env::of([
            ("SYNDARIX_DATA_DRI", "/x"),
            ("SYNDARIX_FORGE_HOME_TOKEN", "t"),
            ("SYNDARIX_OPENAI_API_KEY_FILE", "f"),
            ("OTHER", "x"),
        ]);
        let errors: Vec<String> = env.unknown(&["home"]).iter().map(ToString::to_string).collect();
        assert_eq!(errors, ["SYNDARIX_DATA_DRI: this variable is not known; did you mean `SYNDARIX_DATA_DIR`?"]);
        assert_eq!(env.unknown(&[]).len(), 2, "no such forge");
        assert_eq!(env.named("_API_KEY"), ["openai"]);
    }
}
