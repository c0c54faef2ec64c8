use proptest::prelude::*;

use super::*;

fn text(number: impl AsRef<[u8]>) -> String {
    String::from_utf8(number.as_ref().to_vec()).unwrap()
}

#[test]
fn integers_have_one_spelling() {
    for (spelling, value) in [
        ("0", 0),
        ("-1", -1),
        ("10", 10),
        ("9223372036854775807", i64::MAX),
        ("-9223372036854775808", i64::MIN),
    ] {
        assert_eq!(parse_i64(spelling.as_bytes()), Some(value));
        assert_eq!(text(format_i64(value)), spelling);
    }
    for spelling in [
        "",
        "-",
        "+1",
        "01",
        "-0",
        "-01",
        "00",
        " 1",
        "1 ",
        "1.0",
        "0x1",
        "1e3",
        "--1",
        "1\0",
        "a",
        "9223372036854775808",
        "-9223372036854775809",
        "18446744073709551616",
        "99999999999999999999",
        "000000000000000000000000001",
    ] {
        assert_eq!(parse_i64(spelling.as_bytes()), None, "{spelling}");
    }
}

#[test]
fn unsigned_integers_are_read_loosely() {
    for (spelling, value) in [
        ("0", Some(0)),
        ("18446744073709551615", Some(u64::MAX)),
        (" \t007", Some(7)),
        ("+5", Some(5)),
        ("18446744073709551616", None),
        ("-1", None),
        ("-9223372036854775808", None),
        ("-9223372036854775809", Some(9_223_372_036_854_775_807)),
        ("-0", Some(0)),
        ("-01", Some(u64::MAX)),
        ("-18446744073709551616", None),
        ("-", None),
        ("--1", None),
        ("", None),
        ("+", None),
        ("1 ", None),
    ] {
        assert_eq!(parse_u64(spelling.as_bytes()), value, "{spelling}");
    }
}

#[test]
fn doubles_are_read_as_c_reads_them() {
    for (spelling, value) in [
        ("1", 1.0),
        ("+1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e5", 1e5),
        ("1E+05", 1e5),
        ("-1e-5", -1e-5),
        ("inf", f64::INFINITY),
        ("+INF", f64::INFINITY),
        ("-Infinity", f64::NEG_INFINITY),
        ("0e99999", 0.0),
        ("5e-324", 5e-324),
        ("1.7976931348623157e308", f64::MAX),
    ] {
        assert_eq!(parse_f64(spelling.as_bytes()), Some(value), "{spelling}");
    }
    for spelling in [
        "",
        " 1",
        "1 ",
        "nan",
        "-nan",
        "NAN(1)",
        "1e",
        "1e+",
        "e5",
        ".",
        "+",
        "-",
        "1..2",
        "1.2.3",
        "0x1p3",
        "0xff",
        "0x",
        "0xp1",
        "0x1p",
        "0xg",
        "infinit",
        "infinityx",
        "1e400",
        "-1e400",
        "1e-400",
        "0x1p2000",
        "0x1p-2000",
        "0x1p99999999999",
        "0x1p-99999999999",
        "1_0",
        "1\0",
        "١",
    ] {
        assert_eq!(parse_f64(spelling.as_bytes()), None, "{spelling}");
    }
}

/// What Valkey 9.1.2 answers to ZSCORE for these scores.
#[test]
fn doubles_are_written_as_valkey_writes_them() {
    for (value, expected) in [
        (0.0, "0"),
        (-0.0, "-0"),
        (3.0, "3"),
        (-17.5, "-17.5"),
        (0.1, "0.1"),
        (1e-5, "0.00001"),
        (1.5e-7, "1.5e-7"),
        (1.234_567_8e-4, "1.2345678e-4"),
        (1e21, "1e+21"),
        (1.5e300, "1.5e+300"),
        (5e-324, "5e-324"),
        (1e17, "100000000000000000"),
        (4_611_686_018_427_387_904.0, "4611686018427387904"),
        (9_223_372_036_854_775_807.0, "9223372036854776000"),
        (1.7976931348623157e308, "1.7976931348623157e+308"),
        (123_456_789.123_456_78, "1.2345678912345678e+8"),
        (f64::INFINITY, "inf"),
        (f64::NEG_INFINITY, "-inf"),
        (f64::NAN, "nan"),
    ] {
        assert_eq!(text(format_f64(value)), expected, "{value:e}");
    }
}

#[test]
fn seventeen_digits() {
    for (value, expected) in [
        (0.1, "0.10000000000000001"),
        (1e16, "10000000000000000"),
        (1e17, "1e+17"),
        (1e-5, "1.0000000000000001e-05"),
        (-0.0001, "-0.0001"),
        (3.0, "3"),
        (1e300, "1.0000000000000001e+300"),
        (-0.0, "-0"),
        (f64::INFINITY, "inf"),
    ] {
        assert_eq!(text(format_f64_17(value)), expected);
    }
}

#[test]
fn fixed_decimals() {
    for (value, expected) in [
        (166274.1515696004, "166274.1516"),
        (0.0, "0.0000"),
        (0.00004, "0.0000"),
        (0.00005, "0.0000"),
        (0.00015, "0.0001"),
        (0.00025, "0.0002"),
        (-1.5, "-1.5000"),
        (12.0, "12.0000"),
    ] {
        assert_eq!(format_fixed(value, 4).map(text).as_deref(), Some(expected));
    }
    assert!(format_fixed(1e17, 4).is_none() && format_fixed(f64::NAN, 4).is_none());
    assert!(format_fixed(1.0, 0).is_none() && format_fixed(1.0, 18).is_none());
    assert_eq!(text(format_fixed(0.5, 17).unwrap()), "0.50000000000000000");
}

