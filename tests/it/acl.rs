//! Access control.

use kvd::host::memory::MemoryDisk;

use crate::harness::{Client, Kvd, Process, Value};

/// A client of a user with these rules.
fn user(kvd: &Kvd, rules: &str) -> Client {
    let admin = kvd.client();
    assert_eq!(
        admin.text(&format!("ACL SETUSER u on >secret {rules}")),
        "OK"
    );
    let client = kvd.client();
    assert_eq!(client.text("AUTH u secret"), "OK");
    client
}

fn denied(client: &Client, line: &str) -> bool {
    match client.cmd(line) {
        Value::Error(text) => text.starts_with("NOPERM"),
        _ => false,
    }
}

#[test]
fn users_are_described_as_rules() {
    let kvd = Kvd::new();
    let client = kvd.client();
    assert_eq!(client.text("ACL WHOAMI"), "default");
    client
        .cmd("ACL SETUSER a on >p ~k:* %R~r:* &ch* +get -@dangerous +config|get (~x +@hash -hget)");
    let list = format!("{:?}", client.cmd("ACL LIST"));
    let wanted = "user a on #148de9c5a7a44d19e56cd9ae1a554bf67847afb0c58f6e12fa29ac7ddfca9940 \
                  ~k:* %R~r:* resetchannels &ch* -@all +get -@dangerous +config|get \
                  (~x resetchannels -@all +@hash -hget)";
    assert!(list.contains(wanted), "{list}");
    assert!(
        list.contains("user default on nopass ~* &* +@all"),
        "{list}"
    );
    assert_eq!(client.int("ACL DELUSER a nobody"), 1);
    assert_eq!(client.cmd("ACL GETUSER a"), client.cmd("GET nothing"));
    assert!(
        client
            .err("ACL DELUSER default")
            .contains("cannot be removed")
    );
}

#[test]
fn databases_are_described_as_rules() {
    let client = Kvd::new().client();
    client.cmd("HELLO 3");
    for (rule, described, listed) in [
        ("alldbs", "alldbs", "resetchannels -@all"),
        ("db=2,1", "db=1,2", "resetchannels db=1,2 -@all"),
        ("resetdbs", "", "resetchannels resetdbs -@all"),
    ] {
        client.cmd(&format!("ACL SETUSER a {rule}"));
        let user = client.cmd("ACL GETUSER a");
        assert_eq!(user.field("databases").text(), described);
        let list = client.cmd("ACL LIST").texts();
        let line = list.iter().find(|line| line.starts_with("user a "));
        assert_eq!(line.unwrap(), &format!("user a off {listed}"));
    }
}

#[test]
fn wrong_rules_are_refused_and_change_nothing() {
    let kvd = Kvd::new();
    let client = kvd.client();
    for (rule, text) in [
        ("+foo", "Unknown command or category name in ACL"),
        ("+@foo", "Unknown command or category name in ACL"),
        ("%X~a", "Syntax error"),
        (
            "#zz",
            "The provided password hash must be exactly 64 characters",
        ),
        (
            "<nope",
            "The password you are trying to remove from the user does not exist",
        ),
        ("~* ~x", "Adding a pattern after the * pattern"),
        (
            "+config|get|x",
            "Allowing first-arg of a subcommand is not supported",
        ),
        ("db=x", "Syntax error"),
        ("(+get", "Unmatched parenthesis in acl selector"),
    ] {
        let error = client.err(&format!("ACL SETUSER b on {rule}"));
        assert!(error.contains(text), "{rule}: {error}");
    }
    assert_eq!(client.cmd("ACL USERS").items().len(), 1);
}

