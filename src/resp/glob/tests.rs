use super::*;

/// `matches` by recursion, as Redis describes it.
fn model(pattern: &[u8], text: &[u8], nocase: bool) -> bool {
    let (Some(first), false) = (pattern.first(), text.is_empty()) else {
        let rest = pattern.iter().position(|byte| *byte != b'*');
        return text.is_empty() && rest.is_none();
    };
    if *first == b'*' {
        let stars = pattern.iter().take_while(|byte| **byte == b'*').count();
        let rest = &pattern[stars..];
        return rest.is_empty() || (0..text.len()).any(|at| model(rest, &text[at..], nocase));
    }
    let mut glob = Glob {
        pattern,
        next: 0,
        nocase,
    };
    glob.take_one(text[0]) && model(&pattern[glob.next..], &text[1..], nocase)
}

#[test]
fn as_redis_matches() {
    let yes = [
        ("a*", "abc"),
        ("*c", "abc"),
        ("a?c", "abc"),
        ("***", "abc"),
        ("a**", "a"),
        ("abc*", "abc"),
        ("[a-c]x", "bx"),
        ("[c-a]x", "bx"),
        ("[^a-c]x", "dx"),
        ("[]]", "]"),
        ("[abc", "c"),
        ("[a\\]b]", "]"),
        ("[^", "z"),
        ("\\*", "*"),
        ("a\\", "a\\"),
        ("[a-", "a"),
        ("[a-", "-"),
        ("*[ab]*[cd]", "xxaxxc"),
        ("h[\\a-b]llo", "hallo"),
        ("", ""),
        ("[\\", "\\"),
    ];
    for (pattern, text) in yes {
        let expected = pattern != "[]]";
        assert_eq!(
            matches(pattern.as_bytes(), text.as_bytes(), false),
            expected,
            "{pattern} {text}"
        );
    }
    let no = [
        ("*", ""),
        ("?", ""),
        ("a?", "a"),
        ("a", ""),
        ("", "a"),
        ("[", "["),
        ("[]", "]"),
        ("[b-", "a"),
        ("a*b", "a"),
        ("abc", "ABC"),
        ("[^a]", "a"),
        ("a*c*e", "abcd"),
        ("\\*", "a"),
        ("[a-c]", "B"),
    ];
    for (pattern, text) in no {
        assert!(
            !matches(pattern.as_bytes(), text.as_bytes(), false),
            "{pattern} {text}"
        );
    }
}

#[test]
fn case() {
    for (pattern, text, nocase) in [
        ("AbC", "aBc", true),
        ("[A-C]x", "bX", true),
        ("[a-c]", "B", true),
        ("\\A", "a", true),
        ("[xY]", "y", true),
        ("[\\A]", "A", true),
    ] {
        assert!(
            matches(pattern.as_bytes(), text.as_bytes(), nocase),
            "{pattern} {text}"
        );
    }
    // An escaped byte in a class keeps its case, and so does nothing else.
    assert!(!matches(b"[\\A]", b"a", true));
    assert!(matches(b"[\x80-\xff]", b"\x90", false));
    // With case ignored, bytes above 127 come behind the others in a range.
    assert!(!matches(b"[\xf0-b]", b"\xf0", true) && !matches(b"[b-\xf0]", b"\xf0", true));
    assert!(!matches(b"[\xf0-b]", b"a", true) && matches(b"[\x80-\xf0]", b"\xc0", true));
    // Otherwise they come before them.
    assert!(matches(b"[\xff-a]", b"A", false) && !matches(b"[\xff-a]", b"\x80", false));
}

#[test]
fn no_pattern_takes_long() {
    let text = vec![b'a'; 20_000];
    let mut pattern = b"a*".repeat(500);
    pattern.push(b'b');
    assert!(!matches(&pattern, &text, false));
    assert!(matches(&b"*a".repeat(STARS_MAX), &text, false));
    assert!(!matches(&b"*a".repeat(STARS_MAX + 1), &text, false));
}

/// Makes texts of up to so many bytes of an alphabet.
fn random_bytes(seed: u64) -> impl FnMut(&[u8], usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    move |alphabet, max| {
        let length = random.usize(..=max);
        let byte = |_| alphabet[random.usize(..alphabet.len())];
        (0..length).map(byte).collect()
    }
}

#[test]
fn as_by_recursion() {
    let mut bytes = random_bytes(3);
    for round in 0..200_000 {
        let pattern = bytes(b"aabbC*?[]^-\\\xf0", 9);
        let text = bytes(b"aabbcC]-*\xf1", 7);
        if text.is_empty() && !pattern.is_empty() {
            // `*` does not match the empty text when it stands alone.
            assert!(!matches(&pattern, &text, false));
            continue;
        }
        let nocase = round % 2 == 0;
        let (p, t) = (pattern.escape_ascii(), text.escape_ascii());
        let expected = model(&pattern, &text, nocase);
        assert_eq!(matches(&pattern, &text, nocase), expected, "{p} {t}");
    }
}

#[test]
fn a_prepared_pattern_matches_the_same() {
    let mut bytes = random_bytes(4);
    for round in 0..200_000 {
        let pattern = match round % 4 {
            0 => bytes(b"abb*?[]^-\\", 6),
            1 => [&b"*"[..], &bytes(b"ab", 3), b"*"].concat(),
            2 => [&b"*"[..], &bytes(b"ab", 3)].concat(),
            _ => [&bytes(b"ab", 3)[..], b"*"].concat(),
        };
        let text = bytes(b"ab", 7);
        let wanted = pattern == b"*" || matches(&pattern, &text, false);
        let prepared = Pattern::new(&pattern);
        assert_eq!(prepared.matches(&text), wanted, "{pattern:?} {text:?}");
        let only = prepared.only().is_none_or(|only| only == pattern);
        assert!(only, "{pattern:?}");
    }
    assert_eq!(Pattern::new(b"abc").only(), Some(&b"abc"[..]));
    assert_eq!(Pattern::new(b"ab\\c").only(), None);
}
