//! The compiler for the page, the browser for its tests, and Redis for benchmarks: found, or installed.
//!
//! Two ways lead to a compiler for `wasm32-unknown-unknown`: rustup's target, and on Debian, where rustup's server
//! cannot be reached, the distribution's `rustc-web`, whose standard library is built from its source. The second
//! needs an unstable flag of cargo, so the compiler is told to allow those, for the page alone.
//!
//! Whatever is there is used without a word; what is missing is installed once and said in one line.

mod apt;

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, bail};

use crate::process::{in_path, run_quietly};
use crate::workspace;

/// The page's target.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// How long rustup may take to fetch the target's standard library (about 20 MB).
const RUSTUP_LIMIT: Duration = Duration::from_secs(120);

/// Where Debian puts its compiler; the `rustc` in PATH is rustup's.
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CLIPPY: &str = "/usr/bin/cargo-clippy";

/// A compiler that can build the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wasm {
    /// The usual one has the target's standard library.
    Installed,
    /// Debian's, with the standard library built from source.
    FromSource {
        /// LLVM's linker for WebAssembly, whose name has a version suffix there.
        linker: PathBuf,
    },
}

impl Wasm {
    /// The one that is here, or else gets installed.
    pub fn ready() -> Result<Wasm> {
        if let Some(wasm) = Wasm::find() {
            return Ok(wasm);
        }
        let mut tried = Vec::new();
        for install in [install_with_rustup, install_with_apt] {
            match install() {
                Ok(()) => match Wasm::find() {
                    Some(wasm) => return Ok(wasm),
                    None => tried.push("installed, but then not found".to_string()),
                },
                Err(error) => tried.push(format!("{error:#}")),
            }
        }
        bail!(
            "the page needs a Rust compiler for {TARGET}, and it could not be installed.\n\
             By hand, with rustup:  rustup target add {TARGET}\n\
             or on Debian, as root: apt-get install rustc-web rust-web-src lld-NN (the highest NN there is)\n\
             What was tried:\n- {}",
            tried.join("\n- ")
        )
    }

    /// The one that is here.
    pub fn find() -> Option<Wasm> {
        if has_target() {
            return Some(Wasm::Installed);
        }
        let linker = newest_linker()?;
        debian_compiler_will_do().then_some(Wasm::FromSource { linker })
    }

    /// A cargo command for the page's target, in a target directory of its own: two compilers that shared one would
    /// rebuild each other's work.
    ///
    /// Flags that the caller has for native builds (a linker, a processor) would break this one and are kept away.
    pub fn cargo(&self, verb: &str) -> Result<Command> {
        let mut command = workspace::cargo(verb);
        self.prepare(&mut command)?;
        Ok(command)
    }

    /// Clippy for the page's target; `None` where the compiler has none.
    pub fn clippy(&self) -> Result<Option<Command>> {
        let mut command = match self {
            Wasm::Installed => workspace::cargo("clippy"),
            Wasm::FromSource { .. } if Path::new(DEBIAN_CLIPPY).is_file() => {
                let mut command = Command::new(DEBIAN_CLIPPY);
                command.current_dir(workspace::root()).arg("clippy");
                command
            }
            Wasm::FromSource { .. } => return Ok(None),
        };
        self.prepare(&mut command)?;
        Ok(Some(command))
    }

    fn prepare(&self, command: &mut Command) -> Result<()> {
        for name in
            ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER"]
        {
            command.env_remove(name);
        }
        // Set but empty, it takes precedence over every other source of flags, configuration files included.
        command.env("CARGO_ENCODED_RUSTFLAGS", "");
        command.args(["--target", TARGET, "--target-dir"]).arg(workspace::target()?.join("wasm"));
        if let Wasm::FromSource { linker } = self {
            command
                .args(["-Z", "build-std=std,panic_abort"])
                .env("RUSTC", DEBIAN_RUSTC)
                .env("RUSTC_BOOTSTRAP", "1")
                .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        Ok(())
    }
}

/// A browser and the program that drives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Browser {
    /// Chromium or Google Chrome.
    pub chromium: PathBuf,
    /// Its driver.
    pub chromedriver: PathBuf,
}

impl Browser {
    /// The one that is here, or else gets installed.
    pub fn ready() -> Result<Browser> {
        if let Some(browser) = Browser::find() {
            return Ok(browser);
        }
        let why = match apt::install(&["chromium", "chromium-driver"]) {
            Ok(()) => match Browser::find() {
                Some(browser) => return Ok(browser),
                None => "installed, but then not found".to_string(),
            },
            Err(error) => format!("{error:#}"),
        };
        bail!(
            "the browser tests need Chromium (or Google Chrome) and its chromedriver in PATH, and they could not be \
             installed.\n\
             By hand, on Debian, as root: apt-get install chromium chromium-driver\n\
             elsewhere: Chrome, and the chromedriver of the same version (googlechromelabs.github.io/chrome-for-testing)\n\
             What was tried:\n- {why}"
        )
    }

