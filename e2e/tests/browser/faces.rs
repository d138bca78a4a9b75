//! One character in a terminal and in a browser.

use anyhow::{Result, ensure};
use e2e::Stage;
use e2e::page::WIDE;
use e2e::terminal::Terminal;

const TAKEN: &str = "has been opened in another window";

#[tokio::test(flavor = "multi_thread")]
async fn a_character_walks_from_face_to_face_and_back() -> Result<()> {
    Stage::play("faces", async |stage, world| {
        let mut terminal = Terminal::open(world, "Barbara")?;
        terminal.see(&["Welcome to the campus, Barbara"]).await?;
        terminal.line("move fence")?;
        terminal.see(&["The fence."]).await?;
        terminal.line("mine 3")?;
        terminal.see(&["3 tries brought"]).await?;
        terminal.line("inv")?;
        terminal.see(&["Together they have power"]).await?;

        // On in the browser, with all she has; names do not care about capitals.
        let page = stage.browser(WIDE).await?;
        page.open(&world.url()).await?;
        page.ask("barbara", &["Welcome back, Barbara"]).await?;
        page.fact_has("Place", "fence").await?;
        let coins = page.fact("Coins").await?;
        let shown = format!("You have {coins}.");
        ensure!(terminal.transcript().contains(&shown), "the terminal never had {coins} coins");

        // The client left behind says so at its next command, and the command does nothing.
        terminal.line("move 9")?;
        terminal.see(&[TAKEN]).await?;
        page.ask("stats", &["at the fence"]).await?;

        // And back.
        page.earn().await?;
        let coins = page.fact("Coins").await?;
        terminal.line("yes")?;
        terminal.see(&["Welcome back, Barbara"]).await?;
        terminal.line("inv")?;
        let unit = if coins == "1" { "coin" } else { "coins" };
        terminal.see(&[&format!("{coins} {unit}.")]).await?;
        page.ask("mine", &[TAKEN]).await?;
        page.ask("no", &["Goodbye"]).await?;

        ensure!(terminal.leave()?.success(), "the end of input is a goodbye");
        Ok(())
    })
    .await
}
