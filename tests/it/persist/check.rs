//! `kvd --check` and `--repair`: what they say of sound and damaged files, and what they cut.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Stdio};

use kvd::host::memory::MemoryDisk;
use kvd::persist::check::{Checker, Console, Task};

use crate::harness::{Kvd, Process, request};

const DIR: &str = "appendonlydir";
const MANIFEST: &str = "appendonlydir/appendonly.aof.manifest";
const BASE: &str = "appendonlydir/appendonly.aof.1.base.rdb";
const INCR: &str = "appendonlydir/appendonly.aof.1.incr.aof";

/// Takes down what is said, and always answers the same.
struct Answers {
    said: String,
    yes: bool,
}

impl Console for Answers {
    fn say(&mut self, text: &str) {
        self.said += text;
    }

    fn confirm(&mut self, question: &str) -> bool {
        self.said += question;
        self.yes
    }
}

/// Whether all is sound in the end, and what was said.
fn look(disk: &MemoryDisk, name: &str, task: Task, yes: bool) -> (bool, String) {
    let mut console = Answers {
        said: String::new(),
        yes,
    };
    let mut disk = disk.clone();
    let is_sound = Checker::new(&mut disk, &mut console, task, 0).run(name);
    (is_sound, console.said)
}

#[track_caller]
fn assert_says(found: &(bool, String), is_sound: bool, wanted: &[&str]) {
    let (sound, said) = found;
    assert_eq!(*sound, is_sound, "{said}");
    let mut rest = said.as_str();
    for part in wanted {
        let at = rest.find(part);
        rest = &rest[at.unwrap_or_else(|| panic!("no '{part}' in order in\n{said}"))..];
    }
}

/// A server that has written an append-only file with a base and 20 frames, a second apart.
fn written(options: &[(&str, &str)]) -> MemoryDisk {
    let disk = MemoryDisk::default();
    let kvd = Kvd::on(
        disk.clone(),
        1,
        &[&[("appendonly", "yes")], options].concat(),
    );
    let client = kvd.client();
    for i in 0..20 {
        client.cmd(&format!("SET key{i} {i}"));
        kvd.advance_ms(1_000);
    }
    disk
}

fn commands(lines: &[&str]) -> Vec<u8> {
    let words = lines.iter().map(|line| line.split(' ').collect::<Vec<_>>());
    words.flat_map(|words| request(&words)).collect()
}

#[test]
fn a_sound_file_is_described() {
    let disk = written(&[]);
    for name in [MANIFEST, DIR, ""] {
        assert_says(
            &look(&disk, name, Task::Check, false),
            true,
            &[
                "Start checking Multi Part AOF",
                "BASE AOF (RDB format)",
                "RDB version",
                "RDB preamble is OK, proceeding with AOF tail",
                &format!("BASE AOF {BASE} is valid"),
                "Start to check INCR files",
                "diff=0",
                "21 commands, 20 frames with checksums",
                &format!("INCR AOF {INCR} is valid"),
                "All AOF files and manifest are valid",
            ],
        );
    }
    let before = disk.content(INCR);
    assert!(look(&disk, MANIFEST, Task::Repair, true).0);
    assert_eq!(disk.content(INCR), before);
    let found = look(&disk, "absent", Task::Check, false);
    assert_says(&found, false, &["absent: entity not found"]);
}

#[test]
fn a_torn_tail_is_cut_and_kept() {
    let disk = written(&[]);
    let whole = disk.content(INCR).expect("a file");
    let torn = &whole[..whole.len() - 5];
    disk.put(INCR, torn);
    assert_says(
        &look(&disk, MANIFEST, Task::Check, false),
        false,
        &["is not valid: it ends in a torn write", "--repair"],
    );
    assert_eq!(disk.content(INCR).as_deref(), Some(torn));
    // Nobody is asked: what is cut was never promised.
    assert_says(
        &look(&disk, MANIFEST, Task::Repair, false),
        true,
        &["are kept in", "Successfully truncated AOF", "are valid"],
    );
    let left = disk.content(INCR).expect("a file");
    assert!(torn.starts_with(&left));
    let copy = format!("{INCR}.cut-{}", left.len());
    let kept = disk.content(&copy).expect("a copy");
    assert_eq!([&left[..], &kept].concat(), torn);
    assert_says(
        &look(&disk, MANIFEST, Task::Check, false),
        true,
        &["lies in the directory, but the manifest does not name it"],
    );
    // A second copy does not replace the first.
    disk.put(INCR, torn);
    assert!(look(&disk, MANIFEST, Task::Repair, false).0);
    assert_eq!(disk.content(&copy), Some(kept.clone()));
    assert_eq!(disk.content(&format!("{copy}-2")), Some(kept));
    let strict = [("appendonly", "yes"), ("aof-load-truncated", "no")];
    let kvd = Kvd::on(disk, 1, &strict);
    assert_eq!(kvd.client().int("DBSIZE"), 19);
}

