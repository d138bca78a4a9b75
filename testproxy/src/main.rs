//! `testproxy`: the proxy for tests as a program, controlled by lines on its standard input.

use std::{num::NonZeroU32, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Parser;
use testproxy::{Passage, Proxy};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

/// A port that leads to another one through a bad network. Prints its address, then takes commands from its standard
/// input, one a line: delay MS, throttle BYTES (0: no limit), hold (bytes wait), hang (bytes are swallowed),
/// cut (connections end), heal. It runs until it is stopped.
#[derive(Parser)]
#[command(name = "testproxy")]
struct Arguments {
    /// Where to listen; port 0 is a free one.
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:0")]
    listen: String,
    /// Where connections lead.
    #[arg(long, value_name = "HOST:PORT")]
    to: String,
    /// How long every byte travels, in each direction.
    #[arg(long, value_name = "MS", default_value_t = 0)]
    delay: u64,
    /// How many bytes pass in a second, in each direction.
    #[arg(long, value_name = "BYTES")]
    throttle: Option<NonZeroU32>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let Arguments { listen, to, delay, throttle } = Arguments::parse();
    let proxy =
        Proxy::start(&listen, to).await.with_context(|| format!("cannot listen on {listen}"))?;
    proxy.delay(Duration::from_millis(delay));
    proxy.change(|network| network.both(|way| way.bytes_per_second = throttle));
    println!("{}", proxy.near());
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        if let Err(error) = obey(&proxy, &line) {
            eprintln!("{line}: {error:#}");
        }
    }
    std::future::pending().await
}

fn obey(proxy: &Proxy, line: &str) -> Result<()> {
    match line.split_whitespace().collect::<Vec<_>>()[..] {
        [] => {}
        ["delay", millis] => proxy.delay(Duration::from_millis(millis.parse()?)),
        ["throttle", bytes] => {
            let rate = NonZeroU32::new(bytes.parse()?);
            proxy.change(|network| network.both(|way| way.bytes_per_second = rate));
        }
        ["hold"] => proxy.change(|network| network.both(|way| way.passage = Passage::Held)),
        ["hang"] => proxy.hang(),
        ["cut"] => proxy.cut(),
        ["heal"] => proxy.heal(),
        _ => bail!("not a command"),
    }
    Ok(())
}
