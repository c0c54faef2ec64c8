//! What clients send and what they get, byte for byte. The same table is sent to a real Valkey.

/// One conversation, from the first byte of a new connection.
pub struct Exchange {
    /// What is sent.
    pub send: &'static [u8],
    /// What comes back.
    pub reply: &'static [u8],
    /// Whether the server closes the connection then.
    pub closes: bool,
}

const fn keeps(send: &'static [u8], reply: &'static [u8]) -> Exchange {
    Exchange {
        send,
        reply,
        closes: false,
    }
}

const fn closes(send: &'static [u8], reply: &'static [u8]) -> Exchange {
    Exchange {
        send,
        reply,
        closes: true,
    }
}

/// Conversations in RESP2.
pub const EXCHANGES: &[Exchange] = &[
    // Multibulk, one command.
    keeps(b"*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
    keeps(b"*2\r\n$4\r\nping\r\n$2\r\nhi\r\n", b"$2\r\nhi\r\n"),
    keeps(b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", b"$0\r\n\r\n"),
    keeps(
        b"*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\0\xff\r\n",
        b"$4\r\n\r\n\0\xff\r\n",
    ),
    keeps(b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n", b"$-1\r\n"),
    keeps(b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n", b":1\r\n"),
    keeps(
        b"*3\r\n$4\r\nMGET\r\n$1\r\na\r\n$1\r\nb\r\n",
        b"*2\r\n$-1\r\n$-1\r\n",
    ),
    // Several in one go.
    keeps(
        b"*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
        b"+OK\r\n$1\r\n1\r\n",
    ),
    keeps(
        b"*3\r\n$3\r\nSET\r\n$2\r\n\r\n\r\n$3\r\na\r\n\r\n*2\r\n$3\r\nGET\r\n$2\r\n\r\n\r\n",
        b"+OK\r\n$3\r\na\r\n\r\n",
    ),
    keeps(
        b"*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n",
        b"+PONG\r\n+PONG\r\n+PONG\r\n",
    ),
    // Nothing at all.
    keeps(b"*0\r\n*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
    keeps(b"*-1\r\n*1\r\n$4\r\nPING\r\n", b"+PONG\r\n"),
    keeps(b"*-10\r\nPING\r\n", b"+PONG\r\n"),
    keeps(b"\r\n\n\r\nPING\r\n", b"+PONG\r\n"),
    keeps(b"   \r\nPING\r\n", b"+PONG\r\n"),
    // Lines.
    keeps(b"PING\r\n", b"+PONG\r\n"),
    keeps(b"PING\n", b"+PONG\r\n"),
    keeps(b"  ping \t hello  \r\n", b"$5\r\nhello\r\n"),
    keeps(
        b"SET a \"x\\x41\\n\\\"y\"\r\nGET a\r\n",
        b"+OK\r\n$5\r\nxA\n\"y\r\n",
    ),
    keeps(b"ECHO 'it\\'s \\x41'\r\n", b"$9\r\nit's \\x41\r\n"),
    keeps(b"ECHO \"\"\nECHO ''\n", b"$0\r\n\r\n$0\r\n\r\n"),
    keeps(
        b"PING\r\n*1\r\n$4\r\nPING\r\nPING x\n",
        b"+PONG\r\n+PONG\r\n$1\r\nx\r\n",
    ),
    // Errors that leave the connection open.
    keeps(
        b"*1\r\n$3\r\nGET\r\nPING\r\n",
        b"-ERR wrong number of arguments for 'get' command\r\n+PONG\r\n",
    ),
    keeps(
        b"*3\r\n$3\r\nfoo\r\n$2\r\n\r\n\r\n$1\r\nb\r\n",
        b"-ERR unknown command 'foo', with args beginning with: '  ' 'b' \r\n",
    ),
    keeps(
        b"FOO\r\nPING\r\n",
        b"-ERR unknown command 'FOO', with args beginning with: \r\n+PONG\r\n",
    ),
    keeps(
        b"*1\r\n$0\r\n\r\nPING\r\n",
        b"-ERR unknown command '', with args beginning with: \r\n+PONG\r\n",
    ),
    keeps(
        b"SET n x\r\nINCR n\r\n",
        b"+OK\r\n-ERR value is not an integer or out of range\r\n",
    ),
    // Transactions.
    keeps(
        b"MULTI\r\nSET a 1\r\nINCR a\r\nGET b\r\nEXEC\r\n",
        b"+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n+OK\r\n:2\r\n$-1\r\n",
    ),
    keeps(b"MULTI\r\nEXEC\r\n", b"+OK\r\n*0\r\n"),
    keeps(
        b"MULTI\r\nGET\r\nEXEC\r\n",
        b"+OK\r\n-ERR wrong number of arguments for 'get' command\r\n\
          -EXECABORT Transaction discarded because of previous errors.\r\n",
    ),
    keeps(
        b"WATCH a\r\nSET a 1\r\nMULTI\r\nPING\r\nEXEC\r\n",
        b"+OK\r\n+OK\r\n+OK\r\n+QUEUED\r\n*-1\r\n",
    ),
    keeps(
        b"EXEC\r\nDISCARD\r\nMULTI\r\nMULTI\r\nDISCARD\r\n",
        b"-ERR EXEC without MULTI\r\n-ERR DISCARD without MULTI\r\n+OK\r\n\
          -ERR Command 'multi' not allowed inside a transaction\r\n+OK\r\n",
    ),
    // Subscriptions.
    keeps(
        b"SUBSCRIBE c\r\nPING\r\nUNSUBSCRIBE c\r\nPING\r\n",
        b"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n\
          *3\r\n$11\r\nunsubscribe\r\n$1\r\nc\r\n:0\r\n+PONG\r\n",
    ),
    // The last word.
    closes(b"QUIT\r\nPING\r\n", b"+OK\r\n"),
    closes(
        b"PING\r\n*1\r\n$4\r\nquit\r\nSET a 1\r\n",
        b"+PONG\r\n+OK\r\n",
    ),
];

/// Input that breaks the protocol, and the text behind `-ERR Protocol error: `.
pub const BROKEN: &[(&[u8], &[u8])] = &[
    (b"*x\r\n", b"invalid multibulk length"),
    (b"*+1\r\n", b"invalid multibulk length"),
    (b"*01\r\n", b"invalid multibulk length"),
    (b"*\r\n", b"invalid multibulk length"),
    (b"* 1\r\n", b"invalid multibulk length"),
    (b"*1.5\r\n", b"invalid multibulk length"),
    (b"*2147483648\r\n", b"invalid multibulk length"),
    (b"*99999999999999999999\r\n", b"invalid multibulk length"),
    (b"*1\r\n$-1\r\n", b"invalid bulk length"),
    (b"*1\r\n$\r\n", b"invalid bulk length"),
    (b"*1\r\n$x\r\n", b"invalid bulk length"),
    (b"*1\r\n$04\r\nPING\r\n", b"invalid bulk length"),
    (b"*1\r\n$536870913\r\n", b"invalid bulk length"),
    (b"*1\r\n$99999999999999999999\r\n", b"invalid bulk length"),
    (b"*1\r\nfoo\r\n", b"expected '$', got 'f'"),
    (b"*1\r\n\r\n", b"expected '$', got ' '"),
    (b"*1\r\n:4\r\nPING\r\n", b"expected '$', got ':'"),
    (b"*2\r\n$1\r\na\r\n*1\r\n", b"expected '$', got '*'"),
    (b"*1\r\n$4\r\nPINGxy", b"invalid CRLF in request"),
    (
        b"*2\r\n$4\r\nECHO\r\n$1\r\nab\r\n",
        b"invalid CRLF in request",
    ),
    (b"set a \"b\r\n", b"unbalanced quotes in request"),
    (b"set a 'b\n", b"unbalanced quotes in request"),
];
