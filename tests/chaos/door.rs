//! Door: where the service is, and the token that lets programs in.

use std::time::Duration;

use reqwest::{
    Client, ClientBuilder,
    header::{AUTHORIZATION, HeaderMap, HeaderValue},
};

#[derive(Clone)]
pub struct Door {
    pub address: String,
    bearer: String,
}

impl Door {
    pub fn new(address: &str, token: &str) -> Self {
        Self {
            address: address.to_owned(),
            bearer: format!("Bearer {token}"),
        }
    }

    /// The same house, another key.
    pub fn with(&self, token: &str) -> Self {
        Self::new(&self.address, token)
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn headers(&self) -> [(&'static str, &str); 1] {
        [("authorization", &self.bearer)]
    }

    pub fn client(&self) -> Client {
        self.building().build().expect("a client")
    }

    pub fn client_within(&self, limit: Duration) -> Client {
        self.building().timeout(limit).build().expect("a client")
    }

    fn building(&self) -> ClientBuilder {
        let mut headers = HeaderMap::new();
        let bearer = HeaderValue::from_str(&self.bearer).expect("a token is plain");
        headers.insert(AUTHORIZATION, bearer);
        Client::builder().no_proxy().default_headers(headers)
    }
}
