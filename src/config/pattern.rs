//! Matching of option names against the patterns of CONFIG GET and of `include`.
//!
//! Names are short, so plain backtracking to the last star is enough; a pattern is matched in at
//! most (its length) x (the name's length) steps.

/// Whether `text` matches the glob `pattern` (`*`, `?`, `[a-z]`, `[^a]`, `\`), whatever the case.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    matches_exactly(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
}

/// The same for names of files, where case counts.
pub fn matches_exactly(pattern: &[u8], text: &[u8]) -> bool {
    let (mut pattern, mut text) = (pattern, text);
    // Where to go on when the text after the last star does not fit.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        let step = match (pattern, text) {
            ([], []) => return true,
            ([b'*', rest @ ..], _) => {
                retry = Some((rest, text));
                Some((rest, text))
            }
            ([], _) | (_, []) => None,
            (_, [byte, after @ ..]) => match_one(pattern, *byte).map(|rest| (rest, after)),
        };
        (pattern, text) = match (step, retry) {
            (Some(next), _) => next,
            (None, Some((after_star, [_, tail @ ..]))) => {
                retry = Some((after_star, tail));
                (after_star, tail)
            }
            (None, _) => return false,
        };
    }
}

/// Matches one byte against the head of the pattern; returns the rest of the pattern.
fn match_one(pattern: &[u8], byte: u8) -> Option<&[u8]> {
    let same = |a: u8| a == byte;
    match pattern {
        [b'?', rest @ ..] => Some(rest),
        [b'[', rest @ ..] => match_class(rest, byte),
        [b'\\', escaped, rest @ ..] => same(*escaped).then_some(rest),
        [first, rest @ ..] => same(*first).then_some(rest),
        [] => None,
    }
}

fn match_class(class: &[u8], byte: u8) -> Option<&[u8]> {
    let (negated, mut rest) = match class {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    loop {
        let (low, high);
        (low, high, rest) = match rest {
            [] => break,
            [b']', after @ ..] => {
                rest = after;
                break;
            }
            [b'\\', escaped, after @ ..] => (*escaped, *escaped, after),
            [from, b'-', to, after @ ..] => (*from.min(to), *from.max(to), after),
            [one, after @ ..] => (*one, *one, after),
        };
        found |= (low..=high).contains(&byte);
    }
    (found != negated).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "maxmemory", true),
            ("max*y", "maxmemory", true),
            ("MAX*Y", "maxmemory", true),
            ("max*z", "maxmemory", false),
            ("*mem*mem*", "maxmemory", false),
            ("*m*m*y", "maxmemory", true),
            ("?z", "hz", true),
            ("?z", "z", false),
            ("[h-j]z", "hz", true),
            ("[^h]z", "hz", false),
            ("[^a]z", "hz", true),
            ("[h", "h", true),
            ("h\\z", "hz", true),
            ("h\\*", "hz", false),
            ("", "", true),
            ("", "a", false),
            ("***", "abc", true),
            ("a*b*c*d*e*f", &"a".repeat(50), false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                expected,
                "{pattern} {text}"
            );
        }
    }
}