/// What Redis 7.0 and Valkey 9.1.2 answer to INCRBYFLOAT.
#[test]
fn sums_in_long_double() {
    let sum = |a: &str, b: &str| {
        let a = LongDouble::parse(a.as_bytes()).unwrap();
        let b = LongDouble::parse(b.as_bytes()).unwrap();
        a.checked_add(b).map(|sum| text(sum.to_human()))
    };
    for (a, b, expected) in [
        ("0.1", "0.2", "0.3"),
        ("1e17", "0.3", "100000000000000000.296875"),
        ("10.50", "0.1", "10.6"),
        ("5.0e3", "2.0e2", "5200"),
        ("3.0", "1.000000000000000005", "4.00000000000000001"),
        ("0", "-1e-18", "0"),
        ("0", "1e-17", "0.00000000000000001"),
        ("1", "-1", "0"),
        ("-0", "-0.5", "-0.5"),
        ("0x1p3", "0x.8", "8.5"),
        ("1e30", "0", "1000000000000000000024696061952"),
    ] {
        assert_eq!(sum(a, b).as_deref(), Ok(expected), "{a} + {b}");
    }
    assert_eq!(sum("1e4932", "1e4932"), Err(NotFinite));
    assert_eq!(sum("inf", "1"), Err(NotFinite));
    assert_eq!(sum("inf", "-inf"), Err(NotFinite));
    let huge = sum("1e4900", "0").unwrap();
    assert!(
        huge.len() == 4901 && huge.starts_with("10000000000000000"),
        "{huge}"
    );
    assert_eq!(
        LongDouble::from_i64(i64::MIN).to_human(),
        b"-9223372036854775808"
    );
    assert_eq!(LongDouble::from_f64(f64::NEG_INFINITY).to_human(), b"-inf");
    assert_eq!(text(format_human_f64(0.1)), "0.10000000000000001");
    for spelling in ["", "nan", "1e5000", "1e-5000", "1 ", "0x1p20000", "0x", "x"] {
        assert_eq!(LongDouble::parse(spelling.as_bytes()), None, "{spelling}");
    }
    assert_eq!(LongDouble::parse(&[b'1'; 5 * 1024]), None);
    assert!(LongDouble::parse(&[b'1'; 4900]).is_some());
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 2000,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn integers_as_std(value: i64, spelling in "[-+]?[0-9]{0,21}") {
        prop_assert_eq!(parse_i64(value.to_string().as_bytes()), Some(value));
        let strict = spelling.parse::<i64>().ok().filter(|v| v.to_string() == spelling);
        prop_assert_eq!(parse_i64(spelling.as_bytes()), strict);
        let mut out = Vec::new();
        push_i64(&mut out, value);
        prop_assert_eq!(out, value.to_string().into_bytes());
    }

    #[test]
    fn doubles_come_back(
        bits: u64,
        short in -1_000_000_000i64..1_000_000_000,
        scale in -20i32..20,
    ) {
        for value in [f64::from_bits(bits), short as f64 * 10f64.powi(scale)] {
            if value.is_nan() {
                continue;
            }
            prop_assert_eq!(parse_f64(&format_f64(value)), Some(value));
            prop_assert_eq!(parse_f64(&format_f64_17(value)), Some(value));
        }
    }

    #[test]
    fn doubles_as_std(spelling in "[-+]?[0-9]{0,5}[.]?[0-9]{0,5}([eE][-+]?[0-9]{0,3})?") {
        let std = spelling.parse::<f64>().ok();
        let mantissa = spelling.split(['e', 'E']).next().unwrap();
        let is_zero = !mantissa.contains(|c: char| ('1'..='9').contains(&c));
        let expected = std.filter(|v| v.is_finite() && (*v != 0.0 || is_zero));
        prop_assert_eq!(parse_f64(spelling.as_bytes()), expected);
        // The long double of a short decimal is nearest to the same double.
        if let (Some(value), Some(long)) = (expected, LongDouble::parse(spelling.as_bytes())) {
            let human: f64 = text(long.to_human()).parse().unwrap();
            prop_assert!((human - value).abs() <= value.abs() * 1e-15 + 1e-17);
        }
    }

    #[test]
    fn hexadecimals_come_back(value: f64) {
        prop_assume!(value.is_normal());
        let bits = value.to_bits();
        let sign = if value < 0.0 { "-" } else { "" };
        let spelling = format!(
            "{sign}0x1.{:013x}p{}",
            bits & ((1 << 52) - 1),
            (bits >> 52 & 0x7ff) as i32 - 1023,
        );
        let long = LongDouble::parse(spelling.as_bytes()).map(LongDouble::to_f64);
        prop_assert_eq!(long, Some(value));
        prop_assert_eq!(parse_f64(spelling.as_bytes()), None);
    }

    #[test]
    fn any_text_is_a_number_or_not(
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
        shaped in "[-+]?0?x?[0-9a-f.]{0,40}[pe]?[-+]?[0-9]{0,9}",
    ) {
        for spelling in [&bytes[..], shaped.as_bytes()] {
            parse_i64(spelling);
            parse_u64(spelling);
            parse_f64(spelling);
            if let Some(value) = LongDouble::parse(spelling) {
                value.to_human();
            }
        }
    }
}
