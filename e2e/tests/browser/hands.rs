//! A player with a phone, and one without a mouse.

use anyhow::{Result, ensure};
use e2e::Stage;
use e2e::page::{NARROW, Page, WIDE};
use fantoccini::key::Key;

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_shows_everything_without_scrolling_sideways() -> Result<()> {
    Stage::play("phone", async |stage, world| {
        let page = stage.browser(NARROW).await?;
        page.open(&world.url()).await?;
        page.fits().await?;
        // A name as long as names may be.
        page.ask("Rear-Admiral_GraceHopper", &["Welcome to the campus, Rear-Admiral_Grace"])
            .await?;
        page.ask("help", &["Two letters of a command"]).await?;
        page.ask("map", &["fence"]).await?;
        page.fits().await?;
        command_line_is_in_sight(&page).await?;
        for tab in ["You", "Campus", "Shop", "Problem"] {
            page.button(tab).await?.click().await?;
            page.fits().await?;
            command_line_is_in_sight(&page).await?;
            page.button(tab).await?.click().await?;
        }
        page.ask("mine 40", &["mine 40"]).await?;
        page.button("Stop").await?;
        page.line("a-line-that-waits-its-turn-and-is-quite-a-bit-longer-than-a-telephone-is-wide")
            .await?;
        page.fits().await?;
        command_line_is_in_sight(&page).await?;
        page.button("Stop").await?.click().await?;
        page.see(0, &["Stopped."]).await?;
        page.fits().await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keyboard_is_enough() -> Result<()> {
    Stage::play("keyboard", async |stage, world| {
        let page = stage.browser(WIDE).await?;
        page.open(&world.url()).await?;
        tab_to(&page, "Command").await?;
        page.keys("Linus").await?;
        page.key(Key::Enter).await?;
        page.see(0, &["Welcome to the campus, Linus"]).await?;
        page.see(0, &["for all there is"]).await?;

        // Completion, a long activity and its end, and history.
        page.keys("mi").await?;
        page.key(Key::Tab).await?;
        ensure!(page.typed().await?.trim() == "mine", "Tab completes: {:?}", page.typed().await?);
        page.keys("40").await?;
        page.key(Key::Enter).await?;
        page.button("Stop").await?;
        page.key(Key::Escape).await?;
        page.see(0, &["Stopped."]).await?;
        page.key(Key::Up).await?;
        ensure!(page.typed().await? == "mine 40", "history: {:?}", page.typed().await?);
        page.key(Key::Down).await?;
        ensure!(page.typed().await?.is_empty(), "and back: {:?}", page.typed().await?);

        // From the command line to a button and back.
        page.earn().await?;
        tab_to(&page, "Buy").await?;
        page.key(Key::Enter).await?;
        page.see(0, &["You carry off"]).await?;
        tab_to(&page, "Command").await?;
        page.keys("stats").await?;
        page.key(Key::Enter).await?;
        page.see(0, &["Linus, Undergraduate, at Gates, floor 5"]).await?;
        Ok(())
    })
    .await
}

/// Presses Tab until the focus is on what has this name, as everyone without a mouse does.
async fn tab_to(page: &Page, name: &str) -> Result<()> {
    let mut passed = Vec::new();
    for _ in 0..60 {
        let focused = page.focused().await?;
        if focused.starts_with(name) {
            return Ok(());
        }
        passed.push(focused);
        page.key(Key::Tab).await?;
    }
    anyhow::bail!("Tab never comes to {name:?}, but to {passed:?}")
}

async fn command_line_is_in_sight(page: &Page) -> Result<()> {
    let script =
        "const box = document.querySelector('[aria-label=\"Command\"]').getBoundingClientRect();
        return box.top >= 0 && box.bottom <= innerHeight && box.width > 100";
    ensure!(page.script(script).await? == true, "the command line is out of sight");
    Ok(())
}
