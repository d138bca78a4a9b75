//! The browser's driver, a process of its own, and what WebDriver's standard lacks.

use std::io::{BufRead, BufReader, copy, sink};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use fantoccini::ClientBuilder;
use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;
use url::{ParseError, Url};
use xtask::toolchain::Browser;

use super::{Page, Size};

/// How long the driver may take to listen.
const START_LIMIT: Duration = Duration::from_secs(30);

/// A running chromedriver. It ends with this value, and takes its browsers along.
#[derive(Debug)]
pub struct Driver {
    child: Child,
    url: String,
    browser: Browser,
    profiles: Vec<TempDir>,
}

impl Driver {
    /// Starts it on a free port.
    pub fn start() -> Result<Driver> {
        let browser = Browser::find().context(
            "the browser tests need Chromium and chromedriver in PATH; `cargo xtask test browser` installs them",
        )?;
        let mut child = Command::new(&browser.chromedriver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("chromedriver does not start")?;
        let stdout = child.stdout.take().context("its output is piped")?;
        let mut driver = Driver { child, url: String::new(), browser, profiles: Vec::new() };
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut stdout = BufReader::new(stdout);
            let mut line = String::new();
            while stdout.read_line(&mut line).is_ok_and(|length| length > 0) {
                if let Some(port) = port(&line) {
                    sender.send(port).ok();
                    break;
                }
                line.clear();
            }
            copy(&mut stdout, &mut sink()).ok();
        });
        let port = receiver.recv_timeout(START_LIMIT).context("chromedriver names no port")?;
        driver.url = format!("http://127.0.0.1:{port}");
        Ok(driver)
    }

    /// Opens a browser with an empty profile.
    pub async fn browser(&mut self, name: &str, size: Size) -> Result<Page> {
        let profile = tempfile::tempdir().context("no folder for the browser's profile")?;
        let mut arguments: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            // A page that plays in the background must not be slowed down.
            "--disable-background-timer-throttling",
            "--disable-renderer-backgrounding",
        ]
        .map(str::to_string)
        .to_vec();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        self.profiles.push(profile);
        let capabilities = json!({
            "goog:chromeOptions": {"binary": self.browser.chromium, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is an object") };
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&self.url)
            .await
            .context("the browser does not start")?;
        let page = Page { client, name: name.to_string() };
        page.resize(size).await?;
        Ok(page)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// The port in "ChromeDriver was started successfully on port 12345."
fn port(line: &str) -> Option<u16> {
    line.split_once("started successfully on port ")?.1.trim().trim_end_matches('.').parse().ok()
}

/// Runs a command of the browser's own protocol, for what WebDriver cannot say.
pub(super) async fn devtools(
    client: &fantoccini::Client,
    name: &str,
    parameters: Value,
) -> Result<()> {
    let body = json!({"cmd": name, "params": parameters});
    client.issue_cmd(Post { path: "goog/cdp/execute", body }).await?;
    Ok(())
}

/// What the console says since it was asked last.
pub(super) async fn console(client: &fantoccini::Client) -> Result<Vec<String>> {
    let entries =
        client.issue_cmd(Post { path: "se/log", body: json!({"type": "browser"}) }).await?;
    let entries = entries.as_array().cloned().unwrap_or_default();
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap_or_default().to_string();
    Ok(entries
        .iter()
        .map(|entry| format!("{}: {}", text(entry, "level"), text(entry, "message")))
        .collect())
}

/// A command that goes to a path of the session.
#[derive(Debug)]
struct Post {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Post {
    fn endpoint(&self, base_url: &Url, session_id: Option<&str>) -> Result<Url, ParseError> {
        base_url.join(&format!("session/{}/{}", session_id.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read() {
        assert_eq!(port("ChromeDriver was started successfully on port 40123.\n"), Some(40123));
        assert_eq!(port("Only local connections are allowed.\n"), None);
    }
}
