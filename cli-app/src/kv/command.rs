//! What can be asked of the store, in words.

use clap::Subcommand;

/// One thing to ask of the store.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Print the value of a key
    Get {
        /// 1 byte to 1 KiB of text
        #[arg(allow_hyphen_values = true)]
        key: String,
    },
    /// Store a value under a key
    Put {
        /// 1 byte to 1 KiB of text
        #[arg(allow_hyphen_values = true)]
        key: String,
        /// Up to 256 KiB of text
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Remove a key, whether it is there or not
    Delete {
        /// 1 byte to 1 KiB of text
        #[arg(allow_hyphen_values = true)]
        key: String,
    },
    /// Print all keys that start with a prefix, with their values, in the order of their bytes
    List {
        /// The start of the keys; without it, all keys
        #[arg(allow_hyphen_values = true, default_value = "", hide_default_value = true)]
        prefix: String,
    },
    /// Print how the server is, and how the others of its store are
    Status,
    /// Have the servers forget one of them that is gone for good
    Forget {
        /// Its address, as status prints it
        member: String,
    },
}

/// The commands with their arguments, for help and completion.
pub const USAGE: [(&str, &str); 6] = [
    ("get", "KEY"),
    ("put", "KEY VALUE"),
    ("delete", "KEY"),
    ("list", "[PREFIX]"),
    ("status", ""),
    ("forget", "MEMBER"),
];

/// Words that a prompt and a batch know beside the commands.
pub const ALSO: [(&str, &str); 2] = [("help", ""), ("quit", "")];

/// A line at the prompt or of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// Something for the store.
    Ask(Command),
    /// What can be said here.
    Help,
    /// No more lines.
    Quit,
}

impl Line {
    /// Reads a line; `None` if it is empty or a comment.
    ///
    /// # Errors
    /// When the line is not a command.
    pub fn parse(line: &str) -> Result<Option<Self>, ParseError> {
        match (line.trim(), line.split_whitespace().next()) {
            (_, Some("help")) => Ok(Some(Self::Help)),
            ("quit" | "exit", _) => Ok(Some(Self::Quit)),
            (line, _) => Ok(Command::parse(line)?.map(Self::Ask)),
        }
    }
}

/// What can be said at the prompt or in a batch.
pub fn help() -> String {
    let mut help = String::new();
    for (command, arguments) in USAGE.iter().chain(&ALSO) {
        help.push_str(format!("  {command:6}  {arguments}").trim_end());
        help.push('\n');
    }
    help + "Words with spaces need quotes, as in a shell.\nFrom a shell, there is kv bench, too."
}

/// Why a line is not a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A quote was opened and never closed, or a backslash ends the line.
    #[error("A quote is not closed, or the line ends in a backslash.")]
    Quoting,
    /// The first word is no command.
    #[error(
        "There is no command {0:?}; the commands are get, put, delete, list, status, forget, \
         help and quit."
    )]
    Unknown(String),
    /// The command is one of the program, but not of its prompt.
    #[error("{0} is not asked here, but started from a shell: kv {0} --help")]
    FromShell(&'static str),
    /// The command takes other arguments.
    #[error("{command} takes {}, but {}.", or_nothing(.wanted), follows(*.given))]
    Arguments {
        /// The command.
        command: &'static str,
        /// The arguments it takes.
        wanted: &'static str,
        /// How many words were given.
        given: usize,
    },
}

