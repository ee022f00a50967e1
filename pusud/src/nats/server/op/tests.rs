use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

const INFO: &str = r#"INFO {"server_id":"A","version":"2.9.10","max_payload":1000}"#;

fn parser(bytes: &[u8]) -> Parser {
    let mut parser = Parser::new(1000);
    parser.feed(bytes);
    parser
}

fn malformed(bytes: &[u8]) -> Malformed {
    let mut parser = parser(bytes);
    loop {
        match parser.next_op() {
            Ok(op) => assert!(op.is_some(), "{} waits for more", bytes.escape_ascii()),
            Err(malformed) => return malformed,
        }
    }
}

#[test]
fn each_operation() {
    let stream = [
        INFO,
        "\r\nPING\r\nPONG\r\n+OK\r\n-ERR 'Slow Consumer'\r\n",
        "MSG a.b 7 3\r\n\r\nc\r\nMSG a 1 r.s 0\r\n\r\n",
        "HMSG r 2 16 16\r\nNATS/1.0 503\r\n\r\n\r\nHMSG a 3 r 18 21\r\nNATS/1.0\r\nA: b\r\n\r\nabc\r\n",
    ]
    .concat();
    let mut parser = parser(stream.as_bytes());
    let message = |subject, sid, reply, payload| Op::Message(Message { subject, sid, reply, payload });
    let info = Info::parse(&INFO.as_bytes()[5..]).unwrap();
    for expected in [
        Op::Info(Box::new(info)),
        Op::Ping,
        Op::Pong,
        Op::Ok,
        Op::Error(ServerError::SlowConsumer),
        message(b"a.b", 7, None, b"\r\nc"),
        message(b"a", 1, Some(b"r.s"), b""),
        Op::NoResponders { subject: b"r", sid: 2 },
        message(b"a", 3, Some(b"r"), b"abc"),
    ] {
        assert_eq!(parser.next_op(), Ok(Some(expected)));
    }
    assert_eq!(parser.next_op(), Ok(None));
    assert_eq!(parser.unread(), 0);
}

#[test]
fn nobody_is_there_whatever_else_the_headers_say() {
    for (headers, nobody) in [
        ("NATS/1.0 503\r\n\r\n", true),
        ("NATS/1.0 503 No Responders\r\n\r\n", true),
        ("NATS/1.0 503\r\nNats-Subject: a\r\n\r\n", true),
        ("NATS/1.0 5031\r\n\r\n", false),
        ("NATS/1.0 408\r\n\r\n", false),
        ("NATS/1.0\r\nA: NATS/1.0 503\r\n\r\n", false),
    ] {
        let length = headers.len();
        let mut parser = parser(format!("HMSG r 2 {length} {length}\r\n{headers}\r\n").as_bytes());
        let op = parser.next_op().unwrap().unwrap();
        assert_eq!(matches!(op, Op::NoResponders { .. }), nobody, "{headers}");
    }
}

#[test]
fn lines_that_no_server_sends() {
    let fields = |line: &str| Malformed::Fields(line.to_owned());
    for (bytes, expected) in [
        (&b"MSG a 1\r\n"[..], fields("MSG a 1")),
        (b"MSG a  1 1\r\n", fields("MSG a  1 1")),
        (b"MSG a 1 1 \r\n", fields("MSG a 1 1 ")),
        (b"MSG a b c 1\r\n", fields("MSG a b c 1")),
        (b"MSG a 1 -1\r\n", fields("MSG a 1 -1")),
        (b"MSG a 1 +1\r\n", fields("MSG a 1 +1")),
        (b"MSG a 1 1000000000000000000\r\n", fields("MSG a 1 1000000000000000000")),
        (b"MSG a 1 r x 1\r\n", fields("MSG a 1 r x 1")),
        (b"HMSG a 1 2 1\r\n", fields("HMSG a 1 2 1")),
        (b"HMSG a 1 r x 1 1\r\n", fields("HMSG a 1 r x 1 1")),
        (b"MSG a 1 1\r\nxy\r\n", Malformed::PayloadEnd),
        (b"MSG a 1 1\nx\r\n", Malformed::LineEnd("MSG a 1 1".to_owned())),
        (b"\r\n", Malformed::Unknown(String::new())),
        (b"ping\r\n", Malformed::Unknown("ping".to_owned())),
        (b"PING \r\n", Malformed::Unknown("PING ".to_owned())),
        (b"-ERROR\r\n", Malformed::Unknown("-ERROR".to_owned())),
        (b"MSG\r\n", Malformed::Unknown("MSG".to_owned())),
    ] {
        assert_eq!(malformed(bytes), expected);
    }
    assert!(malformed(&[0xff; 300].iter().chain(b"\r\n").copied().collect::<Vec<_>>()).to_string().len() < 300);
}

