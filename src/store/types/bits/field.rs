//! BITFIELD: integers of 1 to 64 bits at any bit of a string, and what they do on overflow.

/// Width and sign of an integer in a string: `i1` to `i64`, `u1` to `u63`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldType {
    signed: bool,
    bits: u8,
}

/// What happens to a value that a field cannot hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The low bits are kept.
    Wrap,
    /// The nearest value that fits is taken.
    Sat,
    /// Nothing is written.
    Fail,
}

impl Overflow {
    /// The behaviour of a name, in either case.
    pub fn from_name(name: &[u8]) -> Option<Overflow> {
        const NAMES: [(&[u8], Overflow); 3] = [
            (b"wrap", Overflow::Wrap),
            (b"sat", Overflow::Sat),
            (b"fail", Overflow::Fail),
        ];
        NAMES
            .iter()
            .find(|(known, _)| name.eq_ignore_ascii_case(known))
            .map(|(_, way)| *way)
    }
}

impl FieldType {
    /// A type by its name, such as `u8` or `i64`.
    pub fn parse(name: &[u8]) -> Option<FieldType> {
        let (&sign, digits) = name.split_first()?;
        let signed = match sign {
            b'i' => true,
            b'u' => false,
            _ => return None,
        };
        let bits = match *digits {
            [ones @ b'1'..=b'9'] => ones - b'0',
            [tens @ b'1'..=b'9', ones @ b'0'..=b'9'] => (tens - b'0') * 10 + (ones - b'0'),
            _ => return None,
        };
        (bits <= if signed { 64 } else { 63 }).then_some(FieldType { signed, bits })
    }

    /// The width.
    pub fn bits(self) -> u64 {
        u64::from(self.bits)
    }

    /// The value at bit `offset`.
    pub fn read(self, bytes: &[u8], offset: u64) -> i64 {
        let window = load(bytes, (offset >> 3) as usize) << (offset & 7);
        let unused = 128 - u32::from(self.bits);
        if self.signed {
            (window as i128 >> unused) as i64
        } else {
            (window >> unused) as i64
        }
    }

    /// Writes the low bits of `value` at bit `offset`. The string must be long enough.
    pub fn write(self, bytes: &mut [u8], offset: u64, value: i64) {
        let at = (offset >> 3) as usize;
        let unused = 128 - u32::from(self.bits);
        let mask = (u128::MAX << unused) >> (offset & 7);
        let value = ((value as u128) << unused) >> (offset & 7);
        let window = load(bytes, at) & !mask | value;
        let end = bytes.len().min(at + 9);
        if let Some(target) = bytes.get_mut(at..end) {
            target.copy_from_slice(&window.to_be_bytes()[..end - at]);
        }
    }

    /// What SET writes for `value`; nothing where the overflow behaviour says so.
    pub fn fit(self, value: i64, overflow: Overflow) -> Option<i64> {
        self.add(value, 0, overflow)
    }

    /// What INCRBY makes of the present `value`; nothing where the overflow behaviour says so.
    pub fn add(self, value: i64, increment: i64, overflow: Overflow) -> Option<i64> {
        let bound = match self.signed {
            true => self.crossed_signed(value, increment),
            false => self.crossed_unsigned(value as u64, increment),
        };
        let sum = value.wrapping_add(increment);
        match (bound, overflow) {
            (None, _) => Some(sum),
            (Some(_), Overflow::Fail) => None,
            (Some(bound), Overflow::Sat) => Some(bound),
            (Some(_), Overflow::Wrap) => {
                let unused = 64 - u32::from(self.bits);
                let low = (sum as u64) << unused;
                Some(if self.signed {
                    low as i64 >> unused
                } else {
                    (low >> unused) as i64
                })
            }
        }
    }

    /// The bound that a sum crosses. The differences wrap: where a value to be SET is so far
    /// below the smallest one that they do, Redis takes it for too large, and clients see that.
    fn crossed_signed(self, value: i64, increment: i64) -> Option<i64> {
        let narrow = self.bits < 64;
        let max = i64::MAX >> (64 - self.bits);
        let min = -max - 1;
        let (to_max, to_min) = (max.wrapping_sub(value), min.wrapping_sub(value));
        let up = value > max || (narrow || (value >= 0 && increment > 0)) && increment > to_max;
        let down = value < min || (narrow || (value < 0 && increment < 0)) && increment < to_min;
        if up { Some(max) } else { down.then_some(min) }
    }

    fn crossed_unsigned(self, value: u64, increment: i64) -> Option<i64> {
        let max = u64::MAX >> (64 - self.bits);
        if value > max || (increment > 0 && increment as u64 > max - value) {
            Some(max as i64)
        } else {
            (increment < 0 && increment.unsigned_abs() > value).then_some(0)
        }
    }
}

/// Nine bytes from `at` on as the highest ones of a number, zeros behind the end.
fn load(bytes: &[u8], at: usize) -> u128 {
    let mut window = [0; 16];
    let rest = bytes.get(at..).unwrap_or(&[]);
    let n = rest.len().min(9);
    window[..n].copy_from_slice(&rest[..n]);
    u128::from_be_bytes(window)
}