fn or_nothing(wanted: &'static str) -> &'static str {
    if wanted.is_empty() { "nothing" } else { wanted }
}

fn follows(words: usize) -> String {
    match words {
        0 => "nothing follows it".to_owned(),
        1 => "1 word follows it".to_owned(),
        _ => format!("{words} words follow it; one with spaces needs quotes"),
    }
}

impl Command {
    /// Reads a command from a line with the quoting of a shell; `None` if the line is empty or a
    /// comment.
    ///
    /// # Errors
    /// When the line is not a command.
    pub fn parse(line: &str) -> Result<Option<Self>, ParseError> {
        let mut words = shlex::split(line).ok_or(ParseError::Quoting)?;
        if words.is_empty() {
            return Ok(None);
        }
        let arguments = words.split_off(1);
        let name = words.swap_remove(0);
        let Some(&(command, wanted)) = USAGE.iter().find(|(command, _)| *command == name) else {
            return Err(match name.as_str() {
                "bench" => ParseError::FromShell("bench"),
                _ => ParseError::Unknown(name),
            });
        };
        let wrong = ParseError::Arguments { command, wanted, given: arguments.len() };
        let mut arguments = arguments.into_iter();
        let parsed = match (command, arguments.next(), arguments.next(), arguments.next()) {
            ("get", Some(key), None, None) => Self::Get { key },
            ("put", Some(key), Some(value), None) => Self::Put { key, value },
            ("delete", Some(key), None, None) => Self::Delete { key },
            ("list", prefix, None, None) => Self::List { prefix: prefix.unwrap_or_default() },
            ("status", None, None, None) => Self::Status,
            ("forget", Some(member), None, None) => Self::Forget { member },
            _ => return Err(wrong),
        };
        Ok(Some(parsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(key: &str) -> Command {
        Command::Get { key: key.to_owned() }
    }

    fn put(key: &str, value: &str) -> Command {
        Command::Put { key: key.to_owned(), value: value.to_owned() }
    }

    #[track_caller]
    fn check(line: &str, expected: Option<Command>) {
        assert_eq!(Command::parse(line), Ok(expected), "{line}");
    }

    #[track_caller]
    fn check_error(line: &str, expected: &str) {
        let error = Command::parse(line).expect_err(line);
        assert_eq!(error.to_string(), expected, "{line}");
    }

    #[test]
    fn commands_are_words() {
        check("get a", Some(get("a")));
        check("  put a   b ", Some(put("a", "b")));
        check("delete a", Some(Command::Delete { key: "a".to_owned() }));
        check("list", Some(Command::List { prefix: String::new() }));
        check("list a/", Some(Command::List { prefix: "a/".to_owned() }));
        check("status", Some(Command::Status));
        check("forget b:6000", Some(Command::Forget { member: "b:6000".to_owned() }));
    }

    #[test]
    fn quotes_work_as_in_a_shell() {
        check(r#"put "a b" 'c "d"'"#, Some(put("a b", r#"c "d""#)));
        check(r"put a\ b ''", Some(put("a b", "")));
        check("put 'näme' \"🎓\"", Some(put("näme", "🎓")));
        check("get --json", Some(get("--json")));
        check("get '#a' # a comment", Some(get("#a")));
    }

    #[test]
    fn empty_lines_and_comments_ask_nothing() {
        check("", None);
        check("   \t", None);
        check("# get a", None);
    }

    #[test]
    fn mistakes_are_explained() {
        check_error("put 'a", "A quote is not closed, or the line ends in a backslash.");
        for name in ["", "GET"] {
            let expected = format!(
                "There is no command {name:?}; the commands are get, put, delete, list, status, \
                 forget, help and quit."
            );
            check_error(&format!("'{name}' a"), &expected);
        }
        check_error(
            "bench -t 1",
            "bench is not asked here, but started from a shell: kv bench --help",
        );
        check_error("status a", "status takes nothing, but 1 word follows it.");
        check_error("forget", "forget takes MEMBER, but nothing follows it.");
        check_error("get", "get takes KEY, but nothing follows it.");
        check_error("put a", "put takes KEY VALUE, but 1 word follows it.");
        check_error(
            "put a b c",
            "put takes KEY VALUE, but 3 words follow it; one with spaces needs quotes.",
        );
        check_error(
            "list a b",
            "list takes [PREFIX], but 2 words follow it; one with spaces needs quotes.",
        );
    }

    #[test]
    fn a_line_may_be_for_the_prompt_itself() {
        for (line, expected) in [
            (" help ", Some(Line::Help)),
            ("help get", Some(Line::Help)),
            ("quit", Some(Line::Quit)),
            ("exit", Some(Line::Quit)),
            ("# help", None),
            ("status", Some(Line::Ask(Command::Status))),
        ] {
            assert_eq!(Line::parse(line), Ok(expected), "{line}");
        }
        assert!(Line::parse("helper").is_err());
    }
}
