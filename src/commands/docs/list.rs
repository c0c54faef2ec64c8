//! Documentation of the commands on lists: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("list");

/// BLMOVE.
pub static BLMOVE: Doc = Doc {
    summary: "Moves an element from one list to another, waiting for one to arrive.",
    since: "6.2.0",
    complexity: "O(1)",
    args: "source@0 destination@1 wherefrom(left=LEFT|right=RIGHT) whereto(left=LEFT|\
             right=RIGHT) timeout:double",
    ..GROUP
};

/// BLMOVEM.
pub static BLMOVEM: Doc = Doc {
    summary: "Moves several elements from one list to another, waiting for them to arrive.",
    since: "8.10.0",
    complexity: "O(N) for N elements moved",
    args: "source@0 destination@1 wherefrom(left=LEFT|right=RIGHT) whereto(left=LEFT|\
             right=RIGHT) timeout:double [how-many{selector(count:int=COUNT|exactly:int=EXACTLY) \
             ordering(obo=OBO|bulk=BULK)}]",
    ..GROUP
};

/// BLMPOP.
pub static BLMPOP: Doc = Doc {
    summary: "Pops elements from the first list that has any, waiting for one to arrive.",
    since: "7.0.0",
    complexity: "O(N+M) for N keys and M elements returned",
    args: "timeout:double numkeys:int key@0* where(left=LEFT|right=RIGHT) [count:int=COUNT]",
    ..GROUP
};

/// BLPOP.
pub static BLPOP: Doc = Doc {
    summary: "Pops the head of the first list that has one, waiting for one to arrive.",
    since: "2.0.0",
    complexity: "O(N) for N keys",
    args: "key@0* timeout:double",
    history: &[("6.0.0", "Fractional timeouts.")],
    ..GROUP
};

/// BRPOP.
pub static BRPOP: Doc = Doc {
    summary: "Pops the tail of the first list that has one, waiting for one to arrive.",
    since: "2.0.0",
    complexity: "O(N) for N keys",
    args: "key@0* timeout:double",
    history: &[("6.0.0", "Fractional timeouts.")],
    ..GROUP
};

/// BRPOPLPUSH.
pub static BRPOPLPUSH: Doc = Doc {
    summary: "Moves the tail of one list to the head of another, waiting for one to arrive.",
    since: "2.2.0",
    complexity: "O(1)",
    args: "source@0 destination@1 timeout:double",
    history: &[("6.0.0", "Fractional timeouts.")],
    ..GROUP
};

/// LINDEX.
pub static LINDEX: Doc = Doc {
    summary: "Returns the element at an index.",
    since: "1.0.0",
    complexity: "O(N) for N elements from the nearer end",
    args: "key@0 index:int",
    ..GROUP
};

/// LINSERT.
pub static LINSERT: Doc = Doc {
    summary: "Inserts an element before or after another one.",
    since: "2.2.0",
    complexity: "O(N) for N elements before the pivot",
    args: "key@0 where(before=BEFORE|after=AFTER) pivot element",
    ..GROUP
};

/// LLEN.
pub static LLEN: Doc = Doc {
    summary: "Returns the number of elements.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "key@0",
    ..GROUP
};

/// LMOVE.
pub static LMOVE: Doc = Doc {
    summary: "Moves an element from an end of one list to an end of another.",
    since: "6.2.0",
    complexity: "O(1)",
    args: "source@0 destination@1 wherefrom(left=LEFT|right=RIGHT) whereto(left=LEFT|\
             right=RIGHT)",
    ..GROUP
};

/// LMOVEM.
pub static LMOVEM: Doc = Doc {
    summary: "Moves several elements from an end of one list to an end of another.",
    since: "8.10.0",
    complexity: "O(N) for N elements moved",
    args: "source@0 destination@1 wherefrom(left=LEFT|right=RIGHT) whereto(left=LEFT|\
             right=RIGHT) [how-many{selector(count:int=COUNT|exactly:int=EXACTLY) \
             ordering(obo=OBO|bulk=BULK)}]",
    ..GROUP
};

