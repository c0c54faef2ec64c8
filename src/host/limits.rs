//! Limits that the operating system sets to the process: open files, and its rank when memory
//! runs out.

use std::fs;
use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::{info, warn};

use super::error_text;
use crate::config::{OomScoreAdj, OomScoreAdjValues};

/// Files that are no clients: data files, listeners, the log.
pub const RESERVED_FILES: u32 = 32;

/// Raises the limit of open files to what `maxclients` needs; returns the `maxclients` that fit,
/// or why the server cannot start. Logs in Redis's words.
pub fn raise_open_files(maxclients: u32) -> Result<u32, String> {
    let wanted = u64::from(maxclients) + u64::from(RESERVED_FILES);
    let limit = getrlimit(Resource::Nofile);
    let old = limit.current.unwrap_or(u64::MAX);
    if old >= wanted {
        return Ok(maxclients);
    }
    let (best, error) = raise(limit, wanted);
    if best >= wanted {
        info!(
            "Increased maximum number of open files to {wanted} (it was originally set to {old})."
        );
        return Ok(maxclients);
    }
    if best <= u64::from(RESERVED_FILES) {
        return Err(format!(
            "Your current 'ulimit -n' of {old} is not enough for the server to start. Please \
             increase your open file limit to at least {wanted}. Exiting."
        ));
    }
    let reduced = (best - u64::from(RESERVED_FILES)) as u32;
    warn!(
        "You requested maxclients of {maxclients} requiring at least {wanted} max file descriptors."
    );
    warn!(
        "Server can't set maximum open files to {wanted} because of OS error: {}.",
        error.map_or_else(|| "unknown".to_owned(), |error| error_text(&error))
    );
    warn!(
        "Current maximum open files is {best}. maxclients has been reduced to {reduced} to \
         compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'."
    );
    Ok(reduced)
}

/// Raises the limit as far as may be; returns where it is now, and why it is not higher.
fn raise(limit: Rlimit, wanted: u64) -> (u64, Option<io::Error>) {
    let old = limit.current.unwrap_or(u64::MAX);
    let hard = limit.maximum.unwrap_or(u64::MAX);
    let all = Rlimit {
        current: Some(wanted),
        maximum: limit.maximum.map(|hard| hard.max(wanted)),
    };
    let Err(error) = setrlimit(Resource::Nofile, all) else {
        return (wanted, None);
    };
    let error = io::Error::from(error);
    let most = Rlimit {
        current: Some(hard.min(wanted)),
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, most) {
        Ok(()) => (hard.min(wanted).max(old), Some(error)),
        Err(_) => (old, Some(error)),
    }
}

const SCORE_FILE: &str = "/proc/self/oom_score_adj";

/// The kernel's rank of this process when memory runs out, as it was before it was adjusted; `None`
/// while it is not: then it is somebody else's, and left alone.
#[derive(Clone, Copy, Debug, Default)]
pub struct OomScore {
    before: Option<i32>,
}

impl OomScore {
    /// Puts the score of a primary or replica into effect; `No` restores what was there.
    pub fn apply(
        &mut self,
        mode: OomScoreAdj,
        values: OomScoreAdjValues,
        is_replica: bool,
    ) -> io::Result<()> {
        let before = match (self.before, mode) {
            (None, OomScoreAdj::No) => return Ok(()),
            (None, _) => {
                let text = fs::read_to_string(SCORE_FILE)?;
                text.trim().parse().unwrap_or(0)
            }
            (Some(score), _) => score,
        };
        let value = values.0[usize::from(is_replica)];
        let score = match mode {
            OomScoreAdj::No => before,
            OomScoreAdj::Relative => before + value,
            OomScoreAdj::Absolute => value,
        };
        fs::write(SCORE_FILE, score.clamp(-1000, 1000).to_string())?;
        self.before = (mode != OomScoreAdj::No).then_some(before);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_needs_nothing() {
        assert_eq!(raise_open_files(1), Ok(1));
    }

    #[test]
    fn an_untouched_score_stays_so() {
        let mut score = OomScore::default();
        assert!(
            score
                .apply(OomScoreAdj::No, OomScoreAdjValues([0, 200, 800]), false)
                .is_ok()
        );
        assert!(score.before.is_none());
    }
}
