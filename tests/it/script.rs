//! EVAL, SCRIPT, FCALL and FUNCTION.

use crate::harness::{Kvd, Process, Value};

fn eval(script: &str) -> Value {
    let kvd = Kvd::new();
    kvd.client().cmd_words(&["EVAL", script, "1", "k", "a"])
}

#[track_caller]
fn error(script: &str) -> String {
    match eval(script) {
        Value::Error(line) => line,
        other => panic!("{script}: {other:?}"),
    }
}

#[test]
fn values_cross_in_both_directions() {
    let kvd = Kvd::new();
    let client = kvd.client();
    for (script, line) in [
        ("return KEYS[1]..ARGV[1]", "ka"),
        ("return redis.call('set',KEYS[1],3.5).ok", "OK"),
        ("return redis.call('get',KEYS[1])", "3.5"),
        ("return tostring(redis.call('get','none'))", "false"),
        (
            "return cjson.encode(cjson.decode('[1,{\"a\":null}]'))",
            "[1,{\"a\":null}]",
        ),
        (
            "return select(2, cmsgpack.unpack(cmsgpack.pack(1,'x')))",
            "x",
        ),
        ("return (struct.unpack('s', struct.pack('s','abc')))", "abc"),
        ("return bit.tohex(bit.bxor(255, 15))", "000000f0"),
        (
            "return (string.gsub('hello','l+',function(l) return #l end))",
            "he2o",
        ),
        (
            "return select(2, pcall(redis.call,'nosuch'))",
            "ERR Unknown command called from script",
        ),
    ] {
        let reply = client.cmd_words(&["EVAL", script, "1", "k", "a"]);
        assert_eq!(reply.text(), line, "{script}");
    }
    let ints = |n| Value::Array(vec![Value::Int(1), Value::Int(n)]);
    assert_eq!(eval("return {1,2,nil,4}"), ints(2));
    assert_eq!(eval("return 3.99"), Value::Int(3));
    assert_eq!(eval("return false"), Value::NullBulk);
}

#[test]
fn errors_say_where() {
    let place = "script: on @user_script:1.";
    assert_eq!(
        error("return redis.call('nosuch')"),
        format!("ERR Unknown command called from script {place}")
    );
    assert_eq!(error("error('x')"), format!("ERR user_script:1: x {place}"));
    assert_eq!(
        error("return redis.call('incr', KEYS[1], 1)"),
        format!("ERR Wrong number of args calling command from script {place}")
    );
    assert_eq!(error("return {err='MY x'}"), "MY x");
    assert!(
        error("return +").starts_with("ERR Error compiling script (new function): user_script:1:")
    );
    assert!(error("return redis.call('multi')").contains("not allowed from script"));
}

/// CVE-2022-24735 and CVE-2025-46818: code of one user that runs when another calls a script.
#[test]
fn nothing_of_a_script_reaches_the_next() {
    for script in [
        "x = 1",
        "redis.call = 1",
        "string.find = 1",
        "rawset(_G, 'x', 1)",
        "rawset(redis, 'call', 1)",
        "setmetatable(_G, {})",
        "setmetatable(string, {})",
        "getmetatable('').__index = nil",
        "getmetatable('').__index.find = nil",
        "getmetatable(_G).__index = nil",
        "table.insert(redis, 1)",
    ] {
        assert!(
            error(script).contains("Attempt to modify a readonly table"),
            "{script}"
        );
    }
    for name in [
        "dofile", "loadfile", "print", "require", "io", "debug", "getfenv", "newproxy",
    ] {
        let line = error(&format!("return {name}"));
        assert!(line.contains("nonexistent global variable"), "{line}");
    }
}

#[test]
fn scripts_are_remembered() {
    let kvd = Kvd::new();
    let client = kvd.client();
    let sha = client.cmd_words(&["SCRIPT", "LOAD", "return 'x'"]).text();
    assert_eq!(
        client.text(&format!("EVALSHA {} 0", sha.to_uppercase())),
        "x"
    );
    for i in 0..600 {
        client.cmd_words(&["EVAL", &format!("return {i}"), "0"]);
    }
    assert!(
        client
            .text("INFO memory")
            .contains("number_of_cached_scripts:501")
    );
    assert!(client.text("INFO stats").contains("evicted_scripts:100"));
    client.cmd("CONFIG RESETSTAT");
    assert!(client.text("INFO stats").contains("evicted_scripts:0"));
    assert_eq!(client.text(&format!("SCRIPT SHOW {sha}")), "return 'x'");
    client.cmd("SCRIPT FLUSH");
    assert_eq!(
        client.err(&format!("EVALSHA {sha} 0")),
        "NOSCRIPT No matching script. Please use EVAL."
    );
}