#[test]
fn commands_keys_and_channels_are_checked() {
    let kvd = Kvd::new();
    let client = user(&kvd, "~k:* %R~r:* %W~w:* &news +@all -del");
    assert_eq!(client.text("SET k:1 a"), "OK");
    assert!(denied(&client, "SET other a"));
    assert!(denied(&client, "DEL k:1"));
    assert!(!denied(&client, "GET r:1"));
    assert!(denied(&client, "SET r:1 a"));
    assert!(!denied(&client, "SET w:1 a"));
    assert!(denied(&client, "GET w:1"));
    assert!(denied(&client, "SET w:1 a GET"));
    assert!(!denied(&client, "COPY r:1 w:1"));
    assert!(denied(&client, "COPY w:1 r:1"));
    assert!(denied(&client, "SORT k:l STORE r:x"));
    assert!(
        client
            .err("SORT k:l BY nosort*")
            .contains("BY option of SORT denied")
    );
    assert!(
        client
            .err("SORT k:l GET x_*")
            .contains("GET option of SORT denied")
    );
    assert!(denied(
        &client,
        "GEORADIUS k:g 1 1 1 km STORE k:a STORE r:b"
    ));
    assert!(denied(&client, "XREAD STREAMS k:s other 0 0"));
    assert!(!denied(&client, "PUBLISH news x"));
    assert!(denied(&client, "PUBLISH other x"));
    assert!(denied(&client, "SUBSCRIBE news other"));
    assert!(denied(&client, "PSUBSCRIBE new*"));
    assert_eq!(client.text("ACL WHOAMI"), "u");
}

#[test]
fn selectors_allow_what_the_root_does_not() {
    let kvd = Kvd::new();
    let client = user(&kvd, "~a +get (~b +set) (~c +@read)");
    assert!(!denied(&client, "GET a"));
    assert!(!denied(&client, "SET b 1"));
    assert!(!denied(&client, "GET c"));
    assert!(denied(&client, "SET a 1"));
    assert!(denied(&client, "GET b"));
}

#[test]
fn databases_and_first_arguments_are_checked() {
    let kvd = Kvd::new();
    let client = user(&kvd, "~* +@all db=0,2");
    assert!(!denied(&client, "SET a 1"));
    assert!(denied(&client, "SELECT 1"));
    assert!(denied(&client, "MOVE a 1"));
    client.cmd("SET outside 1");
    let elsewhere = kvd.client();
    elsewhere.cmd("ACL SETUSER elsewhere on nopass ~* &* +@all db=1");
    elsewhere.cmd("AUTH elsewhere x");
    // Nor does it hear that something changes there, or runs code there.
    for command in [
        "GET a",
        "WATCH a",
        "EVAL \"return 1\" 0",
        "EVALSHA x 0",
        "FCALL f 0",
    ] {
        assert!(denied(&elsewhere, command), "{command}");
    }
    assert_eq!(elsewhere.int("PUBLISH a b"), 0);
    let dry = |command: &str| {
        kvd.client()
            .text(&format!("ACL DRYRUN elsewhere {command}"))
    };
    for (command, object) in [("GET a", "get"), ("SELECT 0", "0"), ("MOVE a 2", "2")] {
        let said = format!("User elsewhere has no permissions to access database {object}");
        assert_eq!(dry(command), said);
    }
    let info = kvd.client().text("INFO stats");
    assert!(info.contains("acl_access_denied_db:7\r\n"), "{info}");
    for options in [
        "DB 1",
        "REPLACE DB 1",
        "DB 0 DB 1",
        "DB 1 DB 0",
        "DB 1 REPLACE",
    ] {
        assert!(denied(&client, &format!("COPY a b {options}")), "{options}");
    }
    assert_eq!(client.err("COPY a b DB"), "ERR syntax error");
    for script in [
        "redis.call('select', 1)",
        "redis.call('copy', 'a', 'b', 'db', 1)",
    ] {
        let line = client.cmd_words(&["EVAL", script, "0"]).text();
        assert!(
            line.starts_with("NOPERM ACL failure in script: No permissions to access database")
        );
    }
    assert!(denied(&client, "SWAPDB 0 1"));
    assert!(!denied(&client, "SELECT 2"));
    let admin = kvd.client();
    admin.cmd("ACL SETUSER u reset on >secret +select|0 +config|get");
    assert!(denied(&client, "SELECT 2"));
    assert!(!denied(&client, "SELECT 0"));
    assert!(!denied(&client, "CONFIG GET port"));
    assert!(denied(&client, "CONFIG SET port 1"));
}

