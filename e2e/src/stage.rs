//! What a test plays on.

use std::path::PathBuf;

use anyhow::Result;
use xtask::workspace;

use crate::page::{Driver, Page, Size};
use crate::world::World;

/// Browsers, and the evidence of what went wrong in them.
#[derive(Debug)]
pub struct Stage {
    name: String,
    driver: Driver,
    pages: Vec<Page>,
}

impl Stage {
    /// Plays a test in a new world. If it fails, the error comes with the log and the console of every browser it used, and their
    /// pictures are in the target directory.
    pub async fn play(
        name: &str,
        test: impl AsyncFnOnce(&mut Stage, &mut World) -> Result<()>,
    ) -> Result<()> {
        let mut stage =
            Stage { name: name.to_string(), driver: Driver::start()?, pages: Vec::new() };
        // It outlives the test, so that the pictures show what went wrong and not that the server is gone.
        let mut world = World::start(name)?;
        let mut result = test(&mut stage, &mut world).await;
        for (index, page) in stage.pages.drain(..).enumerate() {
            if let Err(error) = result {
                result = Err(error.context(evidence(&stage.name, index, &page).await));
            }
            page.close().await;
        }
        result
    }

    /// Opens another browser.
    pub async fn browser(&mut self, size: Size) -> Result<Page> {
        let name = format!("{} {}", self.name, self.pages.len() + 1);
        let page = self.driver.browser(&name, size).await?;
        self.pages.push(page.clone());
        Ok(page)
    }
}

/// What a person needs to understand a failure in a browser.
async fn evidence(test: &str, index: usize, page: &Page) -> String {
    let file = format!("{test}-{}.png", index + 1);
    let picture = workspace::target()
        .map_or_else(|_| PathBuf::from(&file), |target| target.join("e2e-failures").join(&file));
    let pictured = page.picture(&picture).await.map(|()| picture.display().to_string());
    let console = page.console().await.map(|lines| lines.join("\n"));
    let log = page.log().await;
    let or_why = |part: Result<String>| part.unwrap_or_else(|error| format!("({error:#})"));
    format!(
        "browser {}\npicture: {}\nconsole:\n{}\nlog:\n{}\n",
        page.name(),
        or_why(pictured),
        or_why(console),
        or_why(log)
    )
}