#[test]
fn lines_have_a_bound() {
    let info = |length: usize| [INFO.as_bytes(), &vec![b' '; length - INFO.len() - 2], b"\r\n"].concat();
    assert!(matches!(parser(&info(LINE_BYTES_MAX)).next_op(), Ok(Some(Op::Info(_)))));
    assert_eq!(malformed(&info(LINE_BYTES_MAX + 1)), Malformed::LongLine);
    assert_eq!(parser(&vec![b'x'; LINE_BYTES_MAX - 1]).next_op(), Ok(None));
    assert_eq!(malformed(&vec![b'x'; LINE_BYTES_MAX]), Malformed::LongLine);
}

#[test]
fn a_message_that_is_too_long_is_told_at_once_and_dropped_as_it_comes() {
    let mut parser = parser(b"MSG a 1 r 1000000\r\n");
    assert_eq!(parser.next_op(), Ok(Some(Op::TooLong { subject: b"a", sid: 1, bytes: 1_000_000 })));
    for _ in 0..1000 {
        parser.feed(&[b'\n'; 1000]);
        assert_eq!(parser.next_op(), Ok(None));
        assert_eq!(parser.unread(), 0);
    }
    parser.feed(b"\r\nPING\r\n");
    assert_eq!(parser.next_op(), Ok(Some(Op::Ping)));
    assert!(parser.bytes.capacity() < 10_000, "{}", parser.bytes.capacity());
}

#[test]
fn nothing_is_allocated_for_a_length_that_is_declared() {
    let mut parser = Parser::new(1 << 30);
    parser.feed(b"MSG a 1 1073741824\r\nx");
    assert_eq!(parser.next_op(), Ok(None));
    assert!(parser.bytes.capacity() < 1000);
    // The buffer of a large message is given back.
    let mut parser = Parser::new(1 << 30);
    parser.feed(&[b"MSG a 1 1000000\r\n", &vec![0; 1_000_000][..], b"\r\n"].concat());
    assert!(matches!(parser.next_op(), Ok(Some(Op::Message(_)))));
    parser.feed(b"PING\r\n");
    assert!(parser.bytes.capacity() < 1000);
}

proptest! {
    /// Messages come as they were sent, wherever the stream is split.
    #[test]
    fn messages_come_back(
        messages in vec(("[a-z.]{1,20}", any::<u32>(), proptest::option::of("[a-z.]{1,9}"), vec(any::<u8>(), 0..60)), 0..8),
        pieces in vec(1_usize..50, 1..40),
    ) {
        let mut stream = Vec::new();
        for (subject, sid, reply, payload) in &messages {
            let reply = reply.as_ref().map(|reply| format!(" {reply}")).unwrap_or_default();
            stream.extend_from_slice(format!("MSG {subject} {sid}{reply} {}\r\n", payload.len()).as_bytes());
            stream.extend_from_slice(payload);
            stream.extend_from_slice(b"\r\n");
        }
        let (mut parser, mut came, mut rest) = (Parser::new(1000), Vec::new(), &stream[..]);
        for length in pieces.iter().chain(std::iter::repeat(&50)) {
            let (piece, behind) = rest.split_at(rest.len().min(*length));
            parser.room().put_slice(piece);
            rest = behind;
            while let Some(op) = parser.next_op().unwrap() {
                let Op::Message(message) = op else { panic!("{op:?}") };
                let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
                came.push((text(message.subject), message.sid as u32, message.reply.map(text), message.payload.to_vec()));
            }
            if rest.is_empty() {
                break;
            }
        }
        prop_assert_eq!(came, messages);
        prop_assert_eq!(parser.unread(), 0);
    }
}
