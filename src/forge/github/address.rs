//! Where a GitHub is for people, where its interface is, and what may be part of an address there.

use reqwest::Url;

use crate::base::text::clip;
use crate::forge::{ForgeError, Result};

/// The addresses of one GitHub.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    /// For people and for Git, without a slash at its end.
    pub web: String,
    /// Scheme and host of the interface.
    api: Url,
    /// What every path of the REST interface begins with; empty on github.com.
    rest: Vec<String>,
    /// Path of the GraphQL interface.
    graphql: Vec<String>,
}

impl Addresses {
    /// Reads `https://github.com`, `https://NAME.ghe.com` or the address of a GitHub Enterprise Server. An error is a sentence for the
    /// person who configured it.
    pub fn read(text: &str) -> std::result::Result<Addresses, String> {
        let shown = clip(text, 200);
        let wrong = |why: &str| {
            format!("`{shown}` is not the address of a GitHub: {why}. Write it like `https://github.com` or `https://github.example.org`.")
        };
        let url = Url::parse(text.trim()).map_err(|error| wrong(&error.to_string()))?;
        let host = url.host_str().unwrap_or_default().to_owned();
        if !matches!(url.scheme(), "http" | "https") || host.is_empty() {
            return Err(wrong("it must begin with http:// or https:// and a host"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            // Not shown: it holds a password.
            return Err("the forge's address must not hold a user name or a password; the token has a setting of its own.".to_owned());
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(wrong("it must end before `?` and `#`"));
        }
        if host.starts_with("api.") && (host == "api.github.com" || host.ends_with(".ghe.com")) {
            return Err(wrong("it is the address of the interface, and people and Git need the other one"));
        }
        let web = url.as_str().trim_end_matches('/').to_owned();
        let mut api = url.clone();
        if host == "github.com" || host == "www.github.com" || host.ends_with(".ghe.com") {
            let host = host.trim_start_matches("www.");
            api.set_host(Some(&format!("api.{host}"))).map_err(|error| wrong(&error.to_string()))?;
            api.set_path("");
            return Ok(Addresses { web, api, rest: Vec::new(), graphql: vec!["graphql".to_owned()] });
        }
        let below: Vec<String> = url.path_segments().into_iter().flatten().filter(|part| !part.is_empty()).map(str::to_owned).collect();
        api.set_path("");
        let path = |tail: &[&str]| below.iter().cloned().chain(tail.iter().map(|part| (*part).to_owned())).collect();
        Ok(Addresses { web, api, rest: path(&["api", "v3"]), graphql: path(&["api", "graphql"]) })
    }

    /// Scheme, host and port of the interface.
    pub fn root(&self) -> &str {
        self.api.as_str().trim_end_matches('/')
    }

    /// Path and query of a call of the REST interface, escaped.
    pub fn rest(&self, segments: &[String], query: &[(&'static str, String)]) -> Result<String> {
        // A dot segment would silently address something else.
        if let Some(bad) = segments.iter().find(|part| part.is_empty() || *part == "." || *part == "..") {
            return Err(ForgeError::Unprocessable(format!("`{bad}` cannot be part of an address on the forge")));
        }
        let mut url = self.join(self.rest.iter().chain(segments))?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        })
    }

    /// Path of the GraphQL interface.
    pub fn graphql(&self) -> Result<String> {
        Ok(self.join(&self.graphql)?.path().to_owned())
    }

    fn join(&self, segments: impl IntoIterator<Item = impl AsRef<str>>) -> Result<Url> {
        let mut url = self.api.clone();
        url.path_segments_mut()
            .map_err(|()| ForgeError::Unprocessable("the forge's address cannot have a path".to_owned()))?
            .pop_if_empty()
            .extend(segments);
        Ok(url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(address: &str) -> (String, String, String) {
        let addresses = Addresses::read(address).unwrap();
        let rest = addresses.rest(&["repos".to_owned(), "a".to_owned(), "b c/d".to_owned()], &[("page", "2".to_owned())]).unwrap();
        (format!("{}{rest}", addresses.root()), format!("{}{}", addresses.root(), addresses.graphql().unwrap()), addresses.web)
    }

    #[test]
    fn each_kind_of_installation_has_its_interface_elsewhere() {
        let rows = [
            ("https://github.com/", "https://api.github.com/repos/a/b%20c%2Fd?page=2", "https://api.github.com/graphql"),
            ("https://acme.ghe.com", "https://api.acme.ghe.com/repos/a/b%20c%2Fd?page=2", "https://api.acme.ghe.com/graphql"),
            ("https://git.acme.org", "https://git.acme.org/api/v3/repos/a/b%20c%2Fd?page=2", "https://git.acme.org/api/graphql"),
            ("http://127.0.0.1:99", "http://127.0.0.1:99/api/v3/repos/a/b%20c%2Fd?page=2", "http://127.0.0.1:99/api/graphql"),
        ];
        for (address, rest, graphql) in rows {
            assert_eq!(path(address), (rest.to_owned(), graphql.to_owned(), address.trim_end_matches('/').to_owned()), "{address}");
        }
    }

    #[test]
    fn addresses_are_checked_with_a_reason() {
        for (bad, why) in [
            ("github.com", "relative"),
            ("ftp://x.org", "http://"),
            ("https://x.org/?a=b", "before"),
            ("https://api.github.com", "interface"),
            ("https://u:pw-canary@x.org", "must not hold"),
        ] {
            let sentence = Addresses::read(bad).unwrap_err();
            assert!(sentence.contains(why) && !sentence.contains("pw-canary"), "{bad}: {sentence}");
        }
        let addresses = Addresses::read("https://github.com").unwrap();
        assert!(addresses.rest(&["repos".to_owned(), "..".to_owned()], &[]).is_err());
    }
}
