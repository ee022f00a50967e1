use super::*;
use std::sync::Mutex;

fn refusal() -> Result<Answer, Fault> {
    Ok(Answer { decision: abi::REFUSE, reason: b"no".to_vec(), ..Answer::default() })
}

#[test]
fn is_found_by_its_number_while_it_lives() {
    let host = Host::new("Test", Facts::default(), Lasting::default());
    let number = host.number.get();
    let find = |number| callbacks::find(number).map(|found| found.plugin().to_owned());
    assert_eq!(find(number).as_deref(), Some("Test"));
    drop(host);
    assert!(find(number).is_none() && find(0).is_none() && find(usize::MAX).is_none());
}

#[test]
fn one_answer_is_taken_and_the_others_are_counted() {
    let host = Host::new("Test", Facts::default(), Lasting::default());
    let (ticket, mut receiver) = host.tickets.open(Instant::now());
    assert_eq!(host.complete(ticket, refusal), abi::TAKEN);
    assert_eq!(host.complete(ticket, || panic!("nobody waits for it")), abi::LATE);
    assert_eq!(host.complete(u64::MAX, refusal), abi::LATE);
    assert_eq!(host.late(), 2);
    assert_eq!(receiver.try_recv().unwrap(), Decision::Refuse("no".into()).into());
}

#[test]
fn a_malformed_answer_decides_nothing() {
    let host = Host::new("Test", Facts::default(), Lasting::default());
    let (ticket, mut receiver) = host.tickets.open(Instant::now());
    assert_eq!(host.complete(ticket, || Err(Fault::Malformed("subject is NULL".into()))), abi::MALFORMED);
    assert_eq!(receiver.try_recv().unwrap(), Decision::Unavailable(String::new()).into());
    let (ticket, mut receiver) = host.tickets.open(Instant::now());
    let unknown = || Ok(Answer { decision: 9, ..Answer::default() });
    assert_eq!(host.complete(ticket, unknown), abi::UNSUPPORTED);
    assert_eq!(receiver.try_recv().unwrap(), Decision::Unavailable(String::new()).into());
    assert_eq!(host.malformed(), 2);
}

/// What is logged meanwhile.
fn logged(work: impl FnOnce()) -> String {
    let log = tempfile::NamedTempFile::new().unwrap();
    let writer = Mutex::new(log.reopen().unwrap());
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::DEBUG);
    tracing::subscriber::with_default(subscriber.with_writer(writer).finish(), work);
    std::fs::read_to_string(log.path()).unwrap()
}

#[test]
fn a_verdict_without_reason_is_logged_as_one() {
    for (decision, reason, detail, wanted) in [
        (abi::UNAVAILABLE, "", "", "could not decide: no reason given"),
        (abi::UNAVAILABLE, "", "no route to host", "could not decide: no reason given (no route to host)"),
        (abi::UNAVAILABLE, "the database is down", "", "could not decide: the database is down"),
        (abi::UNAVAILABLE, "later", "timeout", "could not decide: later (timeout)"),
        (abi::REFUSE, "no", "", "refused"),
        (abi::GRANT, "", "", "granted"),
    ] {
        let text = logged(|| {
            let host = Host::new("Test", Facts::default(), Lasting::default());
            let (ticket, _receiver) = host.tickets.open(Instant::now());
            let answer = Answer { decision, reason: reason.into(), detail: detail.into(), ..Answer::default() };
            assert_eq!(host.complete(ticket, || Ok(answer)), abi::TAKEN);
        });
        let message = text.split_once(": ").expect("a line has a target and a message").1;
        let (said, fields) = message.trim_end().split_once(" plugin=").expect("the plugin is named");
        assert_eq!(said, wanted, "{fields}");
    }
}

#[test]
fn a_line_of_the_plugin_is_one_line_of_the_log() {
    let line = LogLine { level: 2, text: b"first\nforged\x1b[31m \xff".to_vec(), ..LogLine::default() };
    let text = logged(|| Host::new("Test", Facts::default(), Lasting::default()).log(&line));
    assert_eq!(text.lines().count(), 1, "{text}");
    for part in ["WARN", "plugin=\"Test\"", "first\\nforged\\u{1b}[31m \u{fffd}"] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
}
