//! Pictures of the page's main states, for people who change it: `cargo xtask screenshots`.

use std::path::PathBuf;

use anyhow::Result;
use e2e::Stage;
use e2e::page::{NARROW, Page, Size, WIDE};
use e2e::terminal::Terminal;
use e2e::world::World;
use xtask::workspace;

#[tokio::test(flavor = "multi_thread")]
async fn wide_and_narrow_by_day_and_by_night() -> Result<()> {
    Stage::play("screenshots", async |stage, world| {
        for (shape, size) in [("wide", WIDE), ("narrow", NARROW)] {
            for scheme in ["light", "dark"] {
                Photographer { series: format!("{shape}-{scheme}") }
                    .walk(stage, world, size, scheme)
                    .await?;
            }
        }
        Ok(())
    })
    .await
}

struct Photographer {
    series: String,
}

impl Photographer {
    async fn walk(
        &self,
        stage: &mut Stage,
        world: &mut World,
        size: Size,
        scheme: &str,
    ) -> Result<()> {
        world.restart()?;
        let page = stage.browser(size).await?;
        page.scheme(scheme).await?;
        page.open(&world.url()).await?;
        self.shoot(&page, "1-name").await?;

        page.ask("Ada", &["Welcome to the campus"]).await?;
        page.see(0, &["for all there is"]).await?;
        self.shoot(&page, "2-story").await?;

        let mut others = Vec::new();
        for (name, place) in
            [("Grace", "5"), ("Edsger", "bridge"), ("Barbara", "fence"), ("Leslie", "5")]
        {
            let mut other = Terminal::open(world, name)?;
            other.line(&format!("move {place}"))?;
            other.see(&["floor", "bridge", "fence"]).await?;
            others.push(other);
        }
        page.ask("help", &["Two letters of a command"]).await?;
        page.ask("map", &["Barbara"]).await?;
        self.shoot(&page, "3-map").await?;

        page.earn().await?;
        page.ask("shop", &["buy KIND"]).await?;
        if size.width < WIDE.width {
            for (tab, name) in [
                ("You", "4-you"),
                ("Campus", "4-campus"),
                ("Shop", "4-shop"),
                ("Problem", "4-problem"),
            ] {
                page.button(tab).await?.click().await?;
                self.shoot(&page, name).await?;
                page.button(tab).await?.click().await?;
            }
        } else {
            self.shoot(&page, "4-shop").await?;
        }

        page.line("mine 20").await?;
        page.button("Stop").await?;
        page.line("buy cpu").await?;
        self.shoot(&page, "5-mining").await?;
        page.button("Stop").await?.click().await?;
        page.see(0, &["Stopped."]).await?;

        let mut other = Terminal::open(world, "Ada")?;
        other.see(&["Welcome back"]).await?;
        page.ask("inv", &["has been opened in another window"]).await?;
        self.shoot(&page, "6-taken-over").await?;
        page.ask("yes", &["Welcome back"]).await?;

        world.kill();
        page.connection(&["retrying"]).await?;
        page.ask("inv", &["The connection is lost"]).await?;
        self.shoot(&page, "7-no-connection").await?;
        world.restart()?;
        page.see(0, &["never heard of Ada"]).await?;
        self.shoot(&page, "8-empty-world").await?;
        Ok(())
    }

    async fn shoot(&self, page: &Page, name: &str) -> Result<()> {
        let file: PathBuf =
            workspace::target()?.join("screenshots").join(format!("{}-{name}.png", self.series));
        page.picture(&file).await
    }
}
