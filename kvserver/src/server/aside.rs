//! The file of what could not go back into the store.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use actor::{ActorRef, System};
use serde::Serialize;

use super::StartError;
use crate::entry::Entry;
use crate::members;

/// A write as a line of the file.
#[derive(Serialize)]
struct Line<'a> {
    key: &'a str,
    /// Nothing if the key was deleted.
    value: Option<&'a str>,
    /// The stamp that the client was told.
    millis: u64,
    counter: u32,
    writer: String,
}

/// The folder that is meant when none is named.
pub(super) const HERE: &str = ".";

/// Whether the folder is there and can be written: to learn it only when there is something to write
/// down would be too late. A folder that nobody has named is no reason not to start.
pub(super) async fn check(folder: &Path) -> Result<(), StartError> {
    let path = folder.to_owned();
    let tried = tokio::task::spawn_blocking(move || try_folder(&path)).await;
    let tried = tried.unwrap_or_else(|error| Err(io::Error::other(error)));
    let Err(cause) = tried else { return Ok(()) };
    let error = StartError::SetAside { folder: folder.to_owned(), cause };
    if folder == Path::new(HERE) {
        tracing::warn!("{error}");
        return Ok(());
    }
    Err(error)
}

/// Leaves nothing behind.
fn try_folder(folder: &Path) -> io::Result<()> {
    let file = folder.join(format!(".kvserver-{:016x}", rand::random::<u64>()));
    OpenOptions::new().create_new(true).write(true).open(&file)?;
    std::fs::remove_file(&file)
}

/// Writes down, for as long as the server runs, what its clients wrote while it was away and what
/// others have overwritten meanwhile.
pub(super) async fn write_down(system: System, members: ActorRef<members::Message>, file: PathBuf) {
    /// The actor that was asked has panicked, or ends.
    const PAUSE: Duration = Duration::from_secs(1);
    loop {
        let ask = |reply| members::Message::TakeAside { reply };
        let Some(entries) = system.ask(&members, ask).await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let count = entries.len();
        let to = file.clone();
        // An error of the task would be a panic in it, or the end of the runtime.
        let written = tokio::task::spawn_blocking(move || append(&to, &entries)).await;
        match written {
            Ok(Ok(())) => tracing::warn!(
                file = %file.display(), count,
                "writes of this server's clients were beaten by others while it was away; \
                 they are written down"
            ),
            Ok(Err(error)) => tracing::error!(
                file = %file.display(), count,
                "writes of this server's clients were beaten by others while it was away, and \
                 cannot be written down: {error}"
            ),
            Err(_) => return,
        }
    }
}

/// Writes down, at the end, what the server could not give to the others any more.
pub(super) async fn write_rest(entries: Vec<Entry>, file: PathBuf) {
    if entries.is_empty() {
        return;
    }
    let (count, to) = (entries.len(), file.clone());
    match tokio::task::spawn_blocking(move || append(&to, &entries)).await {
        Ok(Ok(())) => tracing::warn!(
            file = %file.display(), count,
            "the server ends before writes of its clients, from while it was away, could go back \
             into the store; they are written down"
        ),
        Ok(Err(error)) => tracing::error!(
            file = %file.display(), count,
            "the server ends before writes of its clients, from while it was away, could go back \
             into the store, and they cannot be written down: {error}"
        ),
        Err(error) => tracing::error!(count, "writes that were set aside are lost: {error}"),
    }
}

fn append(file: &Path, entries: &[Entry]) -> io::Result<()> {
    let mut lines = Vec::new();
    for entry in entries {
        let stamp = entry.stamp();
        let line = Line {
            key: entry.key(),
            value: entry.value(),
            millis: stamp.millis,
            counter: stamp.counter,
            writer: format!("{:016x}", stamp.uid),
        };
        serde_json::to_writer(&mut lines, &line)?;
        lines.push(b'\n');
    }
    OpenOptions::new().create(true).append(true).open(file)?.write_all(&lines)
}

#[cfg(test)]
mod tests {
    use kvcommon::Stamp;

    use super::*;

    #[test]
    fn each_write_is_a_line_of_json() {
        let folder = std::env::temp_dir().join(format!("aside-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("aside.jsonl");
        let stamp = Stamp { millis: 5, counter: 1, uid: 0xab };
        append(&file, &[Entry::new(stamp, "key", Some("a \"value\""))]).unwrap();
        append(&file, &[Entry::new(stamp, "gone", None)]).unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(append(&folder, &[]).is_err(), "a folder is no file");
        std::fs::remove_dir_all(&folder).unwrap();
        let expected = [
            r#"{"key":"key","value":"a \"value\"","millis":5,"counter":1,"writer":"00000000000000ab"}"#,
            r#"{"key":"gone","value":null,"millis":5,"counter":1,"writer":"00000000000000ab"}"#,
        ];
        assert_eq!(text.lines().collect::<Vec<_>>(), expected);
    }
}
