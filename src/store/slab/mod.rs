//! Size-class slabs with 32-bit handles: the bytes of many small blocks, without an allocation for
//! each.
//!
//! A [`Slab`] owns pages; a page holds blocks of one size class. A [`Handle`] is the page's number
//! and the block's place in it, so following one is a shift, a mask and one look into a short page
//! table. Blocks above [`INLINE_MAX`] bytes own a `Box<[u8]>` behind the same kind of handle.
//!
//! Blocks never move by themselves. Sparse pages are emptied by their owner, who asks
//! [`Slab::is_sparse`] and calls [`Slab::relocate`] in slices; an empty page goes back to the
//! allocator. The slab keeps no record of who holds a handle: a stale handle reads other bytes, or
//! nothing, but never memory outside the slab.
//!
//! Limits: 65 536 pages of at most 65 535 blocks or [`PAGE_BYTES_MAX`] bytes (256 GiB for blocks of
//! 64 bytes and more); past that `alloc` gives boxes. With no page number left even for boxes
//! (hundreds of millions of them beside all the pages), `alloc` panics; nothing asks beforehand.

mod class;

use class::{CLASS_COUNT, Class, class_of, good_bytes, next_page_bytes};

/// The largest block that lies in a page; larger ones are boxes of their own.
pub const INLINE_MAX: usize = 1024;
/// Pages stop growing at this size: large enough for few page numbers, small enough to fill soon.
pub const PAGE_BYTES_MAX: usize = 4 << 20;

/// How many pages a slab can number.
const PAGES_MAX: usize = 1 << 16;
/// How many blocks a page can number; one number is spare, for [`NONE`].
const SLOTS_MAX: usize = u16::MAX as usize;
/// "No page" in lists of pages and "no slot" in lists of slots.
const NONE: u16 = u16::MAX;
/// A page's `class` when its blocks are boxes.
const BOXES: u8 = u8::MAX;
/// How many pages are compared when one is chosen to be filled next.
const CHOICES: usize = 8;

/// A block's name: four bytes, copied freely, valid until the block is freed or relocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle(u32);

impl Handle {
    /// A handle that no live block of a usual slab has; for fields that are filled later.
    pub const NONE: Handle = Handle(u32::MAX);

    /// The handle as a number, to be stored in packed bytes.
    #[inline]
    pub fn raw(self) -> u32 {
        self.0
    }

    /// The handle that [`Handle::raw`] gave.
    #[inline]
    pub fn from_raw(raw: u32) -> Handle {
        Handle(raw)
    }

    #[inline]
    fn new(page: usize, slot: u16) -> Handle {
        Handle((page as u32) << 16 | u32::from(slot))
    }

    #[inline]
    fn page(self) -> usize {
        (self.0 >> 16) as usize
    }

    #[inline]
    fn slot(self) -> usize {
        (self.0 & 0xffff) as usize
    }
}

/// A page of equal blocks, or (class [`BOXES`]) the number space of boxed blocks.
#[derive(Debug)]
struct Page {
    /// The blocks given out so far; its capacity is the page's size and never changes.
    data: Vec<u8>,
    stride: u16,
    /// How many blocks fit.
    slots: u16,
    /// How many blocks were given out at least once: `data` is so many strides long.
    bumped: u16,
    /// How many blocks are live. For a page of boxes: its place in `Slab::boxes`.
    used: u16,
    /// The first freed slot; its first two bytes hold the next one.
    free: u16,
    /// Neighbours in the class's list of pages with room.
    previous: u16,
    next: u16,
    class: u8,
    /// Whether the page is in its class's list of pages with room.
    listed: bool,
}

/// Blocks of bytes by size class. See the module's text.
#[derive(Debug, Default)]
pub struct Slab {
    pages: Vec<Page>,
    /// By class number, as far as the largest class used.
    classes: Vec<Class>,
    /// Numbers of pages given back.
    page_numbers: Vec<u16>,
    /// Blocks above `INLINE_MAX`, by page of boxes and slot; a freed one is empty.
    boxes: Vec<Vec<Box<[u8]>>>,
    free_boxes: Vec<Handle>,
    /// Number of the page whose boxes are the last of `boxes`.
    boxes_page: u16,
    /// Capacity of all pages.
    page_bytes: usize,
    /// Length of all boxes.
    box_bytes: usize,
    /// Bytes of freed blocks in pages, between live ones.
    hole_bytes: usize,
    live: usize,
}

