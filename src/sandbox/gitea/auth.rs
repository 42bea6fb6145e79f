//! Who is calling: `Authorization: token|Bearer|Basic`, or `?token=`.

use axum::http::{HeaderMap, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::sandbox::forge::Forge;
use crate::sandbox::problem::Problem;

/// The caller, `None` when nobody signs in. An unknown token is refused.
pub fn user(forge: &Forge, headers: &HeaderMap, uri: &Uri) -> Result<Option<i64>, Problem> {
    let Some(tokens) = credentials(headers, uri) else { return Ok(None) };
    let found = forge.read(|world| tokens.iter().find_map(|token| world.user_with_token(token)).map(|user| user.id));
    found.map(Some).ok_or_else(|| Problem::sign_in("user does not exist [uid: 0, name: ]"))
}

/// The texts that may be the token: with Basic, password or user name.
fn credentials(headers: &HeaderMap, uri: &Uri) -> Option<Vec<String>> {
    if let Some(value) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) {
        let (scheme, rest) = value.split_once(' ').unwrap_or((value, ""));
        return match scheme.to_ascii_lowercase().as_str() {
            "token" | "bearer" => Some(vec![rest.trim().to_owned()]),
            "basic" => Some(basic(rest).unwrap_or_default()),
            _ => Some(Vec::new()),
        };
    }
    let query = uri.query().unwrap_or_default().split('&');
    let token = query.filter_map(|pair| pair.split_once('=')).find(|(name, _)| matches!(*name, "token" | "access_token"))?.1;
    Some(vec![token.to_owned()])
}

fn basic(encoded: &str) -> Option<Vec<String>> {
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some(vec![password.to_owned(), name.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_to_hand_over_a_token() {
        let read = |value: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, value.parse().unwrap());
            credentials(&headers, &Uri::from_static("/")).unwrap()
        };
        assert_eq!(read("token abc"), ["abc"]);
        assert_eq!(read("Bearer abc"), ["abc"]);
        assert_eq!(read(&format!("Basic {}", STANDARD.encode("bot:abc"))), ["abc", "bot"]);
        assert_eq!(read("Basic %%%"), Vec::<String>::new());
        assert_eq!(credentials(&HeaderMap::new(), &Uri::from_static("/?page=1&token=abc")), Some(vec!["abc".to_owned()]));
        assert_eq!(credentials(&HeaderMap::new(), &Uri::from_static("/")), None);
    }
}
