//! Browser: the desk in a real headless Chromium, driven through Debian's chromedriver.
//!
//! Scripts run through the DevTools protocol, which the page's own content policy does not bind; so a policy that
//! forbids everything can be looked at from outside without being loosened.

mod driver;
mod hands;

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    time::Instant,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::{LoggingPrefsLogLevel, prelude::*};

use super::{place, wait::LIMIT};

use self::driver::Driver;

const CHROMIUM: &str = "/usr/bin/chromium";
const AXE: &str = "axe-core@4.14.1";

/// How the person in front of it has set up the browser.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    pub width: u32,
    pub height: u32,
    pub language: &'static str,
    pub dark: bool,
}

impl Default for Look {
    fn default() -> Self {
        Self {
            width: 1360,
            height: 860,
            language: "en",
            dark: false,
        }
    }
}

impl Look {
    pub const PHONE: Self = Self {
        width: 390,
        height: 780,
        language: "en",
        dark: false,
    };
}

/// One browser window with the desk in it.
pub struct Desk {
    pub page: WebDriver,
    _driver: Driver,
    _profile: TempDir,
    /// Console lines that this test brings about on purpose.
    expected: Vec<&'static str>,
}

impl Desk {
    pub async fn open(address: &str) -> Self {
        Self::open_with(address, Look::default()).await
    }

    pub async fn open_with(address: &str, look: Look) -> Self {
        let desk = Self::blank(look).await;
        desk.goto(&format!("http://{address}/")).await;
        desk
    }

    /// A window that shows nothing yet.
    pub async fn blank(look: Look) -> Self {
        Self::blank_with(look, &[]).await
    }

    /// The same, of a browser with further switches.
    pub async fn blank_with(look: Look, switches: &[&str]) -> Self {
        // The WebDriver client wants one, whether or not another client of this test has asked for it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let driver = Driver::start();
        // On a disk it syncs its profile hundreds of times.
        let profile = place::off_the_disk();
        let mut caps = DesiredCapabilities::chrome();
        caps.set_binary(CHROMIUM).unwrap();
        for arg in [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--force-device-scale-factor=1",
            "--hide-scrollbars",
        ]
        .iter()
        .chain(switches)
        {
            caps.add_arg(arg).unwrap();
        }
        if place::roomy_memory().is_none() {
            caps.add_arg("--disable-dev-shm-usage").unwrap();
        }
        caps.add_arg(&format!("--lang={}", look.language)).unwrap();
        caps.add_arg(&format!("--accept-lang={}", look.language))
            .unwrap();
        caps.add_arg(&format!("--window-size={},{}", look.width, look.height))
            .unwrap();
        caps.add_arg(&format!("--user-data-dir={}", profile.path().display()))
            .unwrap();
        caps.set_browser_log_level(LoggingPrefsLogLevel::All)
            .unwrap();
        let page = WebDriver::new(format!("http://127.0.0.1:{}", driver.port), caps)
            .await
            .unwrap_or_else(|error| panic!("Chromium did not start: {error}\n{}", driver.log()));
        let desk = Self {
            page,
            _driver: driver,
            _profile: profile,
            expected: Vec::new(),
        };
        let size = json!({ "width": look.width, "height": look.height, "deviceScaleFactor": 1, "mobile": look.width < 600 });
        desk.cdp("Emulation.setDeviceMetricsOverride", size).await;
        let scheme = if look.dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        desk.cdp("Emulation.setEmulatedMedia", media).await;
        desk.focus_emulation(true).await;
        desk
    }

    /// Console errors that contain this are the test's own doing.
    pub fn expect_console(&mut self, text: &'static str) {
        self.expected.push(text);
    }

    pub async fn goto(&self, url: &str) {
        self.page.goto(url).await.unwrap();
    }

    pub async fn reload(&self) {
        self.page.refresh().await.unwrap();
    }

