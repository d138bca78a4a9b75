//! A player at a browser: real Chromium, driven through its driver.

mod driver;

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use fantoccini::Locator;
use fantoccini::elements::Element;
use fantoccini::key::Key;
use serde_json::{Value, json};

use crate::wait::until;
pub use driver::Driver;

/// A window's size in CSS pixels.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Width.
    pub width: u32,
    /// Height.
    pub height: u32,
}

/// A desk's screen.
pub const WIDE: Size = Size { width: 1280, height: 800 };

/// A phone's.
pub const NARROW: Size = Size { width: 390, height: 844 };

const COMMAND: &str = r#"[aria-label="Command"]"#;
const LOG: &str = r#"[role="log"]"#;
const STATUS: &str = r#"[role="status"]"#;

/// A browser with the game's page, as its player uses it.
#[derive(Debug, Clone)]
pub struct Page {
    client: fantoccini::Client,
    name: String,
}

impl Page {
    /// What this browser is called in messages and files.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Opens an address and waits until the page takes input.
    pub async fn open(&self, url: &str) -> Result<()> {
        self.client.goto(url).await?;
        self.ready().await
    }

    /// Reloads, and waits until the page takes input.
    pub async fn reload(&self) -> Result<()> {
        self.client.refresh().await?;
        self.ready().await
    }

    async fn ready(&self) -> Result<()> {
        until("the page's command line", async || self.client.find(Locator::Css(COMMAND)).await)
            .await?;
        Ok(())
    }

    /// Shows the page by day or by night, as its visitor prefers.
    pub async fn scheme(&self, scheme: &str) -> Result<()> {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        driver::devtools(&self.client, "Emulation.setEmulatedMedia", features).await
    }

    /// From now on everything is fetched anew, as at a first visit.
    pub async fn without_cache(&self) -> Result<()> {
        let disabled = json!({"cacheDisabled": true});
        driver::devtools(&self.client, "Network.setCacheDisabled", disabled).await
    }

    /// Makes the window this large.
    pub async fn resize(&self, size: Size) -> Result<()> {
        let Size { width, height } = size;
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        driver::devtools(&self.client, "Emulation.setDeviceMetricsOverride", metrics).await
    }

    /// The element, once it is there.
    pub async fn find(&self, css: &str) -> Result<Element> {
        until(css, async || self.client.find(Locator::Css(css)).await).await
    }

    /// Types a line into the command line, and Enter.
    pub async fn line(&self, line: &str) -> Result<()> {
        self.find(COMMAND).await?.send_keys(&format!("{line}\u{e007}")).await?;
        Ok(())
    }

    /// Presses keys, wherever the focus is; some may be `Key`s in their character form.
    pub async fn keys(&self, keys: &str) -> Result<()> {
        self.client.active_element().await?.send_keys(keys).await?;
        Ok(())
    }

    /// Presses one key, wherever the focus is.
    pub async fn key(&self, key: Key) -> Result<()> {
        self.keys(&char::from(key).to_string()).await
    }

    /// What a script on the page returns.
    pub async fn script(&self, script: &str) -> Result<Value> {
        Ok(self.client.execute(script, Vec::new()).await?)
    }

    /// The text of an element, empty if it is not there.
    pub async fn text(&self, css: &str) -> Result<String> {
        let script = "return document.querySelector(arguments[0])?.innerText ?? ''";
        let text = self.client.execute(script, vec![json!(css)]).await?;
        Ok(text.as_str().unwrap_or_default().to_string())
    }

    /// Everything in the log.
    pub async fn log(&self) -> Result<String> {
        self.text(LOG).await
    }

    /// What the command line holds.
    pub async fn typed(&self) -> Result<String> {
        Ok(self.find(COMMAND).await?.prop("value").await?.unwrap_or_default())
    }

    /// Waits until an element has one of these texts, whatever their case; returns its text.
    pub async fn see_in(&self, css: &str, texts: &[&str]) -> Result<String> {
        until(&format!("{texts:?} in {css} of {}", self.name), async || {
            one_of(self.text(css).await?, texts)
        })
        .await
    }

    /// Waits until the log has one of these texts after the first `from` characters (see [`Page::mark`]).
    pub async fn see(&self, from: usize, texts: &[&str]) -> Result<String> {
        until(&format!("{texts:?} in the log of {}", self.name), async || {
            one_of(self.log().await?.chars().skip(from).collect(), texts)
        })
        .await
    }

