//! Dense registers: six bits each, from the lowest bit of the first byte upwards.

use super::REGISTERS;

/// Bytes of all registers.
pub(super) const BYTES: usize = REGISTERS / 4 * 3;

const MASK: u16 = 0x3f;

/// Raises one register to `value`; whether it was lower. Outside of `packed` nothing happens.
#[inline]
pub(super) fn raise(packed: &mut [u8], index: usize, value: u8) -> bool {
    let (at, shift) = (index * 6 / 8, index * 6 % 8);
    // The last register ends with the last byte: it alone has no byte behind it.
    let (Some(&low), high) = (packed.get(at), packed.get(at + 1).copied().unwrap_or(0)) else {
        return false;
    };
    let window = u16::from_le_bytes([low, high]);
    if window >> shift & MASK >= u16::from(value) {
        return false;
    }
    let window = window & !(MASK << shift) | u16::from(value) << shift;
    let [low, high] = window.to_le_bytes();
    packed[at] = low;
    if let Some(byte) = packed.get_mut(at + 1) {
        *byte = high;
    }
    true
}

/// Spreads the registers over bytes, eight at a time.
pub(super) fn unpack(packed: &[u8], registers: &mut [u8; REGISTERS]) {
    let (sixes, _) = packed.as_chunks::<6>();
    let (eights, _) = registers.as_chunks_mut::<8>();
    for (six, eight) in sixes.iter().zip(eights) {
        let [a, b, c, d, e, f] = *six;
        let x = u64::from_le_bytes([a, b, c, d, e, f, 0, 0]);
        let x = x & 0x00ff_ffff | (x & 0xffff_ff00_0000) << 8;
        let x = x & 0x0000_0fff_0000_0fff | (x & 0x00ff_f000_00ff_f000) << 4;
        let x = x & 0x003f_003f_003f_003f | (x & 0x0fc0_0fc0_0fc0_0fc0) << 2;
        *eight = x.to_le_bytes();
    }
}

/// Packs registers, each at most 63, into six bits.
pub(super) fn pack(registers: &[u8; REGISTERS], packed: &mut [u8]) {
    let (sixes, _) = packed.as_chunks_mut::<6>();
    let (eights, _) = registers.as_chunks::<8>();
    for (six, eight) in sixes.iter_mut().zip(eights) {
        let x = u64::from_le_bytes(*eight);
        let x = x & 0x003f_003f_003f_003f | (x & 0x3f00_3f00_3f00_3f00) >> 2;
        let x = x & 0x0000_0fff_0000_0fff | (x & 0x0fff_0000_0fff_0000) >> 4;
        let x = x & 0x00ff_ffff | (x & 0x00ff_ffff_0000_0000) >> 8;
        six.copy_from_slice(&x.to_le_bytes()[..6]);
    }
}