impl Slab {
    /// An empty slab; owns no memory.
    pub fn new() -> Slab {
        Slab::default()
    }

    /// A block of at least `len` bytes. What it holds is unspecified.
    #[inline]
    pub fn alloc(&mut self, len: usize) -> Handle {
        self.live += 1;
        if len > INLINE_MAX {
            return self.alloc_box(len);
        }
        let class = class_of(len, self.page_bytes);
        let head = self.classes.get(class).map_or(NONE, |c| c.head);
        if head != NONE {
            self.take(head)
        } else {
            self.alloc_in_new_page(class, len)
        }
    }

    /// A block that holds what `parts` hold one after another (and unspecified bytes after).
    #[inline]
    pub fn alloc_with(&mut self, parts: &[&[u8]]) -> Handle {
        let handle = self.alloc(parts.iter().map(|p| p.len()).sum());
        let block = self.bytes_mut(handle);
        let mut at = 0;
        for part in parts {
            block[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        handle
    }

    /// The whole block, as long as its capacity; empty for a handle that is not live.
    #[inline]
    pub fn bytes(&self, handle: Handle) -> &[u8] {
        let Some(page) = self.pages.get(handle.page()) else {
            return &[];
        };
        let stride = page.stride as usize;
        let at = handle.slot() * stride;
        match page.data.get(at..at + stride) {
            Some(block) if stride != 0 => block,
            _ => self.boxed(page, handle),
        }
    }

    /// The whole block, to be written; empty for a handle that is not live.
    #[inline]
    pub fn bytes_mut(&mut self, handle: Handle) -> &mut [u8] {
        let Some(page) = self.pages.get_mut(handle.page()) else {
            return &mut [];
        };
        let stride = page.stride as usize;
        let at = handle.slot() * stride;
        if stride != 0 {
            return page.data.get_mut(at..at + stride).unwrap_or(&mut []);
        }
        let boxes = self.boxes.get_mut(page.used as usize);
        boxes
            .and_then(|b| b.get_mut(handle.slot()))
            .map_or(&mut [], |b| &mut b[..])
    }

    /// How many bytes the block can hold.
    #[inline]
    pub fn capacity(&self, handle: Handle) -> usize {
        self.bytes(handle).len()
    }

    /// Whether `len` bytes would be given a block of the same size as this one: then they can be
    /// written into it without another allocation and without waste.
    #[inline]
    pub fn fits(&self, handle: Handle, len: usize) -> bool {
        let Some(page) = self.pages.get(handle.page()) else {
            return false;
        };
        if page.class == BOXES {
            let capacity = self.boxed(page, handle).len();
            return len <= capacity && len > INLINE_MAX && len >= capacity - capacity / 4;
        }
        len <= INLINE_MAX && class_of(len, self.page_bytes) == page.class as usize
    }

    /// Gives the block back.
    pub fn free(&mut self, handle: Handle) {
        let number = handle.page();
        let Some(page) = self.pages.get_mut(number) else {
            return;
        };
        if page.class == BOXES {
            return self.free_box(handle);
        }
        let (stride, at) = (page.stride as usize, handle.slot() * page.stride as usize);
        let Some(link) = page.data.get_mut(at..at + 2) else {
            return;
        };
        link.copy_from_slice(&page.free.to_le_bytes());
        page.free = handle.slot() as u16;
        page.used -= 1;
        let (empty, listed, class) = (page.used == 0, page.listed, page.class as usize);
        self.live -= 1;
        self.hole_bytes += stride;
        self.classes[class].used -= 1;
        if !listed {
            self.link(number as u16);
        }
        if empty {
            self.empty_page(number);
        }
    }

    /// Whether the block lies in a page so empty, compared with its class, that moving its blocks
    /// elsewhere would give the page back.
    pub fn is_sparse(&self, handle: Handle) -> bool {
        let Some(page) = self.pages.get(handle.page()) else {
            return false;
        };
        let Some(class) = self.classes.get(page.class as usize) else {
            return false;
        };
        let holes = class.bumped - class.used;
        // Below the mean, or less than half full while the class as a whole wastes a quarter.
        let (used, bumped) = (u64::from(page.used), u64::from(page.bumped));
        let is_below_mean = used * u64::from(class.bumped) <= u64::from(class.used) * bumped;
        let is_half_empty = used * 2 < bumped && holes >= class.bumped / 4;
        handle.page() as u16 != class.head
            && holes >= u32::from(page.used)
            && holes >= class.bumped / 8
            && (is_below_mean || is_half_empty)
    }

    /// Moves the block into a fuller page of its class and gives its new handle.
    pub fn relocate(&mut self, handle: Handle) -> Handle {
        let Some(page) = self.pages.get(handle.page()) else {
            return handle;
        };
        if page.class == BOXES {
            return handle;
        }
        let (class, head) = (page.class as usize, self.classes[page.class as usize].head);
        if head == NONE || head as usize == handle.page() {
            return handle;
        }
        let (from, stride) = (handle.slot() * page.stride as usize, page.stride as usize);
        debug_assert_eq!(self.pages[head as usize].class as usize, class);
        self.live += 1;
        let to = self.take(head);
        if let Ok([source, target]) = self.pages.get_disjoint_mut([handle.page(), to.page()]) {
            let at = to.slot() * stride;
            target.data[at..at + stride].copy_from_slice(&source.data[from..from + stride]);
        }
        self.free(handle);
        to
    }

    /// Live blocks.
    pub fn len(&self) -> usize {
        self.live
    }

    /// Whether no block is live.
    pub fn is_empty(&self) -> bool {
        self.live == 0
    }

    /// Memory the slab owns: pages, boxes and tables.
    pub fn heap_bytes(&self) -> usize {
        self.page_bytes
            + self.box_bytes
            + self.pages.capacity() * size_of::<Page>()
            + self.classes.capacity() * size_of::<Class>()
            + self.page_numbers.capacity() * 2
            + self
                .boxes
                .iter()
                .map(|b| b.capacity() * size_of::<Box<[u8]>>())
                .sum::<usize>()
            + self.free_boxes.capacity() * 4
    }

    /// Freed blocks that lie between live ones: what compaction could give back, in bytes.
    pub fn hole_bytes(&self) -> usize {
        self.hole_bytes
    }

    /// Freed blocks that lie between live ones.
    pub fn free_slots(&self) -> usize {
        self.classes
            .iter()
            .map(|c| (c.bumped - c.used) as usize)
            .sum()
    }

    /// Whether compaction is worth a walk over all blocks.
    pub fn is_fragmented(&self) -> bool {
        self.has_holes_above(4)
    }

    /// Whether holes are more than three quarters of the slab, and more than a trifle.
    pub fn is_mostly_holes(&self) -> bool {
        self.hole_bytes > 64 << 10 && self.hole_bytes / 3 > self.page_bytes / 4
    }

    /// Whether holes are more than one `part` of the slab, and more than a trifle.
    pub fn has_holes_above(&self, part: usize) -> bool {
        self.hole_bytes > 64 << 10 && self.hole_bytes > self.page_bytes / part
    }

    /// Gives up to `pages` pages back without regard for what they hold: for a slab that is to be
    /// dropped, in slices. Returns how many were left to give; 0 means that the slab is empty.
    pub fn drain(&mut self, pages: usize) -> usize {
        for _ in 0..pages {
            let Some(page) = self.pages.pop() else { break };
            if page.class == BOXES {
                let boxes = self.boxes.get_mut(page.used as usize);
                if boxes.is_some_and(|b| !drain_boxes(b)) {
                    self.pages.push(page);
                }
            }
        }
        let left = self.pages.len();
        if left == 0 {
            *self = Slab::new();
        }
        left
    }

    /// Compares every count and list with what the pages hold. For tests.
    pub fn check_invariants(&self) {
        let (mut live, mut holes, mut capacity) = (0, 0, 0);
        let mut by_class = vec![Class::default(); CLASS_COUNT];
        for (number, page) in self.pages.iter().enumerate() {
            if page.class == BOXES || page.slots == 0 {
                continue;
            }
            let (mut free, mut slot) = (0, page.free);
            while slot != NONE {
                free += 1;
                let at = slot as usize * page.stride as usize;
                slot = u16::from_le_bytes([page.data[at], page.data[at + 1]]);
                assert!(free <= page.bumped, "free list of page {number} is a loop");
            }
            assert_eq!(page.used + free, page.bumped, "slots of page {number}");
            assert_eq!(page.data.len(), page.bumped as usize * page.stride as usize);
            assert_eq!(page.listed, page.used < page.slots, "room of page {number}");
            let class = &mut by_class[page.class as usize];
            class.slots += u32::from(page.slots);
            class.bumped += u32::from(page.bumped);
            class.used += u32::from(page.used);
            live += page.used as usize;
            holes += free as usize * page.stride as usize;
            capacity += page.data.capacity();
        }
        for (class, counted) in self.classes.iter().zip(&by_class) {
            assert_eq!(
                (class.slots, class.bumped, class.used),
                (counted.slots, counted.bumped, counted.used)
            );
        }
        let boxes = self.boxes.iter().flatten().filter(|b| !b.is_empty());
        let (count, bytes) = boxes.fold((0, 0), |(n, s), b| (n + 1, s + b.len()));
        assert_eq!(self.live, live + count, "live blocks");
        assert_eq!(self.hole_bytes, holes, "bytes of freed blocks");
        assert_eq!(
            (self.page_bytes, self.box_bytes),
            (capacity, bytes),
            "bytes of pages, boxes"
        );
    }

    /// Takes a slot of page `number`, which has room.
    #[inline]
    fn take(&mut self, number: u16) -> Handle {
        let page = &mut self.pages[number as usize];
        let (stride, class) = (page.stride as usize, &mut self.classes[page.class as usize]);
        let slot = if page.free != NONE {
            let slot = page.free;
            let at = slot as usize * stride;
            page.free = u16::from_le_bytes([page.data[at], page.data[at + 1]]);
            self.hole_bytes -= stride;
            slot
        } else {
            let slot = page.bumped;
            page.bumped += 1;
            class.bumped += 1;
            page.data.resize(page.data.len() + stride, 0);
            slot
        };
        page.used += 1;
        class.used += 1;
        if page.used == page.slots {
            self.unlink(number);
        }
        Handle::new(number as usize, slot)
    }

    #[cold]
    fn alloc_in_new_page(&mut self, class: usize, len: usize) -> Handle {
        if self.classes.len() <= class {
            self.classes.reserve_exact(class + 1 - self.classes.len());
            self.classes.resize(class + 1, Class::default());
        }
        let stride = class::stride(class);
        let present = self.classes[class].slots as usize * stride;
        let bytes = next_page_bytes(present, stride);
        let slots = (bytes / stride).min(SLOTS_MAX);
        let Some(number) = self.page_number() else {
            return self.alloc_box(len);
        };
        let data = Vec::with_capacity(slots * stride);
        self.page_bytes += data.capacity();
        self.pages[number] = Page {
            data,
            stride: stride as u16,
            slots: slots as u16,
            class: class as u8,
            ..Page::unused()
        };
        self.classes[class].slots += slots as u32;
        self.link(number as u16);
        self.take(number as u16)
    }

    /// A page number that is not in use. The last few thousand are kept for pages of boxes.
    fn page_number(&mut self) -> Option<usize> {
        if let Some(number) = self.page_numbers.pop() {
            return Some(number as usize);
        }
        if self.pages.len() >= PAGES_MAX - 4096 {
            return None;
        }
        self.pages.push(Page::unused());
        Some(self.pages.len() - 1)
    }

    /// What to do with a page whose last block was freed: give it back, unless its class would be
    /// left without room and would ask for the same page again.
    #[cold]
    fn empty_page(&mut self, number: usize) {
        let page = &mut self.pages[number];
        let (stride, index) = (page.stride as usize, page.class as usize);
        self.hole_bytes -= page.bumped as usize * stride;
        let class = &mut self.classes[index];
        class.bumped -= u32::from(page.bumped);
        page.data.clear();
        page.bumped = 0;
        page.free = NONE;
        let alone = class.head == number as u16 && page.next == NONE;
        if alone && class.used > 0 {
            return;
        }
        self.release(number);
        let class = &self.classes[index];
        if class.used == 0 && class.head != NONE {
            // The page kept by the rule above.
            self.release(class.head as usize);
        }
    }

    fn release(&mut self, number: usize) {
        let page = &self.pages[number];
        self.classes[page.class as usize].slots -= u32::from(page.slots);
        self.page_bytes -= page.data.capacity();
        self.unlink(number as u16);
        self.pages[number] = Page::unused();
        self.page_numbers.push(number as u16);
    }

    /// Puts a page into its class's list, behind the page that is being filled.
    fn link(&mut self, number: u16) {
        let class = &mut self.classes[self.pages[number as usize].class as usize];
        let head = class.head;
        let next = if head == NONE {
            class.head = number;
            NONE
        } else {
            std::mem::replace(&mut self.pages[head as usize].next, number)
        };
        if next != NONE {
            self.pages[next as usize].previous = number;
        }
        let page = &mut self.pages[number as usize];
        (page.previous, page.next, page.listed) = (head, next, true);
    }

    /// Takes a page out of its class's list. When it was the one being filled, the fullest of the
    /// next few takes its place, so that sparse pages are left to become empty.
    fn unlink(&mut self, number: u16) {
        let page = &mut self.pages[number as usize];
        let (previous, next, class) = (page.previous, page.next, page.class as usize);
        (page.previous, page.next, page.listed) = (NONE, NONE, false);
        if next != NONE {
            self.pages[next as usize].previous = previous;
        }
        if previous != NONE {
            self.pages[previous as usize].next = next;
            return;
        }
        self.classes[class].head = next;
        let (mut best, mut at) = (next, next);
        for _ in 0..CHOICES {
            if at == NONE {
                break;
            }
            if self.pages[at as usize].used > self.pages[best as usize].used {
                best = at;
            }
            at = self.pages[at as usize].next;
        }
        if best != next {
            self.bring_forward(best, class);
        }
    }

    /// Makes a page that is listed, but not first, the first of its class.
    fn bring_forward(&mut self, number: u16, class: usize) {
        let (previous, next) = (
            self.pages[number as usize].previous,
            self.pages[number as usize].next,
        );
        self.pages[previous as usize].next = next;
        if next != NONE {
            self.pages[next as usize].previous = previous;
        }
        let head = std::mem::replace(&mut self.classes[class].head, number);
        self.pages[head as usize].previous = number;
        let page = &mut self.pages[number as usize];
        (page.previous, page.next) = (NONE, head);
    }

    #[cold]
    fn boxed(&self, page: &Page, handle: Handle) -> &[u8] {
        if page.class != BOXES {
            return &[];
        }
        let boxes = self.boxes.get(page.used as usize);
        boxes
            .and_then(|b| b.get(handle.slot()))
            .map_or(&[], |b| &b[..])
    }

    #[cold]
    fn alloc_box(&mut self, len: usize) -> Handle {
        // Never empty, because a freed box is an empty one.
        let block = vec![0u8; good_bytes(len.max(1))].into_boxed_slice();
        self.box_bytes += block.len();
        if let Some(handle) = self.free_boxes.pop() {
            let ordinal = self.pages[handle.page()].used as usize;
            self.boxes[ordinal][handle.slot()] = block;
            return handle;
        }
        if self.boxes.last().is_none_or(|b| b.len() >= SLOTS_MAX) {
            self.add_page_of_boxes();
        }
        let slot = self.boxes.last().map_or(0, Vec::len) as u16;
        if let Some(boxes) = self.boxes.last_mut() {
            boxes.push(block);
        }
        Handle::new(self.boxes_page as usize, slot)
    }

    fn add_page_of_boxes(&mut self) {
        assert!(
            self.pages.len() < PAGES_MAX,
            "a slab cannot number more blocks"
        );
        self.pages.push(Page {
            class: BOXES,
            used: self.boxes.len() as u16,
            ..Page::unused()
        });
        self.boxes.push(Vec::new());
        self.boxes_page = (self.pages.len() - 1) as u16;
    }

    #[cold]
    fn free_box(&mut self, handle: Handle) {
        let ordinal = self.pages[handle.page()].used as usize;
        let Some(block) = self
            .boxes
            .get_mut(ordinal)
            .and_then(|b| b.get_mut(handle.slot()))
        else {
            return;
        };
        if block.is_empty() {
            return;
        }
        self.box_bytes -= block.len();
        *block = Box::default();
        self.live -= 1;
        self.free_boxes.push(handle);
    }
}

impl Page {
    fn unused() -> Page {
        Page {
            data: Vec::new(),
            stride: 0,
            slots: 0,
            bumped: 0,
            used: 0,
            free: NONE,
            previous: NONE,
            next: NONE,
            class: 0,
            listed: false,
        }
    }
}

/// Frees some of the boxes; whether none is left.
fn drain_boxes(boxes: &mut Vec<Box<[u8]>>) -> bool {
    boxes.truncate(boxes.len().saturating_sub(256));
    boxes.is_empty()
}

#[cfg(test)]
mod tests;
