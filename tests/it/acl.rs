//! Access control.

use crate::harness::{Client, Kvd, Value};

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
    assert!(denied(&client, "COPY a b DB 1"));
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
