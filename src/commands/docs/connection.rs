//! Documentation of the commands on connections: data only.

use crate::dispatch::docs::Doc;

const GROUP: Doc = Doc::of("connection");

/// AUTH.
pub static AUTH: Doc = Doc {
    summary: "Authenticates the connection.",
    since: "1.0.0",
    complexity: "O(N) for N passwords of the user",
    args: "[username^6.0.0] password",
    history: &[("6.0.0", "`username`.")],
    ..GROUP
};

/// CLIENT.
pub static CLIENT: Doc = Doc {
    summary: "Manages connections.",
    since: "2.4.0",
    ..GROUP
};

/// CLIENT CACHING.
pub static CLIENT_CACHING: Doc = Doc {
    summary: "Has the next command's keys tracked, or not.",
    since: "6.0.0",
    complexity: "O(1)",
    args: "mode(yes=YES|no=NO)",
    ..GROUP
};

/// CLIENT CAPA.
pub static CLIENT_CAPA: Doc = Doc {
    summary: "Declares what a client is able to do.",
    since: "8.0.0",
    complexity: "O(1)",
    args: "capability*",
    ..GROUP
};

/// CLIENT GETNAME.
pub static CLIENT_GETNAME: Doc = Doc {
    summary: "Returns the name of the connection.",
    since: "2.6.9",
    complexity: "O(1)",
    ..GROUP
};

