//! Debian's packages.

use std::io::{IsTerminal, stdin};
use std::process::Command;
use std::sync::Once;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::process::{in_path, run_quietly};

/// How long one call of apt-get may take, download included.
const LIMIT: Duration = Duration::from_secs(15 * 60);

/// Installs packages, through sudo if this is not root.
pub(super) fn install(packages: &[&str]) -> Result<()> {
    update()?;
    eprintln!("Installing {} with apt-get (once) ...", packages.join(", "));
    let mut command = apt_get()?;
    command.args(["install", "--yes", "--no-install-recommends"]).args(packages);
    run_quietly(&mut command, LIMIT)
}

/// The package named by the prefix and the highest number.
pub(super) fn newest(prefix: &str) -> Result<String> {
    update()?;
    let output = Command::new("apt-cache")
        .args(["search", "--names-only", &format!("^{prefix}[0-9]+$")])
        .output()
        .context("apt-cache does not start")?;
    highest(&String::from_utf8_lossy(&output.stdout), prefix)
        .with_context(|| format!("apt knows no package {prefix}NN"))
}

/// Fetches the lists of packages, once. Failing is not yet fatal: lists from before may do.
fn update() -> Result<()> {
    static ONCE: Once = Once::new();
    let mut command = apt_get()?;
    ONCE.call_once(|| {
        eprintln!("Fetching Debian's package lists ...");
        run_quietly(command.arg("update"), LIMIT).ok();
    });
    Ok(())
}

fn apt_get() -> Result<Command> {
    let apt_get = in_path(&["apt-get"]).context("apt-get is not there")?;
    let mut command = if is_root() {
        Command::new(apt_get)
    } else {
        let sudo = in_path(&["sudo"]).context("apt-get needs root, and sudo is not there")?;
        let mut command = Command::new(sudo);
        if !stdin().is_terminal() {
            command.arg("--non-interactive");
        }
        command.args(["env", "DEBIAN_FRONTEND=noninteractive"]).arg(apt_get);
        command
    };
    // Another installation may be under way; wait for it rather than fail.
    command.env("DEBIAN_FRONTEND", "noninteractive").args(["-q", "-o", "DPkg::Lock::Timeout=300"]);
    Ok(command)
}

#[cfg(unix)]
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

/// Among lines like "lld-19 - LLVM-based linker", the name with the highest number.
fn highest(listing: &str, prefix: &str) -> Option<String> {
    let names = listing.lines().filter_map(|line| line.split_whitespace().next());
    names.max_by_key(|name| name.strip_prefix(prefix)?.parse::<u32>().ok()).map(str::to_string)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_number_wins() {
        let listing = "lld-9 - linker\nlld-22 - linker\nlld-19 - linker\nlld-x - not one\n";
        assert_eq!(highest(listing, "lld-"), Some("lld-22".to_string()));
        assert_eq!(highest("", "lld-"), None);
    }
}