#[test]
fn logins_are_checked_and_refusals_logged() {
    let kvd = Kvd::new();
    let (client, admin) = (user(&kvd, "+get"), kvd.client());
    let error = kvd.client().err("AUTH u wrong");
    assert_eq!(
        error,
        "WRONGPASS invalid username-password pair or user is disabled."
    );
    assert!(denied(&client, "GET key"));
    assert!(denied(&client, "SET key 1"));
    assert!(denied(&client, "SET key 1"));
    let log = admin.cmd("ACL LOG");
    assert_eq!(log.items().len(), 3, "{log:?}");
    let newest = format!("{:?}", log.items()[0]);
    for text in ["command", "toplevel", "set", "u"] {
        assert!(newest.contains(text), "{newest}");
    }
    admin.cmd("ACL LOG RESET");
    assert_eq!(admin.cmd("ACL LOG").items().len(), 0);
    assert!(admin.text("INFO stats").contains("acl_access_denied_cmd:2"));
    admin.cmd("CONFIG RESETSTAT");
    assert!(admin.text("INFO stats").contains("acl_access_denied_cmd:0"));
    admin.cmd("ACL SETUSER u off");
    assert!(kvd.client().err("AUTH u secret").starts_with("WRONGPASS"));
}

#[test]
fn the_default_user_may_have_a_password() {
    let kvd = Kvd::with(&[("requirepass", "secret")]);
    let client = kvd.client();
    assert!(client.err("GET a").starts_with("NOAUTH"));
    assert!(client.err("AUTH wrong").starts_with("WRONGPASS"));
    assert_eq!(client.text("AUTH secret"), "OK");
    client.cmd("CONFIG SET requirepass \"\"");
    assert_eq!(kvd.client().cmd("GET a"), client.cmd("GET a"));
    client.cmd("ACL SETUSER default resetpass >other");
    assert!(kvd.client().err("PING").starts_with("NOAUTH"));
}

#[test]
fn rules_that_became_a_name_are_refused() {
    let options = [("user", "default off resetpass")];
    let refused = Kvd::try_on(MemoryDisk::default(), 1, &options).err();
    assert_eq!(
        refused.as_deref(),
        Some("Spaces not allowed in ACL usernames")
    );
}

#[test]
fn what_is_taken_away_ends_at_once() {
    let kvd = Kvd::new();
    let admin = kvd.client();
    let listener = user(&kvd, "+@all ~* &*");
    listener.cmd("SUBSCRIBE news");
    admin.cmd("ACL SETUSER u resetchannels &other");
    assert!(listener.is_closing(), "it may not listen any more");
    let client = user(&kvd, "+@all ~*");
    client.cmd("MULTI");
    client.cmd("SET a 1");
    client.cmd("GET a");
    admin.cmd("ACL SETUSER u -set");
    let replies = format!("{:?}", client.cmd("EXEC"));
    assert!(replies.contains("ACLs rules changed between"), "{replies}");
    admin.cmd("ACL DELUSER u");
    assert!(client.is_closing());
}

#[test]
fn a_dry_run_says_what_would_happen() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("ACL SETUSER u on nopass ~k +get &c");
    for (line, wanted) in [
        ("get k", "OK"),
        ("get x", "User u has no permissions to access the 'x' key"),
        (
            "set k v",
            "User u has no permissions to run the 'set' command",
        ),
    ] {
        assert_eq!(client.text(&format!("ACL DRYRUN u {line}")), wanted);
    }
    assert_eq!(
        client.err("ACL DRYRUN nobody get k"),
        "ERR User 'nobody' not found"
    );
    assert_eq!(
        client.err("ACL DRYRUN u nope"),
        "ERR Command 'nope' not found"
    );
    assert_eq!(client.text("ACL GENPASS 5").len(), 2);
    assert_eq!(client.text("ACL GENPASS").len(), 64);
}