/// CLIENT GETREDIR.
pub static CLIENT_GETREDIR: Doc = Doc {
    summary: "Returns which client gets this one's invalidation messages.",
    since: "6.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// CLIENT HELP.
pub static CLIENT_HELP: Doc = Doc {
    summary: "Lists the subcommands.",
    since: "5.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// CLIENT ID.
pub static CLIENT_ID: Doc = Doc {
    summary: "Returns the id of the connection.",
    since: "5.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// CLIENT IMPORT-SOURCE.
pub static CLIENT_IMPORT_SOURCE: Doc = Doc {
    summary: "Marks the connection as one that imports data.",
    since: "8.1.0",
    complexity: "O(1)",
    args: "enabled(on=ON|off=OFF)",
    ..GROUP
};

/// CLIENT INFO.
pub static CLIENT_INFO: Doc = Doc {
    summary: "Describes the connection.",
    since: "6.2.0",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    ..GROUP
};

/// CLIENT KILL.
pub static CLIENT_KILL: Doc = Doc {
    summary: "Closes connections.",
    since: "2.4.0",
    complexity: "O(N) for N connections",
    args: "filter(old-format<ip:port>~2.8.12|new-format([client-id:int=ID*^2.8.12]|\
             [client-type(normal=NORMAL|master=MASTER^3.2.0|primary=PRIMARY^8.0.0|slave=SLAVE|\
             replica=REPLICA^5.0.0|pubsub=PUBSUB)=TYPE^2.8.12]|[username:str=USER]|\
             [addr<ip:port>:str=ADDR]|[laddr<ip:port>:str=LADDR^6.2.0]|[skipme(yes=YES|\
             no=NO)=SKIPME]|[maxage:int=MAXAGE^8.0.0]|[name:str=NAME^9.0.0]|[idle:int=IDLE^9.0.0]|\
             [flags:str=FLAGS^9.0.0]|[lib-name:str=LIB-NAME^9.0.0]|[lib-ver:str=LIB-VER^9.0.0]|\
             [db:int=DB^9.0.0]|[capa:str=CAPA^9.0.0]|[ip:str=IP^9.0.0]|\
             [not-client-type(normal=NORMAL|master=MASTER|primary=PRIMARY|slave=SLAVE|\
             replica=REPLICA|pubsub=PUBSUB)=NOT-TYPE^9.0.0]|[not-client-id:int=NOT-ID*^9.0.0]|\
             [not-username:str=NOT-USER^9.0.0]|[not-addr<ip:port>:str=NOT-ADDR^9.0.0]|\
             [not-laddr<ip:port>:str=NOT-LADDR^9.0.0]|[not-name:str=NOT-NAME^9.0.0]|\
             [not-flags:str=NOT-FLAGS^9.0.0]|[not-lib-name:str=NOT-LIB-NAME^9.0.0]|\
             [not-lib-ver:str=NOT-LIB-VER^9.0.0]|[not-db:int=NOT-DB^9.0.0]|\
             [not-capa:str=NOT-CAPA^9.0.0]|[not-ip:str=NOT-IP^9.0.0])*)",
    history: &[
        ("2.8.12", "Filters."),
        ("2.8.12", "`ID`."),
        ("3.2.0", "`TYPE master`."),
        ("5.0.0", "`TYPE replica` beside `slave`."),
        ("6.2.0", "`LADDR`."),
        ("8.0.0", "`MAXAGE`."),
        ("8.0.0", "`TYPE primary` beside `master`."),
        ("8.1.0", "Several ids."),
        ("9.0.0", "More filters, and their opposites with `NOT-`."),
    ],
    ..GROUP
};

/// CLIENT LIST.
pub static CLIENT_LIST: Doc = Doc {
    summary: "Describes all connections.",
    since: "2.4.0",
    complexity: "O(N) for N connections",
    tips: &["nondeterministic_output"],
    args: "[client-type(normal=NORMAL|master=MASTER|replica=REPLICA|\
             pubsub=PUBSUB)=TYPE^5.0.0] [client-id:int=ID*^6.2.0] [username:str=USER^8.1.0] \
             [addr<ip:port>:str=ADDR^8.1.0] [laddr<ip:port>:str=LADDR^8.1.0] [skipme(yes=YES|\
             no=NO)=SKIPME^8.1.0] [maxage:int=MAXAGE^8.1.0] [name:str=NAME^9.0.0] \
             [idle:int=IDLE^9.0.0] [flags:str=FLAGS^9.0.0] [lib-name:str=LIB-NAME^9.0.0] \
             [lib-ver:str=LIB-VER^9.0.0] [db:int=DB^9.0.0] [capa:str=CAPA^9.0.0] \
             [ip:str=IP^9.0.0] [not-client-type(normal=NORMAL|master=MASTER|replica=REPLICA|\
             pubsub=PUBSUB)=NOT-TYPE^9.0.0] [not-client-id:int=NOT-ID*^9.0.0] \
             [not-username:str=NOT-USER^9.0.0] [not-addr<ip:port>:str=NOT-ADDR^9.0.0] \
             [not-laddr<ip:port>:str=NOT-LADDR^9.0.0] [not-name:str=NOT-NAME^9.0.0] \
             [not-flags:str=NOT-FLAGS^9.0.0] [not-lib-name:str=NOT-LIB-NAME^9.0.0] \
             [not-lib-ver:str=NOT-LIB-VER^9.0.0] [not-db:int=NOT-DB^9.0.0] \
             [not-capa:str=NOT-CAPA^9.0.0] [not-ip:str=NOT-IP^9.0.0]",
    history: &[
        ("2.8.12", "`id`."),
        ("5.0.0", "`TYPE`."),
        ("6.0.0", "`user`."),
        (
            "6.2.0",
            "`argv-mem`, `tot-mem`, `laddr`, `redir` and the filter `ID`.",
        ),
        ("7.0.0", "`resp`, `multi-mem`, `rbs` and `rbp`."),
        ("7.0.3", "`ssub`."),
        ("8.0.0", "`TYPE primary` beside `master`."),
        ("8.1.0", "`USER`, `ADDR`, `LADDR`, `SKIPME` and `MAXAGE`."),
        ("9.0.0", "More filters, and their opposites with `NOT-`."),
    ],
    ..GROUP
};

/// CLIENT NO-EVICT.
pub static CLIENT_NO_EVICT: Doc = Doc {
    summary: "Spares the connection when clients take too much memory.",
    since: "7.0.0",
    complexity: "O(1)",
    args: "enabled(on=ON|off=OFF)",
    ..GROUP
};

/// CLIENT NO-TOUCH.
pub static CLIENT_NO_TOUCH: Doc = Doc {
    summary: "Has the connection's commands leave no trace of keys being used.",
    since: "7.2.0",
    complexity: "O(1)",
    args: "enabled(on=ON|off=OFF)",
    ..GROUP
};

/// CLIENT PAUSE.
pub static CLIENT_PAUSE: Doc = Doc {
    summary: "Holds back the commands of clients for a while.",
    since: "3.0.0",
    complexity: "O(1)",
    args: "timeout:int [mode(write=WRITE|all=ALL)^6.2.0]",
    history: &[("6.2.0", "`mode`.")],
    ..GROUP
};

/// CLIENT REPLY.
pub static CLIENT_REPLY: Doc = Doc {
    summary: "Switches replies on or off.",
    since: "3.2.0",
    complexity: "O(1)",
    args: "action(on=ON|off=OFF|skip=SKIP)",
    ..GROUP
};

/// CLIENT SETINFO.
pub static CLIENT_SETINFO: Doc = Doc {
    summary: "Tells the server about the client's library.",
    since: "7.2.0",
    complexity: "O(1)",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: "attr(libname:str=LIB-NAME|libver:str=LIB-VER)",
    ..GROUP
};

/// CLIENT SETNAME.
pub static CLIENT_SETNAME: Doc = Doc {
    summary: "Names the connection.",
    since: "2.6.9",
    complexity: "O(1)",
    tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
    args: "connection-name",
    ..GROUP
};

/// CLIENT TRACKING.
pub static CLIENT_TRACKING: Doc = Doc {
    summary: "Switches invalidation messages for cached keys on or off.",
    since: "6.0.0",
    complexity: "O(1)",
    args: "status(on=ON|off=OFF) [client-id:int=REDIRECT] [prefix:str=PREFIX**] [bcast=BCAST] \
             [optin=OPTIN] [optout=OPTOUT] [noloop=NOLOOP]",
    ..GROUP
};

/// CLIENT TRACKINGINFO.
pub static CLIENT_TRACKINGINFO: Doc = Doc {
    summary: "Tells how the connection's keys are tracked.",
    since: "6.2.0",
    complexity: "O(1)",
    ..GROUP
};

/// CLIENT UNBLOCK.
pub static CLIENT_UNBLOCK: Doc = Doc {
    summary: "Wakes a client that waits in a blocking command.",
    since: "5.0.0",
    complexity: "O(log(N)) for N connections",
    args: "client-id:int [unblock-type(timeout=TIMEOUT|error=ERROR)]",
    ..GROUP
};

/// CLIENT UNPAUSE.
pub static CLIENT_UNPAUSE: Doc = Doc {
    summary: "Lets clients go on that CLIENT PAUSE holds back.",
    since: "6.2.0",
    complexity: "O(N) for N clients held back",
    ..GROUP
};

/// ECHO.
pub static ECHO: Doc = Doc {
    summary: "Returns its argument.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "message",
    ..GROUP
};

/// HELLO.
pub static HELLO: Doc = Doc {
    summary: "Chooses the protocol and describes the server; may also authenticate.",
    since: "6.0.0",
    complexity: "O(1)",
    args: "[arguments{protover:int [auth{username password}=AUTH] [clientname:str=SETNAME]}]",
    history: &[
        (
            "8.1.0",
            "`availability_zone` in the reply where it is configured.",
        ),
        ("6.2.0", "`protover` may be left out."),
    ],
    ..GROUP
};

/// PING.
pub static PING: Doc = Doc {
    summary: "Answers PONG, or the argument.",
    since: "1.0.0",
    complexity: "O(1)",
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: "[message]",
    ..GROUP
};

/// QUIT.
pub static QUIT: Doc = Doc {
    summary: "Closes the connection.",
    since: "1.0.0",
    complexity: "O(1)",
    ..GROUP
};

/// RESET.
pub static RESET: Doc = Doc {
    summary: "Makes the connection as good as new.",
    since: "6.2.0",
    complexity: "O(1)",
    ..GROUP
};

/// SELECT.
pub static SELECT: Doc = Doc {
    summary: "Chooses a database.",
    since: "1.0.0",
    complexity: "O(1)",
    args: "index:int",
    ..GROUP
};
