//! Documentation of the commands on bitmaps: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("bitmap");

/// BITCOUNT.
pub static BITCOUNT: Doc = Doc {
    summary: "Counts the bits that are set.",
    since: "2.6.0",
    complexity: "O(N) for N bytes",
    args: "key@0 [range{start:int [end-unit-block{end:int [unit(byte=BYTE|bit=BIT)^7.0.0]}]}]",
    history: &[
        ("7.0.0", "`BYTE|BIT`."),
        ("8.0.0", "`end` may be left out."),
    ],
    ..GROUP
};

/// BITFIELD.
pub static BITFIELD: Doc = Doc {
    summary: "Reads and changes integers of any width inside a string.",
    since: "3.2.0",
    complexity: "O(1) for each operation",
    args: "key@0 [operation(get-block{encoding offset:int}=GET|\
             write{[overflow-block(wrap=WRAP|sat=SAT|fail=FAIL)=OVERFLOW] \
             write-operation(set-block{encoding offset:int value:int}=SET|incrby-block{encoding \
             offset:int increment:int}=INCRBY)})*]",
    ..GROUP
};

/// BITFIELD_RO.
pub static BITFIELD_RO: Doc = Doc {
    summary: "Reads integers of any width inside a string.",
    since: "6.0.0",
    complexity: "O(1) for each operation",
    args: "key@0 [get-block{encoding offset:int}=GET**]",
    ..GROUP
};

/// BITOP.
pub static BITOP: Doc = Doc {
    summary: "Combines strings bit by bit and stores the result.",
    since: "2.6.0",
    complexity: "O(N) for N bytes",
    args: "operation(and=AND|or=OR|xor=XOR|not=NOT|+diff=DIFF|+diff1=DIFF1|+andor=ANDOR|\
             +one=ONE) destkey@0 key@1*",
    ..GROUP
};

/// BITPOS.
pub static BITPOS: Doc = Doc {
    summary: "Finds the first bit that is set, or is not.",
    since: "2.8.7",
    complexity: "O(N) for N bytes",
    args: "key@0 bit:int [range{start:int [end-unit-block{end:int [unit(byte=BYTE|\
             bit=BIT)^7.0.0]}]}]",
    history: &[("7.0.0", "`BYTE|BIT`.")],
    ..GROUP
};

/// GETBIT.
pub static GETBIT: Doc = Doc {
    summary: "Returns the bit at an offset.",
    since: "2.2.0",
    complexity: "O(1)",
    args: "key@0 offset:int",
    ..GROUP
};

/// SETBIT.
pub static SETBIT: Doc = Doc {
    summary: "Sets or clears the bit at an offset.",
    since: "2.2.0",
    complexity: "O(1)",
    args: "key@0 offset:int value:int",
    ..GROUP
};
