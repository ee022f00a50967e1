//! Messages that are none: each is answered with `unknown_message_received` and close 4500, and harms nobody else.

use crate::harness::{Client, Daemon};
use serde_json::json;

crate::on_1_and_3_shards!(
    what_is_no_message_closes,
    bytes_that_are_no_text_close,
    what_is_odd_but_a_message_is_answered,
    messages_with_a_bad_channel_close,
    channel_names_at_the_edge_are_good,
    a_stranger_is_answered_before_it_authorizes,
);

/// A healthy client beside those that are not. It hears what it publishes after each of their messages, and nothing else.
struct Witness {
    client: Client,
    heard: u64,
}

impl Witness {
    /// One that listens to the channel that nearly all the messages here are about.
    fn of(daemon: &Daemon) -> Self {
        let mut client = daemon.client();
        client.subscribe("news");
        Self { client, heard: 0 }
    }

    /// It is served as if it were alone.
    fn expect_served(&mut self) {
        self.heard += 1;
        self.client.publish("news", json!(self.heard));
        self.client.expect_publish("news", json!(self.heard));
    }

    /// It has heard nothing else, no error either.
    fn expect_nothing_else(mut self) {
        assert!(self.heard > 0, "it has not been asked");
        self.client.expect_no_answer();
    }
}