    /// The one that is here.
    pub fn find() -> Option<Browser> {
        let mac = PathBuf::from("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
        let names =
            ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
        Some(Browser {
            chromium: in_path(&names).or_else(|| mac.is_file().then_some(mac))?,
            chromedriver: in_path(&["chromedriver"])?,
        })
    }
}

/// The server that benchmarks stand beside: the one that is here, or else it gets installed.
pub fn redis_server() -> Result<PathBuf> {
    let find = || in_path(&["redis-server"]);
    if let Some(redis) = find() {
        return Ok(redis);
    }
    let why = match apt::install(&["redis-server"]) {
        Ok(()) => match find() {
            Some(redis) => return Ok(redis),
            None => "installed, but then not found".to_string(),
        },
        Err(error) => format!("{error:#}"),
    };
    bail!(
        "redis-server is not in PATH and could not be installed.\n\
         By hand, on Debian, as root: apt-get install redis-server\n\
         What was tried:\n- {why}"
    )
}

/// Installs Debian's clippy for the page's target where that is the compiler in use; a bonus, so failing is silent.
pub fn add_clippy(wasm: &Wasm) {
    if matches!(wasm, Wasm::FromSource { .. }) && !Path::new(DEBIAN_CLIPPY).is_file() {
        apt::install(&["rust-web-clippy"]).ok();
    }
}

fn install_with_rustup() -> Result<()> {
    if in_path(&["rustup"]).is_none() {
        bail!("rustup is not in PATH");
    }
    eprintln!("Installing the Rust target {TARGET} with rustup (once) ...");
    run_quietly(Command::new("rustup").args(["target", "add", TARGET]), RUSTUP_LIMIT)
}

fn install_with_apt() -> Result<()> {
    let linker = apt::newest("lld-")?;
    apt::install(&["rustc-web", "rust-web-src", &linker])
}

/// Whether the compiler that cargo uses has the target's standard library.
fn has_target() -> bool {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let query = ["--print", "target-libdir", "--target", TARGET];
    Command::new(rustc).args(query).output().is_ok_and(|output| {
        let folder = String::from_utf8_lossy(&output.stdout);
        Path::new(folder.trim()).read_dir().is_ok_and(|mut files| files.next().is_some())
    })
}

/// Whether Debian's compiler is there with the sources, and is new enough for this project.
fn debian_compiler_will_do() -> bool {
    let sources = Path::new("/usr/lib/rustlib/src/rust/library/std/Cargo.toml");
    sources.is_file()
        && Command::new(DEBIAN_RUSTC).arg("--version").output().is_ok_and(|output| {
            let version = String::from_utf8_lossy(&output.stdout).into_owned();
            let version = version.split_whitespace().nth(1).and_then(minor);
            version >= minor(env!("CARGO_PKG_RUST_VERSION"))
        })
}

/// 95 of "1.95" and of "1.95.0-nightly".
fn minor(version: &str) -> Option<u32> {
    version.strip_prefix("1.")?.split('.').next()?.parse().ok()
}

/// `wasm-ld`, or of `wasm-ld-NN` the one with the highest NN.
fn newest_linker() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    let files = env::split_paths(&path)
        .filter_map(|folder| folder.read_dir().ok())
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()));
    newest_of(files, "wasm-ld-").or_else(|| in_path(&["wasm-ld"]))
}

/// The file with the highest number after the prefix.
fn newest_of(files: impl Iterator<Item = PathBuf>, prefix: &str) -> Option<PathBuf> {
    files
        .filter_map(|file| {
            let number = file.file_name()?.to_str()?.strip_prefix(prefix)?.parse::<u32>().ok()?;
            Some((number, file))
        })
        .max()
        .map(|(_, file)| file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_linker_is_chosen_by_number() {
        let files = ["/a/wasm-ld-9", "/a/wasm-ld-22", "/b/wasm-ld-19", "/b/wasm-ld-x", "/b/ld-99"];
        let newest = newest_of(files.into_iter().map(PathBuf::from), "wasm-ld-");
        assert_eq!(newest, Some(PathBuf::from("/a/wasm-ld-22")));
    }

    #[test]
    fn versions_are_compared_by_their_middle_number() {
        assert_eq!(minor("1.95"), Some(95));
        assert_eq!(minor("1.100.0-nightly"), Some(100));
        assert_eq!(minor("banana"), None);
        assert!(None < minor("1.95"));
    }

    #[test]
    fn the_callers_flags_stay_away() {
        let command = Wasm::Installed.cargo("build").unwrap();
        let flags = command.get_envs().find(|(name, _)| *name == "CARGO_ENCODED_RUSTFLAGS");
        assert_eq!(flags.and_then(|(_, value)| value), Some("".as_ref()));
        assert!(command.get_envs().any(|(name, value)| name == "RUSTFLAGS" && value.is_none()));
    }
}