    pub async fn cdp(&self, method: &str, params: Value) -> Value {
        self.page
            .cdp()
            .send_raw(method, params)
            .await
            .unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// The value of an expression in the page; promises are waited for.
    pub async fn js(&self, expression: &str) -> Value {
        let params =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.cdp("Runtime.evaluate", params).await;
        assert!(
            answer["exceptionDetails"].is_null(),
            "{expression}: {}",
            answer["exceptionDetails"]
        );
        answer["result"]["value"].clone()
    }

    /// Waits until an expression is true.
    pub async fn until(&self, what: &str, expression: &str) {
        let start = Instant::now();
        let look = format!(
            "(() => {{ try {{ return Boolean({expression}); }} catch {{ return false; }} }})()"
        );
        while self.js(&look).await != json!(true) {
            if start.elapsed() > LIMIT {
                let shot = self.screenshot("waited-in-vain").await;
                let text = self.js("document.body.innerText").await;
                panic!(
                    "waited {LIMIT:?} for {what}: {expression}\nscreenshot {}\n{text}",
                    shot.display()
                );
            }
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        }
    }

    pub async fn until_text(&self, css: &str, text: &str) {
        self.until(
            &format!("{text:?} in {css}"),
            &format!(
                "{}.some((one) => one.includes({}))",
                texts_of(css),
                json!(text)
            ),
        )
        .await;
    }

    pub async fn until_gone(&self, css: &str) {
        self.until(
            &format!("{css} to go away"),
            &format!("{}.length === 0", shown(css)),
        )
        .await;
    }

    /// The texts of all shown elements.
    pub async fn texts(&self, css: &str) -> Vec<String> {
        serde_json::from_value(self.js(&texts_of(css)).await).unwrap()
    }

    /// What the clipboard holds; the page may read and write it from here on.
    pub async fn clipboard(&self) -> Value {
        let permissions =
            json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        self.cdp("Browser.grantPermissions", permissions).await;
        self.js("navigator.clipboard.readText()").await
    }

    /// Cuts the browser's network, or gives it back.
    pub async fn offline(&self, offline: bool) {
        self.cdp("Network.enable", json!({})).await;
        let conditions = json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.cdp("Network.emulateNetworkConditions", conditions)
            .await;
    }

    /// Not more than so many bytes come in a second; -1: as fast as they can.
    pub async fn slow_line(&self, bytes: i64) {
        self.cdp("Network.enable", json!({})).await;
        let conditions = json!({ "offline": false, "latency": 0, "downloadThroughput": bytes, "uploadThroughput": -1 });
        self.cdp("Network.emulateNetworkConditions", conditions)
            .await;
    }

    /// Not more than so many bytes go out in a second; -1: as fast as they can.
    pub async fn slow_way_out(&self, bytes: i64) {
        self.cdp("Network.enable", json!({})).await;
        let conditions = json!({ "offline": false, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes });
        self.cdp("Network.emulateNetworkConditions", conditions)
            .await;
    }

    /// Somebody picks files in a field for them.
    pub async fn pick_files(&self, css: &str, files: &[PathBuf]) {
        let document = self.cdp("DOM.getDocument", json!({})).await;
        let root = &document["root"]["nodeId"];
        let field = self
            .cdp(
                "DOM.querySelector",
                json!({ "nodeId": root, "selector": css }),
            )
            .await;
        let picked = json!({ "nodeId": field["nodeId"], "files": files });
        self.cdp("DOM.setFileInputFiles", picked).await;
    }

    /// Requests to these addresses (with `*`) fail; none, when empty.
    pub async fn block(&self, addresses: &[&str]) {
        self.cdp("Network.enable", json!({})).await;
        self.cdp("Network.setBlockedURLs", json!({ "urls": addresses }))
            .await;
    }

    /// Another tab comes to the front: this page is hidden, as when somebody works elsewhere.
    pub async fn hide(&self) {
        self.focus_emulation(false).await;
        let blank = json!({ "url": "about:blank", "background": false });
        self.cdp("Target.createTarget", blank).await;
        self.until("the page to be hidden", "document.hidden").await;
    }

    /// This page comes to the front again.
    pub async fn show(&self) {
        self.cdp("Page.bringToFront", json!({})).await;
        self.focus_emulation(true).await;
        self.until("the page to be shown", "!document.hidden").await;
    }

    async fn focus_emulation(&self, enabled: bool) {
        let params = json!({ "enabled": enabled });
        self.cdp("Emulation.setFocusEmulationEnabled", params).await;
    }

    pub async fn choose(&self, conversation: &str) {
        self.click_text(".row .name", conversation).await;
        self.until_text("#chat-head h2", conversation).await;
    }

    /// Writes a reply in the open conversation and sends it.
    pub async fn reply(&self, text: &str) {
        self.fill("#reply", text).await;
        self.keys("Enter").await;
    }

    /// Until the open conversation shows a message with this text and status, exactly once.
    pub async fn until_message(&self, text: &str, status: &str) {
        let wanted = format!(
            "(() => {{ const found = [...document.querySelectorAll('.message')].filter((one) => one.querySelector('.body').textContent === {}); \
             return found.length === 1 && found[0].dataset.status === {}; }})()",
            json!(text),
            json!(status)
        );
        self.until(&format!("one {status} message {text:?}"), &wanted)
            .await;
    }

    pub async fn screenshot(&self, name: &str) -> PathBuf {
        let folder = target().join("screenshots");
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join(format!("{name}.png"));
        std::fs::write(&path, self.page.screenshot_as_png().await.unwrap()).unwrap();
        path
    }

    /// No rule of axe-core is broken by what the page shows.
    pub async fn assert_accessible(&self, what: &str) {
        self.js(axe_source()).await;
        let found = self
            .js("axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => \
                 violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 200) + ' ' + (node.any[0]?.message ?? '')).join('\\n')}`))")
            .await;
        assert_eq!(found, json!([]), "{what} has accessibility violations");
    }

    /// Ends the browser; the console must have stayed clean.
    pub async fn close(self) {
        let entries = self.page.browser_log().await.unwrap();
        let bad: Vec<_> = entries
            .iter()
            .filter(|entry| matches!(entry.level.as_str(), "SEVERE" | "WARNING"))
            .filter(|entry| {
                !self
                    .expected
                    .iter()
                    .any(|text| entry.message.contains(text))
            })
            .map(|entry| format!("{} {}", entry.level, entry.message))
            .collect();
        assert!(
            bad.is_empty(),
            "the console is not clean:\n{}",
            bad.join("\n")
        );
        self.page.clone().quit().await.unwrap();
    }
}

fn shown(css: &str) -> String {
    format!(
        "[...document.querySelectorAll({})].filter((one) => one.checkVisibility())",
        json!(css)
    )
}

fn texts_of(css: &str) -> String {
    format!("{}.map((one) => one.innerText)", shown(css))
}

fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap()
}

/// axe-core, installed once from the npm registry into the target directory.
fn axe_source() -> &'static str {
    static SOURCE: OnceLock<String> = OnceLock::new();
    SOURCE.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm");
        let file = folder.join("node_modules/axe-core/axe.min.js");
        if !file.exists() {
            std::fs::create_dir_all(&folder).unwrap();
            let installed = Command::new("npm")
                .args([
                    "install",
                    "--no-save",
                    "--no-audit",
                    "--no-fund",
                    "--prefix",
                ])
                .arg(&folder)
                .arg(AXE)
                .stdout(Stdio::null())
                .status()
                .expect("npm is not installed");
            assert!(installed.success(), "npm could not install {AXE}");
        }
        std::fs::read_to_string(file).unwrap()
    })
}