#[test]
fn who_waits_may_lose_the_right_to_be_served() {
    let kvd = Kvd::new();
    let (waiter, admin) = (user(&kvd, "+@all ~*"), kvd.client());
    waiter.send("BLPOP l 0");
    admin.cmd("CONFIG RESETSTAT");
    admin.cmd("ACL SETUSER u resetkeys");
    assert_eq!(admin.int("RPUSH l a"), 1);
    assert_eq!(
        waiter.take_one(),
        Value::Error("NOPERM No permissions to access a key".into())
    );
    assert_eq!(admin.int("LLEN l"), 1);
    let stats = admin.text("INFO commandstats");
    let blpop = stats.lines().find(|line| line.contains("blpop"));
    assert!(
        blpop.is_some_and(|line| line.contains("calls=0,") && line.contains("rejected_calls=1"))
    );
    assert_eq!(waiter.text("PING"), "PONG");
}

/// CVE-2026-23479: a client that ends while it is served.
#[test]
fn who_waits_may_end_while_it_is_served() {
    let kvd = Kvd::new();
    let (waiter, admin) = (user(&kvd, "+@all ~*"), kvd.client());
    waiter.send("BLPOP l 0");
    admin.send_raw(b"MULTI\r\nRPUSH l a\r\nACL DELUSER u\r\nRPUSH l b\r\nEXEC\r\n");
    admin.take();
    assert!(waiter.is_closing());
    assert_eq!(admin.cmd("LRANGE l 0 -1").texts(), ["a", "b"]);
}

#[test]
fn refusals_are_logged_with_what_was_asked_and_where() {
    let kvd = Kvd::new();
    let (client, admin) = (user(&kvd, "+multi +exec +eval"), kvd.client());
    let newest = || admin.cmd("ACL LOG").items()[0].clone();
    client.cmd("GET a");
    assert!(newest().field("client-info").text().contains(" cmd=get "));
    assert_eq!(newest().field("context").text(), "toplevel");
    client.cmd("MULTI");
    client.cmd("INCR a");
    client.cmd("EXEC");
    assert_eq!(newest().field("context").text(), "multi");
    assert_eq!(newest().field("object").text(), "incr");
    client.cmd_words(&["EVAL", "redis.call('lpop', 'x')", "0"]);
    assert_eq!(newest().field("context").text(), "lua");
    assert!(newest().field("client-info").text().contains(" cmd=eval "));
}

#[test]
fn a_file_of_users_is_taken_whole_or_not_at_all() {
    let kvd = Kvd::with(&[("aclfile", "users.acl")]);
    let client = kvd.client();
    let load = |text: &str| {
        *kvd.machine.config_file.borrow_mut() = text.as_bytes().to_vec();
        client.cmd("ACL LOAD").text()
    };
    assert_eq!(load("user alice on nopass ~* +@all\n"), "OK");
    let nothing = "WARNING: ACL errors detected, no change to the previously active ACL rules was \
                   performed";
    assert_eq!(
        load("user bob on\nuser bob off\nuzer x\nuser carl foo\n"),
        format!(
            "ERR WARNING: Duplicate user 'bob' found on line 2. users.acl:3 should start with \
             user keyword followed by the username. users.acl:4: Error in applying operation \
             'foo': Syntax error. {nothing}"
        )
    );
    assert_eq!(client.cmd("ACL USERS").texts(), ["alice", "default"]);
}