#[test]
fn libraries_of_functions() {
    let kvd = Kvd::new();
    let client = kvd.client();
    let code = "#!lua name=lib\nredis.register_function{function_name='get', \
                flags={'no-writes'}, callback=function(k) return redis.call('get', k[1]) end}\n\
                redis.register_function('set', function(k, a) redis.call('set', k[1], a[1]) \
                return redis.status_reply('DONE') end)";
    assert_eq!(client.cmd_words(&["FUNCTION", "LOAD", code]).text(), "lib");
    assert_eq!(client.text("FCALL set 1 k v"), "DONE");
    assert_eq!(client.text("FCALL_RO GET 1 k"), "v");
    assert!(client.err("FCALL_RO set 1 k v").contains("*_ro"));
    let dump = client.cmd("FUNCTION DUMP");
    let Value::Bulk(dump) = dump else {
        panic!("{dump:?}");
    };
    let restore: [&[u8]; 3] = [b"FUNCTION", b"RESTORE", &dump];
    let again = client.cmd_words(&restore);
    assert_eq!(again, Value::Error("ERR Library lib already exists".into()));
    client.cmd("FUNCTION FLUSH");
    assert_eq!(client.cmd_words(&restore).text(), "OK");
    assert_eq!(client.text("FCALL get 1 k"), "v");
    let mut damaged = dump.clone();
    damaged[3] ^= 1;
    let restore: [&[u8]; 3] = [b"FUNCTION", b"RESTORE", &damaged];
    assert!(matches!(client.cmd_words(&restore), Value::Error(_)));
}

/// Each of these ended, or took over, a server that ran it as it was.
#[test]
fn known_attacks_fail() {
    // One of the replies is nested deeply.
    let attacks = std::thread::Builder::new().stack_size(64 << 20);
    let attacks = attacks.spawn(run_known_attacks).expect("a thread");
    attacks.join().expect("no attack succeeds");
}

fn run_known_attacks() {
    let kvd = Process::kvd(&["--save", "", "--busy-reply-threshold", "100"]);
    let mut attacker = kvd.connect();
    for script in [
        // CVE-2022-24736: errors without a text.
        "error()",
        "error(nil)",
        "error({})",
        "error({err = {}})",
        "error(setmetatable({}, {__tostring = function() return nil end}))",
        "return {err = function() end}",
        "return redis.error_reply()",
        "return loadstring('\\0', nil)",
        // CVE-2022-24834: the length of what cjson and cmsgpack write.
        "return #cmsgpack.pack(string.rep('\\0', 4000000), {string.rep('x', 4000000)})",
        "return #cjson.encode(string.rep('\\0', 4000000))",
        // CVE-2024-31449: the count of bit.tohex.
        "return bit.tohex(65535, -2147483648)",
        // CVE-2025-46817: the count of unpack.
        "return {unpack({}, -2147483648, 2147483647)}",
        "return {unpack({1,2,3}, 0, 2147483647)}",
        "return {unpack({1,2,3}, -2, 2^53)}",
        // CVE-2025-46818: metatables of basic types.
        "getmetatable('').__index = function() end",
        // CVE-2025-46819: the brackets of a long string.
        "return loadstring('return ' .. '[' .. string.rep('=', 67000000))",
        // CVE-2025-49844: the name of a chunk is collected while it is compiled.
        "for i = 1, 2000 do loadstring(string.rep('x', 50) .. i .. '=', string.rep('n', 50) .. i) \
         collectgarbage() end return 1",
        "local n = 0 return load(function() n = n + 1 collectgarbage() \
         if n < 500 then return ' ' end end, string.rep('n', 5000)) ~= nil",
        // CVE-2024-46981: the collector, turned on objects of the server.
        "local t = setmetatable({}, {__gc = function() redis.call('ping') end, __mode = 'kv'}) \
         t = nil collectgarbage() collectgarbage('setpause', 0) return 1",
        // Bytecode.
        "return loadstring(string.dump(function() return 1 end))",
        "return loadstring('\\27Lua')",
        // The stack of C.
        "return string.find(('a'):rep(1e6), ('a?'):rep(1e6))",
        "return string.find(('('):rep(1e5), ('('):rep(1e5))",
        "return loadstring(string.rep('(', 1e5))",
        "return loadstring('return ' .. string.rep('{', 1e5))",
        "return cjson.decode(string.rep('[', 1e6))",
        "cjson.decode_max_depth(1e9) return cjson.decode(string.rep('[', 1e6))",
        "cjson.encode_max_depth(1e9) local t = {} for i = 1, 1e5 do t = {t} end \
         return cjson.encode(t)",
        "return cmsgpack.unpack(string.rep('\\145', 1e6))",
        "local t = {} t[1] = t return t",
        "local f f = function() return pcall(f) end return f()",
        "local f f = function() return f() + 1 end return f()",
        // Sizes.
        "return string.rep('x', 2^40)",
        "local s = 'x' while true do s = s .. s end",
        "return string.format('%99999999999d', 1)",
        "return cmsgpack.unpack('\\221\\255\\255\\255\\255')",
        "return cmsgpack.unpack_limit('a', 2^53, -2^53)",
        "return struct.unpack('c2147483647', 'x', 2147483647)",
        "return struct.pack('i99999999999999999999', 1)",
        "return struct.size('c2147483647c2147483647c2147483647c2147483647c2147483647')",
        "return redis.call(unpack({}, 1, 7990))",
        "return table.concat({}, 'x', 1, 2^31)",
    ] {
        attacker.send_raw(&crate::harness::request(&["EVAL", script, "0"]));
        attacker.take();
        assert_eq!(
            attacker.cmd("PING").text(),
            "PONG",
            "{script}\n{}",
            kvd.log()
        );
    }
    assert!(!kvd.log().contains("BUG REPORT"), "{}", kvd.log());
}

