//! The numbers and strings blocks are made of.
//!
//! Bytes that are read here were written here: nothing is checked.

#[inline]
pub(super) fn number_len(number: u64) -> usize {
    if number < 128 {
        1
    } else {
        (70 - number.leading_zeros() as usize) / 7
    }
}

#[inline]
pub(super) fn string_len(string: &[u8]) -> usize {
    number_len(string.len() as u64) + string.len()
}

#[inline]
pub(super) fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 128 {
        bytes.push(number as u8 | 128);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// The low bits come last, so that a reader that comes from behind meets them first.
#[inline]
pub(super) fn push_number_backwards(bytes: &mut Vec<u8>, number: u64) {
    for place in (1..number_len(number)).rev() {
        let last = place + 1 == number_len(number);
        let bits = (number >> (7 * place)) as u8 & 127;
        bytes.push(if last { bits } else { bits | 128 });
    }
    let more = if number < 128 { 0 } else { 128 };
    bytes.push(number as u8 & 127 | more);
}

#[inline]
pub(super) fn push_string(bytes: &mut Vec<u8>, string: &[u8]) {
    push_number(bytes, string.len() as u64);
    bytes.extend_from_slice(string);
}

#[inline]
pub(super) fn number(bytes: &[u8], at: &mut usize) -> u64 {
    let first = bytes[*at];
    *at += 1;
    if first < 128 {
        return u64::from(first);
    }
    let (mut number, mut shift) = (u64::from(first & 127), 7);
    loop {
        let byte = bytes[*at];
        *at += 1;
        number |= u64::from(byte & 127) << shift;
        if byte < 128 {
            return number;
        }
        shift += 7;
    }
}

#[inline]
pub(super) fn take_string<'a>(bytes: &mut &'a [u8]) -> &'a [u8] {
    let mut at = 0;
    let len = number(bytes, &mut at) as usize;
    let string = &bytes[at..at + len];
    *bytes = &bytes[at + len..];
    string
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_both_ways() {
        for bits in 0..64 {
            for number_in in [
                1u64 << bits,
                (1 << bits) - 1,
                (1u64 << bits).wrapping_add(5),
            ] {
                let (mut forward, mut backward) = (Vec::new(), vec![7, 7, 7]);
                push_number(&mut forward, number_in);
                assert_eq!(forward.len(), number_len(number_in));
                let mut at = 0;
                assert_eq!((number(&forward, &mut at), at), (number_in, forward.len()));
                push_number_backwards(&mut backward, number_in);
                assert_eq!(backward.len() - 3, number_len(number_in));
                let (mut from, mut read, mut shift) = (backward.len(), 0u64, 0);
                loop {
                    from -= 1;
                    read |= u64::from(backward[from] & 127) << shift;
                    shift += 7;
                    if backward[from] < 128 {
                        break;
                    }
                }
                assert_eq!((read, from), (number_in, 3));
            }
        }
        assert_eq!(number_len(u64::MAX), 10);
    }
}