/// CVE-2024-31227: selectors that make no sense.
#[test]
fn malformed_rules_are_refused() {
    let client = Kvd::new().client();
    for rule in [
        "(",
        ")",
        "()(",
        "(()",
        "((+get))",
        "(%R~",
        "(%)",
        "%",
        "%R",
        "%RW~",
        "%RR~a~",
        "(~a",
        "~a)",
        "&",
        "(&",
        "+",
        "-",
        "+|",
        "+get|",
        "+|get",
        "+@",
        "db=",
        "db=0,",
        "db=-1",
        "(db=",
        "#",
        "!",
        "<",
        "(on)",
        "(>a)",
        "+get|a|b",
        "-get|a",
        "+config|get|x",
    ] {
        client.cmd(&format!("ACL SETUSER x on +@all {rule}"));
        client.cmd(&format!("ACL SETUSER y (+get) {rule} ("));
        client.cmd("ACL LIST");
        assert_eq!(client.text("PING"), "PONG", "{rule}");
    }
    let error = client.err("ACL SETUSER x +get|a|b");
    assert!(
        error.ends_with("Unknown command or category name in ACL"),
        "{error}"
    );
}

const BYPASSES: &[&str] = &[
    "SORT k:l STORE secret",
    "SORT k:l STORE k:a STORE secret",
    "SORT k:l STORE secret STORE k:a",
    "SORT k:l BY secret* GET secret*",
    "SORT k:l GET *t",
    "SORT_RO k:l BY nosort GET secret*",
    "SORT_RO secret",
    "GEORADIUS k:g 1 1 9000 km STORE secret",
    "GEORADIUS k:g 1 1 9000 km STORE k:a STORE secret",
    "GEORADIUS k:g 1 1 9000 km STORE secret STORE k:a",
    "GEORADIUS k:g 1 1 9000 km STORE k:a STOREDIST secret",
    "GEORADIUSBYMEMBER k:g m 9000 km STOREDIST secret STOREDIST k:a",
    "GEOSEARCHSTORE secret k:g FROMMEMBER m BYRADIUS 9000 km",
    "XREAD STREAMS k:s secret-stream 0 0",
    "XREAD COUNT 9 STREAMS secret-stream 0",
    "XREAD STREAMS STREAMS secret-stream 0 0",
    "XREADGROUP GROUP STREAMS c STREAMS secret-stream >",
    "ZUNION 2 k:g secret-zset",
    "ZUNIONSTORE k:a 2 k:g secret-zset",
    "ZUNIONSTORE secret 1 k:g",
    "LMPOP 2 k:l secret-list LEFT",
    "BLMPOP 1 2 k:none secret-list LEFT",
    "BITOP NOT k:a secret",
    "BITOP NOT secret k:l",
    "LCS k:none secret",
    "COPY secret k:a",
    "COPY k:l secret REPLACE",
    "RENAME secret k:a",
    "RENAME k:l secret",
    "DUMP secret",
    "RESTORE secret 0 x REPLACE",
    "OBJECT ENCODING secret",
    "MEMORY USAGE secret",
    "MGET k:a secret",
    "MSET k:a 1 secret 2",
    "EVAL \"return redis.call('get', 'secret')\" 0",
    "EVAL \"return redis.pcall('get', KEYS[1])\" 1 secret",
    "EVAL \"return redis.call('set', 'secret', 'x')\" 1 k:a",
    "EVAL \"return redis.call('sort', 'k:l', 'get', 'secret*')\" 1 k:l",
    "EVAL \"redis.call('georadius','k:g',1,1,9000,'km','store','k:a','store','secret')\" 1 k:g",
    "EVAL \"return redis.call('config', 'get', 'masterauth')\" 0",
    "EVAL_RO \"return redis.call('get', 'secret')\" 0",
    "FCALL peek 0",
    "FCALL peek 1 secret",
    "FCALL_RO peek 1 k:a",
    "FCALL spoil 0",
];

