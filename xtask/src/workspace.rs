//! Where things are, and how cargo is called.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The root of the workspace.
///
/// Cargo's variable is asked at run time first, so that a binary which moved with its project still finds it: this
/// crate and the end-to-end tests both stand one level below the root.
pub fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let manifest_dir = env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        manifest_dir.parent().map_or(manifest_dir.clone(), Path::to_path_buf)
    })
}

/// Cargo's target directory, wherever the caller's configuration puts it.
pub fn target() -> Result<&'static Path> {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    if let Some(target) = TARGET.get() {
        return Ok(target);
    }
    let output = cargo("metadata")
        .args(["--format-version", "1", "--no-deps"])
        .stderr(Stdio::inherit())
        .output()
        .context("cargo metadata does not start")?;
    let metadata: Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata gave no JSON")?;
    let target = metadata["target_directory"]
        .as_str()
        .context("cargo metadata names no target directory")?;
    Ok(TARGET.get_or_init(|| PathBuf::from(target)))
}

/// A cargo command in the root of the workspace.
pub fn cargo(verb: &str) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).arg(verb);
    command
}

/// The programs that a person plays with.
#[derive(Debug, Clone)]
pub struct Programs {
    /// The storage server.
    pub kvserver: PathBuf,
    /// The game in a terminal.
    pub cmud: PathBuf,
    /// The store's command line.
    pub kv: PathBuf,
}

impl Programs {
    /// Builds what is not up to date; `options` choose the profile and the packages.
    ///
    /// Cargo itself says where the programs are, because target directory, profile and target triple are all
    /// configurable.
    pub fn build(verb: &str, options: &[&str]) -> Result<Programs> {
        let output = cargo(verb)
            .args(options)
            .arg("--message-format=json-render-diagnostics")
            .stderr(Stdio::inherit())
            .output()
            .context("cargo does not start")?;
        if !output.status.success() {
            bail!("cargo {verb} {} failed", options.join(" "));
        }
        let found = executables(&output.stdout);
        let find = |name: &str| {
            let program = found.iter().find(|(found_name, _)| found_name == name);
            program
                .map(|(_, path)| path.clone())
                .with_context(|| format!("cargo built no program {name}"))
        };
        Ok(Programs { kvserver: find("kvserver")?, cmud: find("cmud")?, kv: find("kv")? })
    }
}

/// The programs, tests left out, among cargo's messages.
fn executables(messages: &[u8]) -> Vec<(String, PathBuf)> {
    String::from_utf8_lossy(messages)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["profile"]["test"] == false)
        .filter_map(|message| {
            let name = message["target"]["name"].as_str()?;
            Some((name.to_string(), PathBuf::from(message["executable"].as_str()?)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_and_tests_are_not() {
        let messages = br#"
{"reason":"compiler-artifact","target":{"name":"kv"},"profile":{"test":true},"executable":"/t/deps/kv-1"}
{"reason":"compiler-artifact","target":{"name":"kv"},"profile":{"test":false},"executable":"/t/kv"}
{"reason":"compiler-artifact","target":{"name":"cmud"},"profile":{"test":false},"executable":null}
not JSON
{"reason":"build-finished","success":true}
"#;
        assert_eq!(executables(messages), [("kv".to_string(), PathBuf::from("/t/kv"))]);
    }

    #[test]
    fn the_root_is_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
    }
}