/// Whole messages that no client may send, with what is wrong about them.
const NO_MESSAGES: &[(&str, &str)] = &[
    ("empty", ""),
    ("blank", "   "),
    ("no JSON", "subscribe news"),
    ("null", "null"),
    ("a number", "17"),
    ("a string", "\"subscribe\""),
    ("an array", r#"["subscribe","news"]"#),
    ("no fields", "{}"),
    ("no type", r#"{"channel":"news"}"#),
    ("type null", r#"{"type":null,"channel":"news"}"#),
    ("type a number", r#"{"type":1,"channel":"news"}"#),
    ("type an array", r#"{"type":["subscribe"],"channel":"news"}"#),
    ("unknown type", r#"{"type":"frobnicate"}"#),
    ("empty type", r#"{"type":""}"#),
    ("type in other case", r#"{"type":"Subscribe","channel":"news"}"#),
    ("hello", r#"{"type":"hello"}"#),
    ("authorization_ok", r#"{"type":"authorization_ok"}"#),
    ("authorization_failed", r#"{"type":"authorization_failed"}"#),
    ("subscribe_ok", r#"{"type":"subscribe_ok","channel":"news"}"#),
    ("permission_denied", r#"{"type":"permission_denied"}"#),
    ("unknown_message_received", r#"{"type":"unknown_message_received"}"#),
    ("authorization null", r#"{"type":"authorize","authorization":null}"#),
    ("authorization a number", r#"{"type":"authorize","authorization":5}"#),
    ("authorization an object", r#"{"type":"authorize","authorization":{}}"#),
    ("type twice", r#"{"type":"subscribe","type":"subscribe","channel":"news"}"#),
    ("channel twice", r#"{"type":"subscribe","channel":"news","channel":"news"}"#),
    ("authorization twice", r#"{"type":"authorize","authorization":"a","authorization":"a"}"#),
    ("content twice", r#"{"type":"publish","channel":"news","content":1,"content":1}"#),
    ("content that is no JSON", r#"{"type":"publish","channel":"news","content":nope}"#),
    ("a number that is none", r#"{"type":"publish","channel":"news","content":01}"#),
    ("a string that does not end", r#"{"type":"publish","channel":"news","content":"abc}"#),
    ("a lone surrogate in the channel", r#"{"type":"subscribe","channel":"\ud800"}"#),
    ("an object that does not end", r#"{"type":"subscribe","channel":"news""#),
    ("a comma too many", r#"{"type":"subscribe","channel":"news",}"#),
    ("single quotes", r#"{'type':'subscribe','channel':'news'}"#),
    ("a comment", r#"{"type":"subscribe","channel":"news"} // please"#),
    ("two objects", r#"{"type":"subscribe","channel":"news"}{"type":"subscribe","channel":"news"}"#),
    ("a byte order mark", "\u{feff}{\"type\":\"subscribe\",\"channel\":\"news\"}"),
    ("a byte order mark behind", "{\"type\":\"subscribe\",\"channel\":\"news\"}\u{feff}"),
    ("a space that is none", "\u{a0}{\"type\":\"subscribe\",\"channel\":\"news\"}"),
    ("a form feed", "\u{c}{\"type\":\"subscribe\",\"channel\":\"news\"}"),
    ("NUL behind", "{\"type\":\"subscribe\",\"channel\":\"news\"}\0"),
    ("NUL alone", "\0"),
    ("true", "true"),
    ("an empty array", "[]"),
    ("an array of a message", r#"[{"type":"subscribe","channel":"news"}]"#),
    ("a message in a string", r#""{\"type\":\"subscribe\",\"channel\":\"news\"}""#),
    ("a message under a name", r#"{"message":{"type":"subscribe","channel":"news"}}"#),
    ("an opening brace", "{"),
    ("a closing brace", "}"),
    ("a brace too many", r#"{"type":"subscribe","channel":"news"}}"#),
    ("two objects with a space", r#"{"type":"subscribe","channel":"news"} {}"#),
    ("two lines", "{\"type\":\"subscribe\",\"channel\":\"news\"}\n{\"type\":\"subscribe\",\"channel\":\"news\"}\n"),
    ("a comma before", r#"{,"type":"subscribe","channel":"news"}"#),
    ("two commas", r#"{"type":"subscribe",,"channel":"news"}"#),
    ("no comma", r#"{"type":"subscribe" "channel":"news"}"#),
    ("no colon", r#"{"type" "subscribe","channel":"news"}"#),
    ("two colons", r#"{"type"::"subscribe","channel":"news"}"#),
    ("an equals sign", r#"{"type"="subscribe","channel":"news"}"#),
    ("a name without value", r#"{"type":"subscribe","channel":"news","x"}"#),
    ("a value without name", r#"{"type":"subscribe","channel":"news",:1}"#),
    ("a name without quotes", r#"{type:"subscribe","channel":"news"}"#),
    ("a name that is a number", r#"{"type":"subscribe","channel":"news",1:2}"#),
    ("a name that is null", r#"{"type":"subscribe","channel":"news",null:2}"#),
    ("a comment inside", r#"{"type":"subscribe",/* here */"channel":"news"}"#),
    ("cut in a name", r#"{"type":"subscribe","chan"#),
    ("cut behind a colon", r#"{"type":"subscribe","channel":"#),
    ("cut in a string", r#"{"type":"subscribe","channel":"ne"#),
    ("cut in an escape", r#"{"type":"subscribe","channel":"news\"#),
    ("cut in a Unicode escape", r#"{"type":"subscribe","channel":"news\u00"#),
    ("cut in the content", r#"{"type":"publish","channel":"news","content":{"a":[1,2"#),
    ("cut in a literal", r#"{"type":"publish","channel":"news","content":tru"#),
    ("cut in a number", r#"{"type":"publish","channel":"news","content":1."#),
    ("an escape that does not exist", r#"{"type":"subscribe","channel":"n\ews"}"#),
    ("an escape of an apostrophe", r#"{"type":"subscribe","channel":"n\'ews"}"#),
    ("an escape in hexadecimal", r#"{"type":"subscribe","channel":"\x6eews"}"#),
    ("a Unicode escape of three digits", r#"{"type":"subscribe","channel":"\u06e.ws"}"#),
    ("a Unicode escape that is none", r#"{"type":"subscribe","channel":"\u00g0ews"}"#),
    ("a line feed in a string", "{\"type\":\"subscribe\",\"channel\":\"ne\nws\"}"),
    ("a tab in a string", "{\"type\":\"subscribe\",\"channel\":\"ne\tws\"}"),
    ("NUL in a string", "{\"type\":\"subscribe\",\"channel\":\"ne\0ws\"}"),
    ("a line feed in a name", "{\"type\":\"subscribe\",\"channel\":\"news\",\"a\nb\":1}"),
    ("a control character in the content", "{\"type\":\"publish\",\"channel\":\"news\",\"content\":\"\u{1}\"}"),
    ("a high surrogate before a letter", r#"{"type":"subscribe","channel":"\ud83dx"}"#),
    ("a low surrogate first", r#"{"type":"subscribe","channel":"\ude00\ud83d"}"#),
    ("two high surrogates", r#"{"type":"subscribe","channel":"\ud83d\ud83d"}"#),
    ("a lone surrogate in the type", r#"{"type":"\udfff","channel":"news"}"#),
    ("a lone surrogate in the authorization", r#"{"type":"authorize","authorization":"\ud800"}"#),
    ("a lone surrogate in a name", r#"{"type":"subscribe","channel":"news","\ud800":1}"#),
    ("type twice, once escaped", r#"{"type":"subscribe","t\u0079pe":"subscribe","channel":"news"}"#),
    ("channel twice, the other null", r#"{"type":"subscribe","channel":"news","channel":null}"#),
    ("an unused field twice", r#"{"type":"subscribe","channel":"news","content":1,"content":1}"#),
    ("type in capitals", r#"{"TYPE":"subscribe","channel":"news"}"#),
    ("a type with a space", r#"{"type":"subscribe ","channel":"news"}"#),
    ("a type with NUL", r#"{"type":"subscribe\u0000","channel":"news"}"#),
    ("type true", r#"{"type":true,"channel":"news"}"#),
    ("type an object", r#"{"type":{"type":"subscribe"},"channel":"news"}"#),
    ("publish to a list of channels", r#"{"type":"publish","channel":["news"],"content":1}"#),
    ("publish of nothing", r#"{"type":"publish","channel":"news"}"#),
    ("publish of nothing, to nobody", r#"{"type":"publish"}"#),
    ("unsubscribe from nothing", r#"{"type":"unsubscribe"}"#),
    ("authorization a list", r#"{"type":"authorize","authorization":["a"]}"#),
    ("authorization true", r#"{"type":"authorize","authorization":true}"#),
    ("NaN", r#"{"type":"publish","channel":"news","content":NaN}"#),
    ("Infinity", r#"{"type":"publish","channel":"news","content":-Infinity}"#),
    ("undefined", r#"{"type":"publish","channel":"news","content":undefined}"#),
    ("a literal in capitals", r#"{"type":"publish","channel":"news","content":True}"#),
    ("a plus sign", r#"{"type":"publish","channel":"news","content":+1}"#),
    ("a number that begins with a point", r#"{"type":"publish","channel":"news","content":.5}"#),
    ("a number that ends with a point", r#"{"type":"publish","channel":"news","content":5.}"#),
    ("an exponent of nothing", r#"{"type":"publish","channel":"news","content":1e}"#),
    ("a minus sign alone", r#"{"type":"publish","channel":"news","content":-}"#),
    ("minus zero one", r#"{"type":"publish","channel":"news","content":-01}"#),
    ("a hexadecimal number", r#"{"type":"publish","channel":"news","content":0x10}"#),
    ("a number with a separator", r#"{"type":"publish","channel":"news","content":1_000}"#),
    ("two values", r#"{"type":"publish","channel":"news","content":1 2}"#),
    ("a list that ends in a comma", r#"{"type":"publish","channel":"news","content":[1,]}"#),
    ("a list closed by a brace", r#"{"type":"publish","channel":"news","content":[1}}"#),
    ("a list in an unknown field that does not end", r#"{"type":"subscribe","channel":"news","x":[1}"#),
    ("an unknown field that is no JSON", r#"{"type":"subscribe","channel":"news","x":nope}"#),
];

fn what_is_no_message_closes(daemon: Daemon) {
    let mut witness = Witness::of(&daemon);
    for (what, message) in NO_MESSAGES {
        println!("{what}: {message}");
        for send in [Client::send_text as fn(&mut Client, &str), |client, text| client.send_binary(text.as_bytes())] {
            let mut client = daemon.client();
            send(&mut client, message);
            client.expect_error("unknown_message_received");
            client.expect_closed(4500);
        }
        witness.expect_served();
    }
    witness.expect_nothing_else();
}

/// Binary frames may hold any bytes; what is not UTF-8 is no message either.
fn bytes_that_are_no_text_close(daemon: Daemon) {
    let mut witness = Witness::of(&daemon);
    for bytes in [
        &b"\xff"[..],
        b"\xef\xbb\xbf{}",
        b"{\"type\":\"subscribe\",\"channel\":\"\xed\xa0\x80\"}",
        b"{\"type\":\"subscribe\",\"channel\":\"\xc0\xaf\"}",
        b"{\0\"\0t\0y\0p\0e\0\"\0",
        b"\x82\xa4type\xa9subscribe\xa7channel\xa4news",
    ] {
        let mut client = daemon.client();
        client.send_binary(bytes);
        client.expect_error("unknown_message_received");
        client.expect_closed(4500);
        witness.expect_served();
    }
    witness.expect_nothing_else();
}

/// Long or unusual, but messages.
fn what_is_odd_but_a_message_is_answered(daemon: Daemon) {
    let long = "x".repeat(900_000);
    let many: String = (0..20_000).map(|n| format!("\"{n}\":[],")).collect();
    let deep = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let rows = [
        r#"{"type":"subscribe","channel":"news","":0}"#.to_owned(),
        r#"{"type":"subscribe","channel":"news","x":"\ud800"}"#.to_owned(),
        r#"{"type":"subscribe","channel":"news","x":1e999999999}"#.to_owned(),
        r#"{"type":"subscribe","channel":"news","Type":1,"TYPE":2}"#.to_owned(),
        r#"{"type":"subscribe","channel":"news","type ":1}"#.to_owned(),
        r#"{"\u0074\u0079\u0070\u0065":"\u0073ubscribe","\u0063hannel":"\u006eews"}"#.to_owned(),
        "\r\n\t {\r\n\t \"type\"\t:\r\n \"subscribe\" ,\n\"channel\":\"news\" \n}\r\n\r\n".to_owned(),
        format!(r#"{{"type":"subscribe","channel":"news","{long}":1}}"#),
        format!(r#"{{"type":"subscribe","channel":"news","x":"{long}"}}"#),
        format!(r#"{{"type":"subscribe","channel":"news","x":{}}}"#, "9".repeat(900_000)),
        format!(r#"{{{many}"type":"subscribe","channel":"news"}}"#),
        format!(r#"{{"type":"subscribe","channel":"news","x":{}}}"#, deep(31)),
        format!(r#"{{"x":{},"type":"subscribe","channel":"news"}}"#, deep(31)),
    ];
    let mut witness = Witness::of(&daemon);
    let mut client = daemon.client();
    for row in rows {
        println!("{}", &row[..row.len().min(80)]);
        client.send_text(&row);
        client.expect_text(r#"{"type":"subscribe_ok","channel":"news"}"#);
        witness.expect_served();
        client.expect_publish("news", json!(witness.heard));
    }
    witness.expect_nothing_else();
}

fn messages_with_a_bad_channel_close(daemon: Daemon) {
    let mut witness = Witness::of(&daemon);
    let too_long = format!("\"{}\"", "x".repeat(256));
    let too_long_in_bytes = format!("\"{}\"", "ä".repeat(128));
    let channels = [
        r#""""#,
        r#""a\u0000b""#,
        r#""\u001f""#,
        r#""\n""#,
        r#""\u007f""#,
        r#""\u0080""#,
        r#""\u009f""#,
        "null",
        "1",
        "{}",
    ];
    for channel in channels.into_iter().chain([too_long.as_str(), &too_long_in_bytes]) {
        for kind in ["subscribe", "unsubscribe", "publish"] {
            println!("{kind} {channel}");
            let mut client = daemon.client();
            client.send_text(&format!(r#"{{"type":"{kind}","channel":{channel},"content":1}}"#));
            client.expect_error("unknown_message_received");
            client.expect_closed(4500);
            witness.expect_served();
        }
    }
    for kind in ["subscribe", "unsubscribe", "publish"] {
        let mut client = daemon.client();
        client.send(json!({"type": kind, "content": 1}));
        client.expect_error("unknown_message_received");
        client.expect_closed(4500);
        witness.expect_served();
    }
    witness.expect_nothing_else();
}

fn channel_names_at_the_edge_are_good(daemon: Daemon) {
    let mut client = daemon.client();
    for channel in ["a", " ", "~", "\u{a0}", "foo.*", "*", "a/b\\c\"", "日本語", &"x".repeat(255), &"ä".repeat(127)]
    {
        client.subscribe(channel);
        client.publish(channel, json!(1));
        client.expect_publish(channel, json!(1));
    }
}

fn a_stranger_is_answered_before_it_authorizes(daemon: Daemon) {
    let mut client = daemon.connect();
    client.send_text("who are you?");
    client.expect_error("unknown_message_received");
    client.expect_closed(4500);
}