/// A script of which half is saved would be worse than one that nobody waits for.
#[test]
fn a_signal_to_end_waits_for_a_script_that_has_written() {
    let options = ["--busy-reply-threshold", "20"];
    let mut kvd = Process::kvd(&options);
    let (mut runs, mut other) = (kvd.connect(), kvd.connect());
    runs.send(
        "EVAL \"redis.call('set', 'a', 1) local t = os.clock() while os.clock() < t + 0.5 do end \
         redis.call('set', 'b', 1)\" 0",
    );
    while !other.cmd("PING").text().starts_with("BUSY") {}
    kvd.signal("-TERM");
    assert_eq!(kvd.wait(), Some(0), "{}", kvd.log());
    let kvd = Process::kvd_in(kvd.into_dir(), &options);
    assert_eq!(kvd.connect().cmd("EXISTS a b").int(), 2);

    // One that has only read has nothing to lose.
    let mut kvd = kvd;
    let (mut runs, mut other) = (kvd.connect(), kvd.connect());
    runs.send("EVAL \"redis.call('get', 'a') while true do end\" 0");
    while !other.cmd("PING").text().starts_with("BUSY") {}
    kvd.signal("-TERM");
    assert_eq!(kvd.wait(), Some(0), "{}", kvd.log());
}

#[test]
fn a_busy_script_can_be_killed() {
    let kvd = Process::kvd(&["--save", "", "--busy-reply-threshold", "20"]);
    let mut runner = kvd.connect();
    let mut other = kvd.connect();
    for script in [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local c = coroutine.wrap(function() while true do end end) c()",
        "return string.find(('a'):rep(100), ('a?'):rep(100) .. ('a'):rep(101))",
    ] {
        runner.send_raw(&crate::harness::request(&["EVAL", script, "0"]));
        while !matches!(&other.cmd("PING"), Value::Error(line) if line.starts_with("BUSY")) {}
        assert_eq!(other.cmd("SCRIPT KILL").text(), "OK");
        let Value::Error(line) = runner.take() else {
            panic!("{script} was not killed");
        };
        assert!(
            line.contains("Script killed by user with SCRIPT KILL."),
            "{line}"
        );
        assert_eq!(other.cmd("PING").text(), "PONG");
    }
    let script = "redis.call('set','k','v') while true do end";
    runner.send_raw(&crate::harness::request(&["EVAL", script, "0"]));
    while !matches!(&other.cmd("PING"), Value::Error(line) if line.starts_with("BUSY")) {}
    let Value::Error(line) = other.cmd("SCRIPT KILL") else {
        panic!("a script that wrote was killed");
    };
    assert!(line.starts_with("UNKILLABLE"), "{line}");
    let port = kvd.port();
    other.send("SHUTDOWN NOSAVE");
    assert!(other.try_take().is_none());
    // Who sees its connection end cannot reach the server again.
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_err());
}

