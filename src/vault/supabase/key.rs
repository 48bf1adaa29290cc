//! Service key: which of Supabase's keys it is, and how it is sent.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use crate::domain::{SecretText, Timestamp};

const APIKEY: HeaderName = HeaderName::from_static("apikey");

/// A key that may do what the vault has to do.
#[derive(Clone, Debug)]
pub enum ServiceKey {
    /// `service_role` JWT; read from `Authorization`, demanded as `apikey` by the gateway.
    Legacy(SecretText),
    /// `sb_secret_…`; as `apikey` alone, because it is no JWT.
    Secret(SecretText),
}

#[derive(Deserialize)]
struct Claims {
    role: Option<String>,
    exp: Option<i64>,
}

impl ServiceKey {
    /// Tells the keys apart without asking anybody: with an anon key row-level security answers "no rows", which
    /// would look like "no accounts".
    ///
    /// # Errors
    /// A text that names the kind of key that was given and the one that is needed.
    pub fn recognise(key: &SecretText) -> Result<Self, String> {
        let text = key.expose().trim();
        let need = "SUPABASE_SERVICE_KEY needs the secret key (sb_secret_…) or the legacy service_role key of the \
                    project";
        if text.starts_with("sb_publishable_") {
            return Err(format!(
                "this is the publishable key (sb_publishable_…), which sees no accounts: {need}"
            ));
        }
        if text.starts_with("sb_secret_") {
            return Ok(Self::Secret(SecretText::new(text)));
        }
        let Some(claims) = read_claims(text) else {
            return Err(format!("this is neither a secret key nor a JWT: {need}"));
        };
        match claims.role.as_deref() {
            Some("service_role") => {}
            Some(role) => {
                return Err(format!(
                    "this is the {} key, which sees no accounts: {need}",
                    role.chars()
                        .filter(char::is_ascii_graphic)
                        .take(32)
                        .collect::<String>()
                ));
            }
            None => return Err(format!("this JWT names no role: {need}")),
        }
        if let Some(exp) = claims.exp
            && Timestamp::from_seconds(exp) < Timestamp::now()
        {
            return Err(format!(
                "this service_role key expired on {}: {need}",
                Timestamp::from_seconds(exp)
            ));
        }
        Ok(Self::Legacy(SecretText::new(text)))
    }

    /// For error texts.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Legacy(_) => "legacy service_role",
            Self::Secret(_) => "secret (sb_secret_…)",
        }
    }

    pub(super) fn headers(&self) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        let sensitive = |text: &str| {
            let mut value = HeaderValue::from_str(text)
                .map_err(|_| "the key has characters that can't be sent".to_owned())?;
            value.set_sensitive(true);
            Ok::<_, String>(value)
        };
        match self {
            Self::Legacy(key) => {
                headers.insert(APIKEY, sensitive(key.expose())?);
                let bearer = zeroize::Zeroizing::new(format!("Bearer {}", key.expose()));
                headers.insert(AUTHORIZATION, sensitive(&bearer)?);
            }
            Self::Secret(key) => {
                headers.insert(APIKEY, sensitive(key.expose())?);
            }
        }
        Ok(headers)
    }
}

/// The payload of a JWT, unverified: only to tell a person which key it is.
fn read_claims(text: &str) -> Option<Claims> {
    let mut parts = text.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(payload.trim_end_matches('='))
        .ok()?;
    serde_json::from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(claims: &str) -> SecretText {
        let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
        SecretText::new(format!(
            "{}.{}.c2ln",
            part(r#"{"alg":"HS256"}"#),
            part(claims)
        ))
    }

    /// Protects: a key that would see an empty table is refused by its name, and never shown.
    #[test]
    fn a_key_of_the_wrong_kind_is_refused_by_name() {
        for (key, named) in [
            (jwt(r#"{"role":"anon"}"#), "anon key"),
            (jwt(r#"{"role":"authenticated"}"#), "authenticated key"),
            (jwt("{}"), "no role"),
            (jwt(r#"{"role":"service_role","exp":1000}"#), "expired"),
            (SecretText::new("sb_publishable_abcdef"), "publishable key"),
            (SecretText::new("hunter2"), "neither"),
        ] {
            let refused = ServiceKey::recognise(&key).unwrap_err();
            assert!(refused.contains(named), "{refused}");
            assert!(refused.contains("sb_secret_") && !refused.contains(key.expose()));
        }
    }

    /// Protects: a legacy key travels twice, a secret key never as a bearer token.
    #[test]
    fn each_kind_of_key_has_its_own_headers() {
        let legacy = ServiceKey::recognise(&jwt(r#"{"role":"service_role"}"#)).unwrap();
        let headers = legacy.headers().unwrap();
        assert_eq!(headers.len(), 2);
        assert!(headers["authorization"].is_sensitive() && headers["apikey"].is_sensitive());
        let secret = ServiceKey::recognise(&SecretText::new("sb_secret_abc")).unwrap();
        let headers = secret.headers().unwrap();
        assert_eq!(headers.len(), 1);
        assert_eq!(headers["apikey"], "sb_secret_abc");
    }
}