/// However a command names a key, what the user may not touch stays as it is and untold.
#[test]
fn no_way_around_the_patterns_of_keys() {
    let kvd = Kvd::new();
    let admin = kvd.client();
    let code = "#!lua name=l\n\
                redis.register_function{function_name='peek', flags={'no-writes'}, \
                callback=function() return redis.call('get', 'secret') end}\n\
                redis.register_function('spoil', function() redis.call('del', 'secret') end)";
    admin.cmd_words(&["FUNCTION", "LOAD", code]);
    for line in [
        "SET secret hidden",
        "RPUSH secret-list hidden",
        "ZADD secret-zset 1 hidden",
        "XADD secret-stream 1-1 f hidden",
        "XGROUP CREATE secret-stream STREAMS 0",
        "RPUSH k:l t",
        "GEOADD k:g 1 1 m",
        "XADD k:s 1-1 f v",
        "CONFIG SET masterauth hidden",
    ] {
        assert!(!admin.cmd(line).is_error(), "{line}");
    }
    let client = user(&kvd, "~k:* +@all -config -acl");
    for line in BYPASSES {
        client.send(line);
        let reply = String::from_utf8_lossy(&client.take_bytes()).into_owned();
        assert!(!reply.contains("hidden"), "{line}: {reply}");
        assert_eq!(admin.text("GET secret"), "hidden", "{line}");
        assert_eq!(admin.int("EXISTS secret-list secret-zset"), 2, "{line}");
        let stored = admin.text("TYPE k:a");
        admin.cmd("DEL k:a");
        assert!(stored != "string", "{line}");
    }
    let client = user(
        &kvd,
        "reset on >secret ~* +eval +fcall -get (~k:l +sort) (~* +set)",
    );
    for line in [
        "GET secret",
        "EVAL \"return redis.call('get', 'secret')\" 1 secret",
        "FCALL peek 1 secret",
        "SORT k:l GET secret*",
        "SORT k:l BY nosort GET *",
    ] {
        client.send(line);
        let reply = String::from_utf8_lossy(&client.take_bytes()).into_owned();
        assert!(reply.starts_with('-'), "{line}: {reply}");
    }
}

#[test]
fn failed_logins_are_logged_with_their_address() {
    let kvd = Process::kvd(&["--requirepass", "secret"]);
    let mut client = kvd.connect();
    let address = client.stream().local_addr().expect("an address");
    assert!(client.cmd("AUTH wrong").text().starts_with("WRONGPASS"));
    assert!(
        client
            .cmd("HELLO 3 AUTH no\u{1b}body wrong")
            .text()
            .starts_with("WRONGPASS")
    );
    kvd.wait_for_log(&format!("Failed login as 'default' from {address}"));
    kvd.wait_for_log(&format!("Failed login as 'no\\u{{1b}}body' from {address}"));
    assert_eq!(client.cmd("AUTH secret").text(), "OK");
}

#[test]
fn protected_mode_asks_whether_the_default_user_has_a_password() {
    let kvd = Kvd::with(&[("protected-mode", "yes")]);
    let me = kvd.client();
    let is_denied = || {
        kvd.stranger()
            .is_err_and(|told| told.starts_with(b"-DENIED Redis is running in protected mode"))
    };
    assert!(is_denied());
    me.cmd("ACL SETUSER default >secret");
    assert!(!is_denied());
    me.cmd("CONFIG SET requirepass secret");
    assert!(!is_denied());
    me.cmd("ACL SETUSER default nopass");
    assert!(is_denied());
    me.cmd("CONFIG SET protected-mode no");
    assert!(!is_denied());
}

#[test]
fn a_transaction_tells_what_it_does_not_take_before_access_control_does() {
    let kvd = Kvd::new();
    let client = kvd.client();
    client.cmd("ACL SETUSER restricted on nopass +multi +discard");
    client.cmd("AUTH restricted x");
    client.cmd("MULTI");
    assert_eq!(
        client.err("WATCH k"),
        "ERR Command 'watch' not allowed inside a transaction"
    );
}