/// CVE-2025-67733: a text with line ends or zeros in an error, which the client took for replies.
#[test]
fn one_script_gives_one_reply() {
    for hello in ["HELLO 2", "HELLO 3"] {
        let client = Kvd::new().client();
        client.cmd(hello);
        for script in [
            "return redis.error_reply('A\\0B\\r\\n+OK\\r\\n')",
            "return redis.status_reply('A\\0B\\r\\n+OK\\r\\n')",
            "return {err = 'A\\r\\n$1\\r\\na'}",
            "return {ok = '\\n+OK\\n'}",
            "error('A\\0\\r\\n+OK\\r\\n')",
            "error({err = '\\r\\n\\0+OK'})",
            "return redis.call('nosuch\\r\\n+OK\\r\\n')",
            "return redis.call('config', 'set', 'a\\r\\n\\0+OK', 'b')",
            "return {double = 1, map = {['a\\r\\n'] = '\\r\\n'}}",
            "redis.setresp(3) return {big_number = '1\\r\\n+OK\\r\\n'}",
            "return {verbatim_string = {format = 'a\\r\\n', string = '\\r\\n'}}",
            "+\\r\\n+OK",
        ] {
            client.cmd_words(&["EVAL", script, "0"]);
            assert_eq!(client.text("ECHO after"), "after", "{script}");
        }
        client.cmd_words(&["EVALSHA", "a\r\n+OK\r\n", "0"]);
        client.cmd_words(&["FCALL", "a\r\n\0+OK\r\n", "0"]);
        client.cmd_words(&["FUNCTION", "LOAD", "#!lua name=a\r\n+OK\r\n"]);
        assert_eq!(client.text("ECHO after"), "after");
    }
}

/// CVE-2026-23631 and its like: a function, or the client that called it, goes while it runs.
#[test]
fn what_runs_is_not_pulled_from_under_itself() {
    let kvd = Process::kvd(&["--save", "", "--busy-reply-threshold", "20"]);
    let (mut runner, mut other) = (kvd.connect(), kvd.connect());
    let code = "#!lua name=l\nredis.register_function('spin', function() \
                redis.call('ping') while true do end end)\n\
                redis.register_function('flush', function() return redis.call('function', \
                'flush') end)";
    other.send_raw(&crate::harness::request(&["FUNCTION", "LOAD", code]));
    assert_eq!(other.take().text(), "l");
    assert!(
        other
            .cmd("FCALL flush 0")
            .text()
            .contains("not allowed from script")
    );
    runner.send("FCALL spin 0");
    let busy = |reply: Value| matches!(&reply, Value::Error(line) if line.starts_with("BUSY"));
    while !busy(other.cmd("PING")) {}
    for line in [
        "FUNCTION FLUSH",
        "FUNCTION DELETE l",
        "SCRIPT FLUSH",
        "FLUSHALL",
        "REPLICAOF 127.0.0.1 1",
        "CLIENT KILL TYPE normal",
        "CONFIG SET maxmemory 1",
        "DEBUG RELOAD",
    ] {
        assert!(busy(other.cmd(line)), "{line}");
    }
    drop(runner);
    for _ in 0..20 {
        assert!(busy(other.cmd("PING")));
    }
    assert_eq!(other.cmd("FUNCTION KILL").text(), "OK");
    while other.cmd("PING").is_error() {}
    assert_eq!(other.cmd("FUNCTION FLUSH").text(), "OK");
    assert_eq!(other.cmd("PING").text(), "PONG");
}

#[test]
fn scripts_can_be_switched_off() {
    use kvd::host::memory::MemoryDisk;
    let disk = MemoryDisk::default();
    let with = |scripting: &str| {
        let options = [("save", ""), ("scripting", scripting)];
        Kvd::try_on(disk.clone(), 1, &options)
    };
    let code = "#!lua name=l\nredis.register_function('f', function() return 1 end)";
    let off = with("no").expect("a server");
    let client = off.client();
    for words in [
        &["EVAL", "return 1", "0"][..],
        &["EVAL_RO", "return 1", "0"],
        &["EVALSHA", "e0e1f9fabfc9d4800c877a703b823ac0578ff8db", "0"],
        &["SCRIPT", "LOAD", "return 1"],
        &["FUNCTION", "LOAD", code],
        &["FUNCTION", "RESTORE", "x"],
        &["FCALL", "f", "0"],
        &["FCALL_RO", "f", "0"],
    ] {
        let line = client.cmd_words(words).text();
        assert_eq!(
            line, "ERR scripts are switched off on this server (scripting no)",
            "{words:?}"
        );
    }
    let on = with("yes").expect("a server");
    on.client().cmd_words(&["FUNCTION", "LOAD", code]);
    on.client().cmd("SAVE");
    assert!(with("no").is_err(), "what it cannot load it does not drop");
    assert_eq!(with("yes").expect("a server").client().int("FCALL f 0"), 1);
}
