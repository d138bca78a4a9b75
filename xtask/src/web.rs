//! Builds the page: web-app as WebAssembly, its bindings, the hand-written files of www/, and compressed twins of all
//! of them, in dist/www.
//!
//! The bindings come from the library behind wasm-bindgen's command: Cargo.lock then gives both sides the same
//! version, and there is nothing to install.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::UNIX_EPOCH;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use wasm_bindgen_cli_support::Bindgen;

use crate::process::run;
use crate::toolchain::{TARGET, Wasm};
use crate::workspace;

/// The crate that is the page.
const CRATE: &str = "web-app";

/// The profile in the root manifest that makes it small.
const PROFILE: &str = "web";

/// What to serve: a file's path within the page, and its content.
type Files = BTreeMap<PathBuf, Vec<u8>>;

/// `cargo xtask web`.
pub fn print() -> Result<ExitCode> {
    let page = build()?;
    println!("{:>9} {:>9}  file", "bytes", "gzipped");
    for file in &page.files {
        println!("{:>9} {:>9}  {}", file.size, file.gzipped, file.path.display());
    }
    println!("{}", page.folder.display());
    Ok(ExitCode::SUCCESS)
}

/// A page that can be served.
#[derive(Debug)]
pub struct Page {
    /// The folder to serve.
    pub folder: PathBuf,
    /// What is in it, the compressed twins not counted.
    pub files: Vec<PageFile>,
}

/// A file of the page.
#[derive(Debug, PartialEq, Eq)]
pub struct PageFile {
    /// Where it is in the page's folder.
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: usize,
    /// The size of what travels to a browser, in bytes.
    pub gzipped: usize,
}

/// Builds what is not up to date.
pub fn build() -> Result<Page> {
    let wasm = Wasm::ready()?;
    let mut cargo = wasm.cargo("build")?;
    run(cargo.args(["--package", CRATE, "--profile", PROFILE]))?;
    let target = workspace::target()?.join("wasm");
    let binary = target.join(TARGET).join(PROFILE).join(format!("{CRATE}.wasm"));
    let bindings = target.join("bindings");
    bind(&binary, &bindings)?;

    let mut files = Files::new();
    gather(&bindings, Path::new(""), &mut files)?;
    gather(&workspace::root().join("www"), Path::new(""), &mut files)?;
    let folder = workspace::root().join("dist").join("www");
    let files = mirror(&files, &folder)
        .with_context(|| format!("the page cannot be written to {}", folder.display()))?;
    Ok(Page { folder, files })
}

/// Makes the page's JavaScript and its final WebAssembly, unless they were made from this very binary.
fn bind(binary: &Path, bindings: &Path) -> Result<()> {
    let metadata =
        binary.metadata().with_context(|| format!("cargo made no {}", binary.display()))?;
    let age = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let stamp = format!("{} {}", age.as_nanos(), metadata.len());
    let stamp_file = bindings.with_extension("stamp");
    if fs::read_to_string(&stamp_file).is_ok_and(|made_from| made_from == stamp) {
        return Ok(());
    }
    fs::remove_file(&stamp_file).ok();
    fs::remove_dir_all(bindings).ok();
    Bindgen::new()
        .input_path(binary)
        .out_name(CRATE)
        .web(true)?
        .typescript(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(bindings)
        .context("the page's bindings cannot be made")?;
    fs::write(stamp_file, stamp)?;
    Ok(())
}

/// Reads all files of a folder, folders within it included.
fn gather(folder: &Path, within: &Path, files: &mut Files) -> Result<()> {
    let entries = folder.read_dir().with_context(|| format!("{} is missing", folder.display()))?;
    for entry in entries {
        let entry = entry?;
        let (path, name) = (entry.path(), within.join(entry.file_name()));
        if entry.file_type()?.is_dir() {
            gather(&path, &name, files)?;
        } else {
            files.insert(name, fs::read(path)?);
        }
    }
    Ok(())
}

/// Makes the folder hold these files, their compressed twins, and nothing else. What is right already is not touched.
fn mirror(files: &Files, folder: &Path) -> Result<Vec<PageFile>> {
    fs::create_dir_all(folder)?;
    let mut present = Files::new();
    gather(folder, Path::new(""), &mut present)?;
    let mut report = Vec::new();
    for (path, content) in files {
        let twin = twin(path);
        let unchanged = present.remove(path).is_some_and(|held| held == *content);
        let kept = present.remove(&twin).filter(|_| unchanged);
        let gzipped = match kept {
            Some(gzipped) => gzipped.len(),
            None => {
                let gzipped = gzip(content)?;
                replace(&folder.join(twin), &gzipped)?;
                replace(&folder.join(path), content)?;
                gzipped.len()
            }
        };
        report.push(PageFile { path: path.clone(), size: content.len(), gzipped });
    }
    for stray in present.keys() {
        fs::remove_file(folder.join(stray))?;
    }
    Ok(report)
}

/// Writes a file so that a server never serves half of it.
fn replace(path: &Path, content: &[u8]) -> Result<()> {
    let folder = path.parent().context("a file has a folder")?;
    fs::create_dir_all(folder)?;
    let half = path.with_extension("half");
    fs::write(&half, content)?;
    fs::rename(half, path)?;
    Ok(())
}

fn twin(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".gz");
    PathBuf::from(name)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    fn files(list: &[(&str, &str)]) -> Files {
        list.iter().map(|(name, content)| (name.into(), content.as_bytes().to_vec())).collect()
    }

    fn mirrored(folder: &Path) -> Files {
        let mut found = Files::new();
        gather(folder, Path::new(""), &mut found).unwrap();
        found
    }

    #[test]
    fn the_folder_holds_the_files_their_twins_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("old.js"), "gone").unwrap();
        let report =
            mirror(&files(&[("index.html", "hello"), ("img/a.svg", "<svg/>")]), folder.path())
                .unwrap();
        assert_eq!(report.iter().map(|file| file.size).collect::<Vec<_>>(), [6, 5]);
        let found = mirrored(folder.path());
        let names: Vec<_> = found.keys().map(|name| name.to_str().unwrap()).collect();
        assert_eq!(names, ["img/a.svg", "img/a.svg.gz", "index.html", "index.html.gz"]);
        let mut unpacked = String::new();
        GzDecoder::new(&found[Path::new("index.html.gz")][..])
            .read_to_string(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, "hello");
    }

    #[test]
    fn a_changed_file_changes_its_twin_and_the_rest_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        mirror(&files(&[("a", "1"), ("b", "1")]), folder.path()).unwrap();
        let before = mirrored(folder.path());
        let age = |name: &str| folder.path().join(name).metadata().unwrap().modified().unwrap();
        let b = age("b");
        mirror(&files(&[("a", "2"), ("b", "1")]), folder.path()).unwrap();
        let after = mirrored(folder.path());
        assert_ne!(before[Path::new("a.gz")], after[Path::new("a.gz")]);
        assert_eq!(before[Path::new("b.gz")], after[Path::new("b.gz")]);
        assert_eq!(age("b"), b);
    }
}
