//! Which block sizes a slab has, and how large its next page is.

use super::{NONE, PAGE_BYTES_MAX, SLOTS_MAX};

/// Pages of one block size.
#[derive(Clone, Debug)]
pub(super) struct Class {
    /// Blocks that fit into the pages.
    pub slots: u32,
    /// Blocks given out at least once.
    pub bumped: u32,
    /// Live blocks.
    pub used: u32,
    /// The page being filled, first of the list of pages with room.
    pub head: u16,
}

impl Default for Class {
    fn default() -> Class {
        Class {
            slots: 0,
            bumped: 0,
            used: 0,
            head: NONE,
        }
    }
}

/// How many classes there are.
pub(super) const CLASS_COUNT: usize = STRIDES.len();

/// Block sizes: steps of 2 to 64, of 4 to 128, of 8 to 256, then about 12 %.
static STRIDES: [u16; 75] = strides();
/// By length: the class whose blocks are just large enough.
static CLASSES: [u8; super::INLINE_MAX + 1] = classes();

/// A slab with less than this in pages uses only every second class up to 128 bytes: few blocks
/// spread over many classes would leave most pages half empty.
const COARSE_BELOW_BYTES: usize = 32 << 10;
/// The first page of a class.
const FIRST_PAGE_BYTES: usize = 256;

/// The size of a class's blocks.
#[inline]
pub(super) fn stride(class: usize) -> usize {
    STRIDES[class] as usize
}

/// The class for blocks of `len` bytes (at most `INLINE_MAX`), in a slab with so many bytes in
/// pages.
#[inline]
pub(super) fn class_of(len: usize, page_bytes: usize) -> usize {
    let len = if page_bytes < COARSE_BELOW_BYTES && len <= 128 {
        (len + 7) & !7
    } else {
        len
    };
    CLASSES[len] as usize
}

/// How large the next page of a class is, whose pages have `present` bytes: a fraction of those,
/// so that what a class wastes stays in proportion.
pub(super) fn next_page_bytes(present: usize, stride: usize) -> usize {
    let wanted = match present {
        0..0x1000 => present / 2,
        0x1000..0x4_0000 => present / 4,
        _ => present / 8,
    };
    let most = PAGE_BYTES_MAX.min(stride * SLOTS_MAX);
    good_bytes(wanted.clamp(FIRST_PAGE_BYTES.max(stride), most)).min(most.max(stride))
}

/// The next size at or above `bytes` that jemalloc serves without rounding: four a doubling.
pub(super) fn good_bytes(bytes: usize) -> usize {
    if bytes <= 128 {
        return bytes.next_multiple_of(16);
    }
    let step = 1usize << ((bytes - 1).ilog2() - 2);
    bytes.next_multiple_of(step)
}

const fn strides() -> [u16; 75] {
    const TAIL: [u16; 12] = [288, 320, 360, 408, 456, 512, 576, 640, 720, 808, 912, 1024];
    let mut all = [0; 75];
    let (mut at, mut size) = (0, 4);
    while size <= 256 {
        all[at] = size;
        at += 1;
        size += if size < 64 {
            2
        } else if size < 128 {
            4
        } else {
            8
        };
    }
    let head = at;
    while at < all.len() {
        all[at] = TAIL[at - head];
        at += 1;
    }
    all
}

const fn classes() -> [u8; super::INLINE_MAX + 1] {
    let mut all = [0; super::INLINE_MAX + 1];
    let (mut len, mut class) = (0, 0);
    while len < all.len() {
        if len > STRIDES[class as usize] as usize {
            class += 1;
        }
        all[len] = class;
        len += 1;
    }
    all
}
