//! Browser: the desk in a real headless Chromium, driven through Debian's chromedriver.
//!
//! Scripts run through the DevTools protocol, which the page's own content policy does not bind; so a policy that
//! forbids everything can be looked at from outside without being loosened.

use std::{
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::OnceLock,
    time::Instant,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::{LoggingPrefsLogLevel, prelude::*};

use super::{place, wait::LIMIT};

const CHROMIUM: &str = "/usr/bin/chromium";
const AXE: &str = "axe-core@4.14.1";

/// chromedriver with its browsers, in a process group of its own: all of it ends together.
struct Driver {
    child: Child,
    port: u16,
    /// Holds its log, which is looked at where a browser does not start.
    folder: TempDir,
}

impl Driver {
    fn start() -> Self {
        // With port 0 it takes a free one for IPv4 and then wants the same for IPv6, which another program may hold:
        // "IPv6 port not available. Exiting…". The next one is free for both, most likely.
        const TRIES: usize = 5;
        let mut said = Vec::new();
        for _ in 0..TRIES {
            match Self::begin() {
                Ok(driver) => return driver,
                Err(lines) => said = lines,
            }
            if !said.iter().any(|line| line.contains("port not available")) {
                break;
            }
        }
        panic!("chromedriver named no port:\n{}", said.join("\n"));
    }

    /// One try; what it said instead of a port.
    fn begin() -> Result<Self, Vec<String>> {
        let folder = place::off_the_disk();
        let mut child = Command::new("chromedriver")
            .args(["--port=0", "--verbose"])
            .arg(format!("--log-path={}", Self::log_in(&folder).display()))
            .process_group(0)
            .env("NO_PROXY", "127.0.0.1,localhost")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is not installed (Debian: chromium-driver)");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = Vec::new();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let port = line.split_once("started successfully on port ");
            let port = port.and_then(|(_, tail)| tail.trim_end_matches('.').parse().ok());
            said.push(line);
            port
        });
        let Some(port) = port else {
            let _ = child.wait();
            return Err(said);
        };
        // Its later output has to go somewhere, or it stops at a full pipe.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Ok(Self {
            child,
            port,
            folder,
        })
    }

    fn log_in(folder: &TempDir) -> PathBuf {
        folder.path().join("chromedriver.log")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(Self::log_in(&self.folder)).unwrap_or_default()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        let group = format!("-{}", self.child.id());
        let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
        let _ = self.child.wait();
    }
}

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

    /// A click of a real mouse in the middle of the first shown element with this text in it.
    pub async fn click_text(&self, css: &str, text: &str) {
        self.press(
            &format!(
                "{}.find((one) => one.textContent.includes({}))",
                shown(css),
                json!(text)
            ),
            &format!("{css} with {text:?}"),
            "left",
        )
        .await;
    }

    pub async fn click(&self, css: &str) {
        self.press(&format!("{}[0]", shown(css)), css, "left").await;
    }

    pub async fn right_click(&self, css: &str) {
        self.press(&format!("{}[0]", shown(css)), css, "right")
            .await;
    }

    async fn press(&self, element: &str, what: &str, button: &str) {
        // Where a hand would aim: at what stands still for two frames and lies on top.
        let place = format!(
            "(async () => {{ const one = {element}; one?.scrollIntoView({{ block: 'nearest' }}); \
             const frame = () => new Promise((done) => requestAnimationFrame(done)); \
             const box = () => one.getBoundingClientRect(); await frame(); \
             if (!one?.checkVisibility()) return null; \
             const before = box(); await frame(); const {{ x, y, width, height }} = box(); \
             if (before.x !== x || before.y !== y) return null; \
             const [left, top] = [x + width / 2, y + height / 2]; const hit = document.elementFromPoint(left, top); \
             return one.contains(hit) || hit?.closest('label')?.control === one ? [left, top] : null; }})()"
        );
        let start = Instant::now();
        let mut at = json!(null);
        // What the page moves, covers or takes away meanwhile is looked at again.
        while at.is_null() {
            self.until(&format!("{what} to click"), element).await;
            at = self.js(&place).await;
            assert!(
                start.elapsed() < LIMIT,
                "{what} is never where it can be clicked"
            );
        }
        for kind in ["mouseMoved", "mousePressed", "mouseReleased"] {
            let event =
                json!({ "type": kind, "x": at[0], "y": at[1], "button": button, "clickCount": 1 });
            self.cdp("Input.dispatchMouseEvent", event).await;
        }
    }

    /// A finger that rests on the first shown element with this text in it.
    pub async fn long_press(&self, css: &str, text: &str) {
        let element = format!(
            "{}.find((one) => one.textContent.includes({}))",
            shown(css),
            json!(text)
        );
        self.until(&format!("{css} with {text:?}"), &element).await;
        let at = self
            .js(&format!(
                "(() => {{ const box = {element}.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; }})()"
            ))
            .await;
        let touches = json!({ "enabled": true });
        self.cdp("Emulation.setTouchEmulationEnabled", touches)
            .await;
        let touch = json!({ "type": "touchStart", "touchPoints": [{ "x": at[0], "y": at[1] }] });
        self.cdp("Input.dispatchTouchEvent", touch).await;
    }

    /// The finger is lifted.
    pub async fn lift(&self) {
        let touch = json!({ "type": "touchEnd", "touchPoints": [] });
        self.cdp("Input.dispatchTouchEvent", touch).await;
    }

    /// What the clipboard holds; the page may read and write it from here on.
    pub async fn clipboard(&self) -> Value {
        let permissions =
            json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] });
        self.cdp("Browser.grantPermissions", permissions).await;
        self.js("navigator.clipboard.readText()").await
    }

    /// Moves the mouse away from everything.
    pub async fn leave(&self) {
        self.cdp(
            "Input.dispatchMouseEvent",
            json!({ "type": "mouseMoved", "x": 1, "y": 1 }),
        )
        .await;
    }

    /// Puts the cursor into a field and types.
    pub async fn fill(&self, css: &str, text: &str) {
        self.until(
            &format!("{css} to type into"),
            &format!("{}[0]", shown(css)),
        )
        .await;
        self.js(&format!(
            "(() => {{ const one = {}[0]; one.focus(); one.select?.(); }})()",
            shown(css)
        ))
        .await;
        self.type_text(text).await;
    }

    /// Types where the cursor is.
    pub async fn type_text(&self, text: &str) {
        self.cdp("Input.insertText", json!({ "text": text })).await;
    }

    /// Presses keys, `+` between those held together: `Enter`, `Alt+ArrowDown`, `Control+k`, `?`.
    pub async fn keys(&self, chord: &str) {
        let mut names: Vec<&str> = if chord == "+" {
            vec!["+"]
        } else {
            chord.split('+').collect()
        };
        let key = names.pop().unwrap();
        let modifiers = names.iter().fold(0, |sum, name| {
            sum | match *name {
                "Alt" => 1,
                "Control" => 2,
                "Meta" => 4,
                "Shift" => 8,
                other => panic!("unknown modifier {other}"),
            }
        });
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            "Tab" => 9,
            // Its own code would be that of Delete.
            "." => 190,
            _ => i64::from(key.to_uppercase().bytes().next().unwrap()),
        };
        let mut down = json!({ "type": "keyDown", "key": key, "windowsVirtualKeyCode": code, "modifiers": modifiers });
        if key.chars().count() == 1 && modifiers & 3 == 0 {
            down["text"] = json!(key);
        } else if key == "Enter" {
            down["text"] = json!("\r");
        }
        self.cdp("Input.dispatchKeyEvent", down.clone()).await;
        down["type"] = json!("keyUp");
        self.cdp("Input.dispatchKeyEvent", down).await;
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
