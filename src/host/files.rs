//! The files that a configuration names: read, found by pattern, replaced; and the data directory.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::config::load::Files;
use crate::resp::glob;

/// How large a configuration file may be: a larger one is surely something else.
const CONFIG_LEN_MAX: u64 = 64 << 20;

/// Configuration files of the operating system.
#[derive(Debug, Default)]
pub struct OsFiles;

impl Files for OsFiles {
    fn read(&mut self, path: &str) -> io::Result<Vec<u8>> {
        if fs::metadata(path)?.len() > CONFIG_LEN_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        fs::read(path)
    }

    fn glob(&mut self, pattern: &str) -> io::Result<Vec<String>> {
        let root = if pattern.starts_with('/') { "/" } else { "" };
        let mut found = vec![PathBuf::from(root)];
        for part in pattern.split('/').filter(|part| !part.is_empty()) {
            found = found.iter().flat_map(|dir| entries(dir, part)).collect();
        }
        let paths = found.into_iter().filter(|path| path.is_file());
        let mut paths: Vec<String> = paths
            .filter_map(|p| p.into_os_string().into_string().ok())
            .collect();
        paths.sort_unstable();
        Ok(paths)
    }
}

/// What in a directory matches one part of a pattern.
fn entries(dir: &Path, part: &str) -> Vec<PathBuf> {
    if !part.contains(['*', '?', '[']) {
        return vec![dir.join(part)];
    }
    let listed = fs::read_dir(if dir.as_os_str().is_empty() {
        Path::new(".")
    } else {
        dir
    });
    let names = listed
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|e| e.file_name().into_string().ok());
    names
        .filter(|name| !name.starts_with('.') || part.starts_with('.'))
        .filter(|name| glob::matches(part.as_bytes(), name.as_bytes(), false))
        .map(|name| dir.join(name))
        .collect()
}

/// Makes `dir` the working directory, as Redis does, so that other relative paths follow it;
/// returns it absolute.
pub fn enter_dir(dir: &str) -> io::Result<String> {
    std::env::set_current_dir(dir)?;
    let path = std::env::current_dir()?;
    path.into_os_string()
        .into_string()
        .map_err(|_| io::ErrorKind::InvalidFilename.into())
}

/// The absolute form of a path; what cannot be made absolute stays as it is.
pub fn absolute(path: &str) -> String {
    let absolute = std::path::absolute(path).ok();
    absolute
        .and_then(|p| p.into_os_string().into_string().ok())
        .unwrap_or_else(|| path.to_owned())
}

/// Replaces a file by new content so that a crash leaves the one or the other (CONFIG REWRITE).
/// Permissions stay, as there may be a password in it; a symbolic link stays one.
pub fn replace(path: &str, content: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
    let mut temporary = path.clone().into_os_string();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let permissions = fs::metadata(&path).map(|old| old.permissions()).ok();
    let written =
        write_synced(&temporary, permissions, content).and_then(|()| fs::rename(&temporary, &path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
        return written;
    }
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

fn write_synced(
    path: &Path,
    permissions: Option<fs::Permissions>,
    content: &[u8],
) -> io::Result<()> {
    let mut file = File::create(path)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.write_all(content)?;
    file.sync_all()
}

/// Gives a Unix socket the permissions and the group that the configuration asks for; 0 and the
/// empty name leave them to the umask and the process.
pub fn set_socket_permissions(path: &str, mode: u32, group: &str) -> io::Result<()> {
    if !group.is_empty() {
        let groups = fs::read_to_string("/etc/group")?;
        let id = group.parse().ok().or_else(|| group_id(&groups, group));
        let id = id.ok_or_else(|| io::Error::other(format!("there is no group '{group}'")))?;
        chown(path, None, Some(id))?;
    }
    if mode != 0 {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// The number of a group in the text of /etc/group.
fn group_id(groups: &str, name: &str) -> Option<u32> {
    groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        let found = fields.next() == Some(name);
        fields.nth(1).filter(|_| found)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_find_files_in_order() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["b.conf", "a.conf", ".c.conf", "d.txt", "A.CONF"] {
            fs::write(dir.path().join(name), name).expect("written");
        }
        fs::create_dir(dir.path().join("e.conf")).expect("made");
        let pattern = format!("{}/*.conf", dir.path().display());
        let found = OsFiles.glob(&pattern).expect("listed");
        let names: Vec<_> = found
            .iter()
            .map(|p| p.rsplit('/').next().unwrap_or_default())
            .collect();
        assert_eq!(names, ["a.conf", "b.conf"]);
        assert_eq!(OsFiles.read(&found[0]).expect("read"), b"a.conf");
        assert!(OsFiles.glob("/nowhere/*/x*").expect("nothing").is_empty());
    }

    #[test]
    fn replacing_is_whole() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x.conf").display().to_string();
        replace(&path, b"one").expect("made");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("set");
        replace(&path, b"two").expect("replaced");
        assert_eq!(fs::read(&path).expect("read"), b"two");
        assert_eq!(
            fs::metadata(&path).expect("there").permissions().mode() & 0o777,
            0o600
        );
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 1);
        assert!(replace("/nowhere/x", b"").is_err());
    }

    #[test]
    fn groups_are_found_by_name() {
        let groups = "root:x:0:\nredis:x:112:a,b\nbad\n";
        assert_eq!(group_id(groups, "redis"), Some(112));
        assert_eq!(group_id(groups, "redi"), None);
        assert_eq!(group_id(groups, "bad"), None);
    }
}