#[test]
fn what_was_durable_is_never_cut() {
    let disk = written(&[]);
    let mut content = disk.content(INCR).expect("a file");
    content[60] ^= 1;
    disk.put(INCR, &content);
    for task in [Task::Check, Task::Repair] {
        assert_says(
            &look(&disk, MANIFEST, task, true),
            false,
            &[
                "is not valid: it is damaged at offset 38",
                "Restore a backup",
            ],
        );
    }
    assert_eq!(disk.content(INCR), Some(content));
}

#[test]
fn a_file_that_others_follow_is_not_cut() {
    let disk = MemoryDisk::default();
    let base = commands(&["SET foo hello", "MULTI", "SET bar world"]);
    disk.put("appendonlydir/a.base", &base);
    disk.put("appendonlydir/a.incr", &commands(&["SET foo hello"]));
    let manifest = b"file a.base seq 1 type b\nfile a.incr seq 1 type i\n";
    disk.put(MANIFEST, manifest);
    let wanted = [
        "BASE AOF (RESP format)",
        "not valid",
        "because it is not the last file",
    ];
    assert_says(&look(&disk, MANIFEST, Task::Repair, true), false, &wanted);
    // Nor by its own name.
    assert_says(
        &look(&disk, "appendonlydir/a.base", Task::Repair, true),
        false,
        &["is a part of what appendonlydir/appendonly.aof.manifest names"],
    );
    assert_eq!(disk.content("appendonlydir/a.base"), Some(base));
}

#[test]
fn where_no_checksum_helps_somebody_is_asked() {
    let disk = MemoryDisk::default();
    let good = commands(&["SET foo hello", "SET k *1"]);
    let all = [&good, &b"!!!"[..], &good].concat();
    disk.put("a.aof", &all);
    assert_says(
        &look(&disk, "a.aof", Task::Check, true),
        false,
        &[
            "Start checking Old-Style AOF",
            "ok_up_to_line=15",
            "format error",
        ],
    );
    let found = look(&disk, "a.aof", Task::Repair, false);
    assert_says(&found, false, &["Continue? [y/N]: ", "Aborting..."]);
    assert_eq!(disk.content("a.aof").as_ref(), Some(&all));
    let found = look(&disk, "a.aof", Task::Repair, true);
    assert_says(&found, true, &["Successfully truncated AOF a.aof"]);
    assert_eq!(disk.content("a.aof").as_ref(), Some(&good));
    disk.put("a.aof", &commands(&["SET foo hello", "NOSUCH x"]));
    assert_says(
        &look(&disk, "a.aof", Task::Check, true),
        false,
        &["Unknown command 'NOSUCH' at offset 33"],
    );
    disk.put("a.aof", b"");
    assert_says(
        &look(&disk, "a.aof", Task::Check, true),
        true,
        &["is empty"],
    );
}

#[test]
fn manifests_are_checked() {
    let disk = written(&[]);
    let text = disk.content(MANIFEST).expect("a manifest");
    let text = String::from_utf8(text).expect("text");
    for (manifest, wanted) in [
        (format!("{text}!!!\n"), "Invalid AOF manifest file format"),
        (
            format!("{text}file b seq 2 type b\n"),
            "Found duplicate base file information",
        ),
        (
            text.replace(".incr.", ".gone."),
            "appendonly.aof.1.gone.aof: No such file or directory",
        ),
        (String::new(), "Found an empty AOF manifest"),
    ] {
        disk.put(MANIFEST, manifest.as_bytes());
        for task in [Task::Check, Task::Repair] {
            assert_says(&look(&disk, MANIFEST, task, true), false, &[wanted]);
        }
    }
}

