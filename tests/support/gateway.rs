//! Gateway: what stands in front of PostgREST at Supabase. It swaps opaque keys for role tokens by Supabase's
//! four rules, and it has the bad days that Supabase has.

use std::{
    collections::VecDeque,
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// The project's keys.
#[derive(Clone)]
pub struct Keys {
    pub secret: String,
    pub publishable: String,
    pub service_role: String,
    pub anon: String,
}

/// A bad day.
#[derive(Clone, Debug)]
pub enum Fault {
    /// Nothing is answered for this long.
    Slow(Duration),
    /// The request is carried out, half of the answer arrives.
    CutMidBody,
    /// The request is carried out, the answer is JSON that stops in the middle.
    TruncatedJson,
    /// The connection is closed without a word.
    HangUp,
    /// PostgREST has lost its database.
    Unavailable,
    /// Cloudflare's page.
    OriginError,
    /// The project is paused.
    Paused,
    TooMany {
        retry_after: u64,
    },
    EmptyUnauthorized,
    /// This status, and a body that never ends.
    Endless(u16),
    /// Any status, body as JSON.
    Json(u16, &'static str),
}

/// What a client has sent.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    /// Path and query as they were on the wire.
    pub target: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Seen {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }
}

#[derive(Default)]
struct Plan {
    next: VecDeque<Fault>,
    always: Option<Fault>,
    seen: Vec<Seen>,
}

pub struct Gateway {
    port: u16,
    keys: Keys,
    plan: Arc<Mutex<Plan>>,
    stop: Arc<AtomicBool>,
}

impl Gateway {
    pub fn start(upstream: PathBuf, keys: Keys) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let plan = Arc::new(Mutex::new(Plan::default()));
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped, known) = (Arc::clone(&plan), Arc::clone(&stop), keys.clone());
        let upstream: Arc<Path> = upstream.into();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::Relaxed) {
                    return;
                }
                let (Ok(stream), plan, keys) = (stream, Arc::clone(&shared), known.clone()) else {
                    continue;
                };
                let upstream = Arc::clone(&upstream);
                std::thread::spawn(move || {
                    let _ = serve(stream, &upstream, &keys, &plan);
                });
            }
        });
        Self {
            port,
            keys,
            plan,
            stop,
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// For the requests to come, one each; afterwards all is well again.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.plan.lock().unwrap().next.extend(faults);
    }

    /// Until further notice.
    pub fn always(&self, fault: Option<Fault>) {
        self.plan.lock().unwrap().always = fault;
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.plan.lock().unwrap().seen.clone()
    }

    pub fn forget_requests(&self) {
        self.plan.lock().unwrap().seen.clear();
    }

    pub fn status_of(&self, method: &str, path: &str, key: &str) -> u16 {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        write!(
            stream,
            "{method} /rest/v1/{path} HTTP/1.1\r\nHost: localhost\r\napikey: {key}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer);
        answer
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok())
            .unwrap_or(0)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn serve(
    mut client: TcpStream,
    upstream: &Path,
    keys: &Keys,
    plan: &Mutex<Plan>,
) -> std::io::Result<()> {
    let Some(request) = read_request(&mut client)? else {
        return Ok(());
    };
    let fault = {
        let mut plan = plan.lock().unwrap();
        plan.seen.push(request.clone());
        plan.next.pop_front().or_else(|| plan.always.clone())
    };
    let answer = match &fault {
        Some(Fault::HangUp) => return client.shutdown(Shutdown::Both),
        Some(Fault::Unavailable) => json(
            503,
            "",
            r#"{"code":"PGRST002","details":null,"hint":null,"message":"Could not query the database for the schema cache. Retrying."}"#,
        ),
        Some(Fault::OriginError) => answer(
            520,
            "text/html",
            "",
            "<!DOCTYPE html><html><title>520: Web server is returning an unknown error</title></html>",
        ),
        Some(Fault::Paused) => json(540, "", r#"{"message":"Project paused"}"#),
        Some(Fault::TooMany { retry_after }) => json(
            429,
            &format!("Retry-After: {retry_after}\r\n"),
            r#"{"message":"API rate limit exceeded"}"#,
        ),
        Some(Fault::Endless(status)) => return pour(client, *status),
        Some(Fault::EmptyUnauthorized) => answer(401, "text/plain", "", ""),
        Some(Fault::Json(status, body)) => json(*status, "", body),
        Some(Fault::Slow(time)) => {
            std::thread::sleep(*time);
            forward(&request, upstream, keys)?
        }
        Some(Fault::CutMidBody | Fault::TruncatedJson) | None => forward(&request, upstream, keys)?,
    };
    match fault {
        Some(Fault::CutMidBody) => client.write_all(&answer[..answer.len() - answer.len() / 3])?,
        Some(Fault::TruncatedJson) => client.write_all(&json(200, "", r#"[{"id":"5f0c"#))?,
        _ => client.write_all(&answer)?,
    }
    client.shutdown(Shutdown::Both)
}

/// Until the client has had enough.
fn pour(mut client: TcpStream, status: u16) -> std::io::Result<()> {
    let head = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n["
    );
    client.write_all(head.as_bytes())?;
    let spaces = vec![b' '; 1024 * 1024];
    loop {
        client.write_all(&spaces)?;
    }
}

/// Supabase's rules for keys; gives the bearer token for PostgREST.
fn token(request: &Seen, keys: &Keys) -> Result<String, Vec<u8>> {
    let Some(apikey) = request.header("apikey") else {
        return Err(json(
            401,
            "",
            r#"{"message":"No API key found in request","hint":"No `apikey` request header or url param was found."}"#,
        ));
    };
    let known = [
        &keys.secret,
        &keys.publishable,
        &keys.service_role,
        &keys.anon,
    ];
    if !known.iter().any(|key| *key == apikey) {
        return Err(json(
            401,
            "",
            r#"{"message":"Invalid API key","hint":"Double check your Supabase API key."}"#,
        ));
    }
    let browser = request
        .header("user-agent")
        .is_some_and(|agent| agent.starts_with("Mozilla"));
    if browser && apikey == keys.secret {
        return Err(json(
            401,
            "",
            r#"{"message":"Forbidden use of secret API key in browser"}"#,
        ));
    }
    match request.header("authorization") {
        Some(given) if !given.starts_with("Bearer sb_") => Ok(given.to_owned()),
        _ if apikey == keys.secret => Ok(format!("Bearer {}", keys.service_role)),
        _ if apikey == keys.publishable => Ok(format!("Bearer {}", keys.anon)),
        _ => Ok(format!("Bearer {apikey}")),
    }
}

fn forward(request: &Seen, upstream: &Path, keys: &Keys) -> std::io::Result<Vec<u8>> {
    let token = match token(request, keys) {
        Ok(token) => token,
        Err(refusal) => return Ok(refusal),
    };
    let Some(target) = request.target.strip_prefix("/rest/v1") else {
        return Ok(json(
            404,
            "",
            r#"{"message":"no Route matched with those values"}"#,
        ));
    };
    let mut head = format!("{} {target} HTTP/1.1\r\n", request.method);
    for (name, value) in &request.headers {
        if !matches!(
            name.as_str(),
            "apikey" | "authorization" | "connection" | "content-length"
        ) {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
    }
    head.push_str(&format!(
        "authorization: {token}\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        request.body.len()
    ));
    let mut stream = UnixStream::connect(upstream)?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(request.body.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

fn read_request(stream: &mut TcpStream) -> std::io::Result<Option<Seen>> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 8192];
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        match stream.read(&mut chunk)? {
            0 => return Ok(None),
            read => bytes.extend_from_slice(&chunk[..read]),
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().unwrap_or_default().split(' ');
    let (method, target) = (
        first.next().unwrap_or_default(),
        first.next().unwrap_or_default(),
    );
    let headers: Vec<(String, String)> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    let mut body = bytes[head_end + 4..].to_vec();
    while body.len() < length {
        match stream.read(&mut chunk)? {
            0 => return Ok(None),
            read => body.extend_from_slice(&chunk[..read]),
        }
    }
    Ok(Some(Seen {
        method: method.to_owned(),
        target: target.to_owned(),
        headers,
        body: String::from_utf8_lossy(&body).into_owned(),
    }))
}

fn json(status: u16, headers: &str, body: &str) -> Vec<u8> {
    answer(status, "application/json; charset=utf-8", headers, body)
}

fn answer(status: u16, kind: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n{headers}\r\n{body}",
        body.len()
    )
    .into_bytes()
}
