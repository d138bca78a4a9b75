//! Servers and networks that go away, and come back.

use anyhow::Result;
use e2e::Stage;
use e2e::page::WIDE;
use testproxy::Proxy;

#[tokio::test(flavor = "multi_thread")]
async fn a_server_dies_and_comes_back_with_nothing() -> Result<()> {
    Stage::play("death", async |stage, world| {
        let page = stage.browser(WIDE).await?;
        page.open(&world.url()).await?;
        page.ask("Konrad", &["Welcome to the campus, Konrad"]).await?;
        page.ask("inv", &["Together they have power"]).await?;
        page.connection(&["live"]).await?;

        world.kill();
        page.connection(&["retrying"]).await?;
        page.ask("inv", &["The connection is lost"]).await?;

        world.restart()?;
        page.connection(&["live"]).await?;
        page.see(0, &["never heard of Konrad"]).await?;
        page.ask("yes", &["Welcome to the campus, Konrad"]).await?;
        page.ask("inv", &["Together they have power"]).await?;

        // Whoever only looks is told as well, and sees nobody who is not there.
        page.find(".identity").await?;
        world.kill();
        page.connection(&["retrying"]).await?;
        world.restart()?;
        let mark = page.mark().await?;
        page.see(mark, &["never heard of Konrad"]).await?;
        assert_eq!(page.text(".identity").await?, "");
        page.ask("no", &["on your student card"]).await?;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cable_is_pulled_and_the_command_waits_for_it() -> Result<()> {
    Stage::play("cable", async |stage, world| {
        let cable = Proxy::start("127.0.0.1:0", world.http.to_string()).await?;
        let page = stage.browser(WIDE).await?;
        page.open(&format!("http://{}/", cable.near())).await?;
        page.ask("Edsger", &["Welcome to the campus, Edsger"]).await?;
        page.ask("move 9", &["Floor 9"]).await?;

        cable.cut();
        page.connection(&["retrying"]).await?;
        let mark = page.mark().await?;
        page.line("move fence").await?;
        page.line("stats").await?;
        page.see(mark, &["The connection is lost"]).await?;

        cable.heal();
        page.see(mark, &["The connection is back"]).await?;
        page.see(mark, &["Edsger, Undergraduate, at the fence"]).await?;
        page.connection(&["live"]).await?;
        Ok(())
    })
    .await
}