/// LMPOP.
pub static LMPOP: Doc = Doc {
    summary: "Pops elements from the first list that has any.",
    since: "7.0.0",
    complexity: "O(N+M) for N keys and M elements returned",
    args: "numkeys:int key@0* where(left=LEFT|right=RIGHT) [count:int=COUNT]",
    ..GROUP
};

/// LPOP.
pub static LPOP: Doc = Doc {
    summary: "Pops elements from the head.",
    since: "1.0.0",
    complexity: "O(N) for N elements returned",
    args: "key@0 [count:int^6.2.0]",
    history: &[("6.2.0", "`count`.")],
    ..GROUP
};

/// LPOS.
pub static LPOS: Doc = Doc {
    summary: "Returns the index of the elements equal to a value.",
    since: "6.0.6",
    complexity: "O(N) for N elements compared",
    args: "key@0 element [rank:int=RANK] [num-matches:int=COUNT] [len:int=MAXLEN]",
    ..GROUP
};

/// LPUSH.
pub static LPUSH: Doc = Doc {
    summary: "Adds elements at the head, creating the list if need be.",
    since: "1.0.0",
    complexity: "O(N) for N elements added",
    args: "key@0 element*",
    history: &[("2.4.0", "Several elements.")],
    ..GROUP
};

/// LPUSHX.
pub static LPUSHX: Doc = Doc {
    summary: "Adds elements at the head of a list that exists.",
    since: "2.2.0",
    complexity: "O(N) for N elements added",
    args: "key@0 element*",
    history: &[("4.0.0", "Several elements.")],
    ..GROUP
};

/// LRANGE.
pub static LRANGE: Doc = Doc {
    summary: "Returns the elements from one index to another.",
    since: "1.0.0",
    complexity: "O(S+N) for S elements skipped and N returned",
    args: "key@0 start:int stop:int",
    ..GROUP
};

/// LREM.
pub static LREM: Doc = Doc {
    summary: "Removes elements equal to a value.",
    since: "1.0.0",
    complexity: "O(N+M) for N elements in the list and M removed",
    args: "key@0 count:int element",
    ..GROUP
};

/// LSET.
pub static LSET: Doc = Doc {
    summary: "Replaces the element at an index.",
    since: "1.0.0",
    complexity: "O(N) for N elements from the nearer end",
    args: "key@0 index:int element",
    ..GROUP
};

/// LTRIM.
pub static LTRIM: Doc = Doc {
    summary: "Keeps only the elements from one index to another.",
    since: "1.0.0",
    complexity: "O(N) for N elements removed",
    args: "key@0 start:int stop:int",
    ..GROUP
};

/// RPOP.
pub static RPOP: Doc = Doc {
    summary: "Pops elements from the tail.",
    since: "1.0.0",
    complexity: "O(N) for N elements returned",
    args: "key@0 [count:int^6.2.0]",
    history: &[("6.2.0", "`count`.")],
    ..GROUP
};

/// RPOPLPUSH.
pub static RPOPLPUSH: Doc = Doc {
    summary: "Moves the tail of one list to the head of another and returns it.",
    since: "1.2.0",
    complexity: "O(1)",
    args: "source@0 destination@1",
    ..GROUP
};

/// RPUSH.
pub static RPUSH: Doc = Doc {
    summary: "Adds elements at the tail, creating the list if need be.",
    since: "1.0.0",
    complexity: "O(N) for N elements added",
    args: "key@0 element*",
    history: &[("2.4.0", "Several elements.")],
    ..GROUP
};

/// RPUSHX.
pub static RPUSHX: Doc = Doc {
    summary: "Adds elements at the tail of a list that exists.",
    since: "2.2.0",
    complexity: "O(N) for N elements added",
    args: "key@0 element*",
    history: &[("4.0.0", "Several elements.")],
    ..GROUP
};
