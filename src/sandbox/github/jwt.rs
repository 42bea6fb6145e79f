//! The signed word of a GitHub App: RS256, at most ten minutes long, `iss` its number or client id.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use crate::base::Clock;
use crate::sandbox::forge::Forge;

/// How far clocks may stand apart, in seconds.
const SLACK: i64 = 60;

#[derive(Deserialize)]
struct Claims {
    iat: i64,
    exp: i64,
    iss: Value,
}

/// The app that signed this; else the sentence that GitHub refuses it with.
pub fn app(forge: &Forge, token: &str) -> Result<i64, &'static str> {
    const UNREADABLE: &str = "A JSON web token could not be decoded";
    let (signed, signature) = token.rsplit_once('.').ok_or(UNREADABLE)?;
    let (head, claims) = signed.split_once('.').ok_or(UNREADABLE)?;
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| UNREADABLE);
    let head: Value = serde_json::from_slice(&decode(head)?).map_err(|_| UNREADABLE)?;
    let claims: Claims = serde_json::from_slice(&decode(claims)?).map_err(|_| UNREADABLE)?;
    let signature = decode(signature)?;
    if head["alg"] != "RS256" {
        return Err(UNREADABLE);
    }
    let issuer = claims.iss.as_str().map_or_else(|| claims.iss.to_string(), str::to_owned);
    let found = forge.read(|world| {
        let app = world.apps.all().find(|app| app.id.to_string() == issuer || app.client_id() == issuer)?;
        Some((app.id, app.public_key.clone(), app.dates_by_machine))
    });
    let (id, key, dates_by_machine) = found.ok_or("Integration not found")?;
    let key = der(&key).ok_or(UNREADABLE)?;
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(signed.as_bytes(), &signature).map_err(|_| UNREADABLE)?;
    let clock = if dates_by_machine { &Clock::System } else { &forge.clock };
    let now = clock.now().seconds();
    if claims.iat > now + SLACK {
        return Err("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued");
    }
    if claims.exp <= now {
        return Err("'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires");
    }
    if claims.exp > now + 600 + SLACK || claims.exp > claims.iat + 600 + 2 * SLACK {
        return Err("'Expiration time' claim ('exp') is too far in the future");
    }
    Ok(id)
}

/// The bytes between the lines that begin and end a PEM file.
pub fn der(pem: &str) -> Option<Vec<u8>> {
    let inside: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    STANDARD.decode(inside).ok().filter(|bytes| !bytes.is_empty())
}
