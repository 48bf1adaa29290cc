//! Endpoint: where spans go, by OpenTelemetry's own variables.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use url::Url;

/// What is wrong with them.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{variable} {problem}")]
pub struct BadEndpoint {
    variable: &'static str,
    problem: &'static str,
}

pub(super) struct Endpoint {
    pub url: Url,
    pub headers: HeaderMap,
    pub service: String,
}

const TRACES: &str = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
const ALL: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";

impl Endpoint {
    /// `None`: nobody wants spans.
    pub fn of(var: impl Fn(&str) -> Option<String>) -> Result<Option<Self>, BadEndpoint> {
        let given = |name: &str| var(name).map(|text| text.trim().to_owned());
        let given = |name: &str| given(name).filter(|text| !text.is_empty());
        if given("OTEL_SDK_DISABLED").is_some_and(|word| word.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let (variable, text) = match (given(TRACES), given(ALL)) {
            (Some(text), _) => (TRACES, text),
            (None, Some(text)) => (ALL, format!("{}/v1/traces", text.trim_end_matches('/'))),
            (None, None) => return Ok(None),
        };
        let url = Url::parse(&text).ok();
        let url = url.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let Some(url) = url else {
            return Err(BadEndpoint {
                variable,
                problem: "is not the http:// or https:// address of an OTLP receiver",
            });
        };
        let headers = headers(&given(HEADERS).unwrap_or_default()).ok_or(BadEndpoint {
            variable: HEADERS,
            problem: "is not a list of name=value, separated by commas",
        })?;
        Ok(Some(Self {
            url,
            headers,
            service: given("OTEL_SERVICE_NAME").unwrap_or_else(|| "switchboard".to_owned()),
        }))
    }
}

/// They may carry a key: it is marked as a secret, and shown nowhere.
fn headers(text: &str) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for pair in text.split(',').filter(|pair| !pair.trim().is_empty()) {
        let (name, value) = pair.split_once('=')?;
        let value = decoded(value.trim())?;
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        headers.insert(HeaderName::from_bytes(name.trim().as_bytes()).ok()?, value);
    }
    Some(headers)
}

/// `%20` and the like.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        match (first, more) {
            (b'%', [high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after;
            }
            (b'%', _) => return None,
            _ => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(set: &[(&str, &str)]) -> Result<Option<Endpoint>, BadEndpoint> {
        Endpoint::of(|name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    /// Protects who sets nothing, and who sets it wrongly: nothing is sent, or the start says which variable to mend.
    #[test]
    fn the_variables_are_opentelemetrys_own() {
        assert!(of(&[]).unwrap().is_none());
        assert!(
            of(&[(ALL, "http://[::1]:4318"), ("OTEL_SDK_DISABLED", "true")])
                .unwrap()
                .is_none()
        );
        let endpoint = of(&[
            (ALL, "http://127.0.0.1:4318/"),
            (HEADERS, "x-key=a%20b,other=c"),
        ]);
        let endpoint = endpoint.unwrap().unwrap();
        assert_eq!(endpoint.url.as_str(), "http://127.0.0.1:4318/v1/traces");
        assert_eq!(endpoint.headers["x-key"], "a b");
        assert_eq!(endpoint.service, "switchboard");
        assert!(!format!("{:?}", endpoint.headers).contains("a b"));
        let exact = of(&[
            (TRACES, "https://localhost/here"),
            (ALL, "http://localhost"),
        ]);
        assert_eq!(
            exact.unwrap().unwrap().url.as_str(),
            "https://localhost/here"
        );
        for (variable, wrong) in [
            (ALL, "localhost:4318"),
            (TRACES, "ftp://localhost"),
            (HEADERS, "x-key"),
        ] {
            let problem = of(&[(variable, wrong), (ALL, "http://localhost")])
                .err()
                .unwrap();
            assert_eq!(problem.variable, variable);
        }
    }
}