    /// How long the log is now: what comes later is new.
    pub async fn mark(&self) -> Result<usize> {
        Ok(self.log().await?.chars().count())
    }

    /// Types a line and waits for one of these texts among what the page says then; returns that.
    pub async fn ask(&self, line: &str, texts: &[&str]) -> Result<String> {
        let mark = self.mark().await?;
        self.line(line).await?;
        self.see(mark, texts).await.with_context(|| format!("after typing {line:?}"))
    }

    /// Mines until there is a coin to spend.
    pub async fn earn(&self) -> Result<()> {
        // Nine tries in ten succeed.
        for _ in 0..20 {
            let told = self.ask("mine", &["You have ", "Nothing"]).await?;
            if told.contains("You have ") {
                return Ok(());
            }
        }
        bail!("twenty tries brought nothing")
    }

    /// What the page's cards say about the character: "Coins", "Place".
    pub async fn fact(&self, name: &str) -> Result<String> {
        let script = "const terms = [...document.querySelectorAll('dt')];
            const term = terms.find(term => term.innerText === arguments[0]);
            return term?.nextElementSibling?.innerText ?? null";
        until(&format!("the fact {name:?}"), async || {
            let fact = self.client.execute(script, vec![json!(name)]).await?;
            fact.as_str().map(str::to_string).context("nothing")
        })
        .await
    }

    /// Waits until a fact has this in it.
    pub async fn fact_has(&self, name: &str, value: &str) -> Result<()> {
        until(&format!("{name} to have {value:?}"), async || {
            let fact = self.fact(name).await?;
            fact.contains(value).then_some(()).with_context(|| fact)
        })
        .await
    }

    /// The button whose name begins like this, once it is there and can be pressed.
    pub async fn button(&self, name: &str) -> Result<Element> {
        let path =
            format!("//button[starts-with(normalize-space(.), '{name}') and not(@disabled)]");
        until(&format!("the button {name:?}"), async || {
            self.client.find(Locator::XPath(&path)).await
        })
        .await
    }

    /// The name of what has the focus.
    pub async fn focused(&self) -> Result<String> {
        let script = "const focus = document.activeElement;
            return focus.getAttribute('aria-label') ?? focus.textContent.trim().slice(0, 40)";
        Ok(self.script(script).await?.as_str().unwrap_or_default().to_string())
    }

    /// What the page says about its connection.
    pub async fn connection(&self, texts: &[&str]) -> Result<String> {
        self.see_in(STATUS, texts).await
    }

    /// Fails if anything sticks out to the right of the window.
    pub async fn fits(&self) -> Result<()> {
        let script = "const root = document.documentElement;
            const wide = [...document.querySelectorAll('body *')].filter(element =>
                element.getBoundingClientRect().right > root.clientWidth + 1 && getComputedStyle(element).position !== 'absolute');
            return {page: root.scrollWidth, window: root.clientWidth,
                wide: wide.slice(0, 5).map(element => element.outerHTML.slice(0, 120))}";
        let sizes = self.script(script).await?;
        ensure!(
            sizes["page"].as_u64() <= sizes["window"].as_u64(),
            "{} is wider than its window: {sizes:#}",
            self.name
        );
        Ok(())
    }

    /// Saves a picture.
    pub async fn picture(&self, file: &Path) -> Result<()> {
        let folder = file.parent().context("a picture has a folder")?;
        std::fs::create_dir_all(folder)?;
        std::fs::write(file, self.client.screenshot().await?)?;
        Ok(())
    }

    /// What the browser's console says, one message a line; each is given once.
    pub async fn console(&self) -> Result<Vec<String>> {
        driver::console(&self.client).await
    }

    /// Closes the browser.
    pub async fn close(self) {
        self.client.close().await.ok();
    }
}

/// The text, if it has one of those wanted, whatever their case; otherwise its end, for the message.
fn one_of(text: String, wanted: &[&str]) -> Result<String> {
    const SHOWN: usize = 300;
    let lower = text.to_lowercase();
    if wanted.iter().any(|wanted| lower.contains(&wanted.to_lowercase())) {
        return Ok(text);
    }
    let skipped = text.chars().count().saturating_sub(SHOWN);
    Err(anyhow!("{:?}", text.chars().skip(skipped).collect::<String>()))
}
