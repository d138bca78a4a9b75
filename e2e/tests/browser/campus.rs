//! An evening on campus: everything that a player does, and another player in it.

use anyhow::{Result, ensure};
use e2e::Stage;
use e2e::page::WIDE;
use e2e::terminal::Terminal;

#[tokio::test(flavor = "multi_thread")]
async fn an_evening_on_campus() -> Result<()> {
    Stage::play("campus", async |stage, world| {
        let ada = stage.browser(WIDE).await?;
        ada.open(&world.url()).await?;

        // A character is made, and earns, and spends.
        ada.ask("Ada", &["Welcome to the campus, Ada"]).await?;
        ada.connection(&["live"]).await?;
        ada.ask("mine 2", &["2 tries brought"]).await?;
        ada.earn().await?;
        ada.ask("buy cpu", &["You carry off"]).await?;
        ensure!(ada.fact("Coins").await? == "0", "all coins are spent");
        ensure!(ada.fact("Power").await?.parse::<u64>()? > 1, "what was bought computes");
        ada.ask("move bridge", &["The bridge"]).await?;
        ada.fact_has("Place", "bridge").await?;

        // A click does what a line does.
        ada.earn().await?;
        let mark = ada.mark().await?;
        ada.button("Buy").await?.click().await?;
        ada.see(mark, &["You carry off"]).await?;

        // Somebody comes by from a terminal, and is seen without anything being typed.
        let mut grace = Terminal::open(world, "Grace")?;
        grace.see(&["Welcome to the campus, Grace"]).await?;
        grace.line("move bridge")?;
        grace.see(&["Here: Ada"]).await?;
        ada.see_in(CAMPUS, &["Grace"]).await?;
        let map = ada.ask("map", &["fence"]).await?;
        ensure!(map.contains("Grace"), "Grace is on the map: {map}");

        // And what she does for the problem of all Undergraduates is seen too. Blows may fail, but not so many.
        for _ in 0..12 {
            grace.line("solve")?;
        }
        ada.see_in(PROBLEM, &["Grace"]).await?;
        // Her terminal is closed in the middle of a command.
        drop(grace);

        // A reload goes on where it was.
        let power = ada.fact("Power").await?;
        ada.reload().await?;
        ada.see(0, &["Welcome back, Ada"]).await?;
        ada.fact_has("Place", "bridge").await?;
        ensure!(ada.fact("Power").await? == power, "the hardware is still there");
        ada.earn().await?;
        ada.ask("inv", &[&format!("power {power}")]).await?;

        // And all that without a word of complaint in the console.
        let complaints: Vec<_> =
            ada.console().await?.into_iter().filter(|line| line.starts_with("SEVERE")).collect();
        ensure!(complaints.is_empty(), "the console complains:\n{}", complaints.join("\n"));
        Ok(())
    })
    .await
}

const CAMPUS: &str = "[aria-labelledby=campus-title]";
const PROBLEM: &str = "[aria-labelledby=problem-title]";
