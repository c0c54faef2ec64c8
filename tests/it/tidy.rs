//! The rules of the code base that the compiler does not hold: who may import whom, how long
//! things may be, what the core must not name. Read as text, so that a rule costs no dependency.

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of code a file may have, and a function.
const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;

/// What only the shell (`net`, `host`, `main.rs`) may name.
const SHELL_ONLY: [&str; 9] = [
    "mio::",
    "std::net::Tcp",
    "std::os::unix::net",
    "std::fs",
    "std::thread",
    "Instant::now",
    "SystemTime::now",
    "socket2::",
    "std::process::exit",
];

/// Pure data is exempt from the limit on the length of a file.
const DATA: [&str; 2] = ["src/commands/docs/", "src/config/options"];

struct Source {
    path: String,
    text: String,
}

fn sources(root: &str) -> Vec<Source> {
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::from(root)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a readable folder") {
            let path = entry.expect("a readable entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                files.push(read(&path));
            }
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn read(path: &Path) -> Source {
    let text = fs::read_to_string(path).expect("a readable source");
    Source {
        path: path.to_string_lossy().into_owned(),
        text,
    }
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("//")
}

/// Whether a file holds tests alone.
fn is_test(source: &Source) -> bool {
    source.path.ends_with("/tests.rs") || source.path.contains("/tests/")
}

/// The part of a file that is not its tests.
fn without_tests(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or(text)
}

fn fail(problems: Vec<String>) {
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn the_core_names_no_socket_no_file_no_clock_no_thread() {
    let mut problems = Vec::new();
    for source in sources("src") {
        let shell = ["src/net/", "src/host/", "src/main.rs"];
        if is_test(&source) || shell.iter().any(|zone| source.path.starts_with(zone)) {
            continue;
        }
        for (n, line) in without_tests(&source.text).lines().enumerate() {
            if !is_code(line) {
                continue;
            }
            for name in SHELL_ONLY.iter().chain(&["crate::net", "crate::host::os"]) {
                if line.contains(name) {
                    problems.push(format!("{}:{}: the core names {name}", source.path, n + 1));
                }
            }
        }
    }
    fail(problems);
}

#[test]
fn imports_follow_the_data() {
    // A module may import those to the right of it.
    let rules: [(&str, &[&str]); 5] = [
        (
            "src/store/",
            &[
                "engine",
                "commands",
                "dispatch",
                "client",
                "net",
                "resp::reply",
            ],
        ),
        (
            "src/resp/",
            &["engine", "commands", "dispatch", "client", "net", "store"],
        ),
        ("src/engine/", &["commands", "dispatch", "client", "net"]),
        (
            "src/config/",
            &["engine::context", "commands", "dispatch", "client", "net"],
        ),
        ("src/dispatch/", &["client", "net"]),
    ];
    let mut problems = Vec::new();
    for source in sources("src") {
        for (zone, forbidden) in &rules {
            if !source.path.starts_with(zone) {
                continue;
            }
            for line in without_tests(&source.text)
                .lines()
                .filter(|line| is_code(line))
            {
                for module in *forbidden {
                    // The rows of the command table are data that everybody may read.
                    let data = line.contains("crate::dispatch::table::");
                    if line.contains(&format!("crate::{module}::")) && !data {
                        problems.push(format!("{}: imports {module}", source.path));
                    }
                }
            }
        }
    }
    problems.dedup();
    fail(problems);
}

#[test]
fn files_and_lines_are_short() {
    let mut problems = Vec::new();
    for source in sources("src")
        .into_iter()
        .chain(sources("tests"))
        .chain(sources("benches"))
    {
        let code = without_tests(&source.text)
            .lines()
            .filter(|line| is_code(line))
            .count();
        let data = DATA.iter().any(|exempt| source.path.contains(exempt));
        if code > FILE_LINES_MAX && !data {
            problems.push(format!("{}: {code} lines of code", source.path));
        }
        for (n, line) in source.text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > COLUMNS_MAX && !data && !line.contains("\"") {
                problems.push(format!("{}:{}: {columns} columns", source.path, n + 1));
            }
        }
    }
    fail(problems);
}

#[test]
fn functions_are_short() {
    let mut problems = Vec::new();
    for source in sources("src")
        .into_iter()
        .chain(sources("tests"))
        .chain(sources("benches"))
    {
        let lines: Vec<&str> = source.text.lines().collect();
        let mut n = 0;
        while n < lines.len() {
            if let Some(indent) = function_indent(lines[n]) {
                let close = format!("{}}}", " ".repeat(indent));
                let end = (n..lines.len()).find(|i| lines[*i] == close).unwrap_or(n);
                let code = lines[n..end.max(n)]
                    .iter()
                    .filter(|line| is_code(line))
                    .count();
                if code > FUNCTION_LINES_MAX {
                    problems.push(format!("{}:{}: {code} lines of code", source.path, n + 1));
                }
            }
            n += 1;
        }
    }
    fail(problems);
}

/// The indentation of a line that begins a function with a body.
fn function_indent(line: &str) -> Option<usize> {
    let text = line.trim_start();
    let indent = line.len() - text.len();
    let words = [
        "pub(crate) ",
        "pub(super) ",
        "pub ",
        "const ",
        "extern \"C\" ",
    ];
    let mut rest = text;
    for word in words {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    (rest.starts_with("fn ") && !text.ends_with('}') && !text.ends_with(';')).then_some(indent)
}

#[test]
fn nothing_is_left_open() {
    let words = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
    ];
    let mut problems = Vec::new();
    for source in sources("src")
        .into_iter()
        .chain(sources("tests"))
        .chain(sources("benches"))
    {
        for (n, line) in source.text.lines().enumerate() {
            for word in words {
                if line.contains(word) {
                    problems.push(format!("{}:{}: {word}", source.path, n + 1));
                }
            }
        }
    }
    fail(problems);
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<String> = sources("src")
        .into_iter()
        .filter(|source| !source.text.starts_with("//!"))
        .filter(|source| !is_test(source))
        .map(|source| format!("{}: no module documentation", source.path))
        .collect();
    fail(silent);
}

#[test]
fn no_behaviour_hangs_on_the_name_of_a_command() {
    // A row has flags and fields for that.
    let questions = [
        "match command.name {",
        "match found.command.name {",
        "command.name ==",
        "command.name !=",
        "command.name.starts_with",
        "(command.name, ",
        "(request.command.name, ",
    ];
    let mut problems = Vec::new();
    for source in sources("src").iter().filter(|source| !is_test(source)) {
        for (n, line) in without_tests(&source.text).lines().enumerate() {
            if questions.iter().any(|question| line.contains(question)) {
                problems.push(format!("{}:{}: {}", source.path, n + 1, line.trim()));
            }
        }
    }
    fail(problems);
}