#[test]
fn a_file_is_cut_at_a_time() {
    let disk = written(&[("aof-timestamp-enabled", "yes")]);
    let start_s = 1_700_000_000;
    let found = look(&disk, MANIFEST, Task::Check, false);
    let wanted = format!("timestamps from {start_s} to {}", start_s + 19);
    assert_says(&found, true, &[&wanted]);
    let cut = |time_s| look(&disk, MANIFEST, Task::CutAfter(time_s), false);
    let found = cut(start_s + 19);
    assert_says(&found, true, &["Truncate nothing in AOF"]);
    let found = cut(start_s + 4);
    assert_says(
        &found,
        true,
        &["Successfully truncated AOF", "to timestamp 1700000004"],
    );
    let kvd = Kvd::on(disk.clone(), 1, &[("appendonly", "yes")]);
    assert_eq!(kvd.client().int("DBSIZE"), 5);
    assert_says(&cut(start_s - 1), false, &["nothing before timestamp"]);
}

/// Runs kvd, or a link to it, and answers its questions.
fn run(program: &Path, options: &[&str], file: &Path, input: &str) -> (bool, String) {
    let mut child = Command::new(program)
        .args(options)
        .arg(file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kvd runs");
    // It may not ask.
    let _ = child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input.as_bytes());
    let out = child.wait_with_output().expect("an end");
    let text = [out.stdout, out.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    (out.status.success(), text)
}

#[test]
fn the_server_says_what_to_run_and_the_tool_does_it() {
    let kvd = Path::new(env!("CARGO_BIN_EXE_kvd"));
    let server = Process::kvd(&["--appendonly", "yes", "--save", ""]);
    let mut client = server.connect();
    client.cmd("SET a 1");
    client.cmd("SET b 2");
    let aof_dir = server.file("appendonlydir");
    let running = run(kvd, &["--repair"], &aof_dir, "");
    assert_says(&running, false, &["is running: end it first"]);
    assert_says(&run(kvd, &["--check"], &aof_dir, ""), true, &["are valid"]);
    let dir = server.into_dir();
    let incr = dir.path().join(INCR);
    let content = fs::read(&incr).expect("a file");
    fs::write(&incr, &content[..content.len() - 1]).expect("written");
    let options = ["--appendonly", "yes", "--aof-load-truncated", "no"];
    let said = super::process::refuses(dir.path(), &options);
    let manifest = dir.path().join(MANIFEST);
    let command = format!("'kvd --repair {}'", manifest.display());
    assert!(said.contains(&command), "{said}");
    assert_says(
        &run(kvd, &["--repair"], &manifest, ""),
        true,
        &["Successfully truncated AOF"],
    );
    let server = Process::kvd_in(dir, &options);
    assert_eq!(server.connect().cmd("DBSIZE").int(), 1);
}

#[test]
fn under_the_name_of_a_tool_it_is_that_tool() {
    let dir = tempfile::tempdir().expect("a folder");
    let tool = dir.path().join("redis-check-aof");
    symlink(env!("CARGO_BIN_EXE_kvd"), &tool).expect("a link");
    let file = dir.path().join("a.aof");
    let good = b"#TS:5\r\n*1\r\n$8\r\nFLUSHALL\r\n#TS:9\r\n*1\r\n$8\r\nFLUSHALL\r\n";
    fs::write(&file, [&good[..], b"!"].concat()).expect("written");
    assert_says(&run(&tool, &[], &file, ""), false, &["is not valid"]);
    assert_says(
        &run(&tool, &["--fix"], &file, "n\n"),
        false,
        &["Aborting..."],
    );
    assert_says(
        &run(&tool, &["--fix"], &file, "y\n"),
        true,
        &["Successfully truncated"],
    );
    let options = ["--truncate-to-timestamp", "7"];
    assert_says(&run(&tool, &options, &file, ""), true, &["to timestamp 7"]);
    assert_eq!(fs::read(&file).expect("a file"), good[..25]);
}
