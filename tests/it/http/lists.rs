//! Several publications by one POST: as an array and a line each, with a result each, and all or nothing where it is no JSON.

use crate::harness::{Answer, Daemon, Http, Request};
use serde_json::{Value, json};

crate::on_1_and_3_shards!(
    each_message_has_its_result,
    where_none_is_accepted_the_first_one_says_why,
    what_is_no_list_publishes_nothing,
    a_list_keeps_its_order,
);

/// The forms of a list, with their types.
const FORMS: [&str; 3] = ["application/json", "application/x-ndjson", "application/jsonl"];

fn post(http: &mut Http, content_type: &str, authorization: &str, body: &str) -> Answer {
    let content_type = format!("Content-Type: {content_type}");
    http.ask(&Request::post("/publish", body).header(&content_type).bearer(authorization))
}

/// These items in this form.
fn list(content_type: &str, items: &[&str]) -> String {
    match content_type {
        "application/json" => format!("[{}]", items.join(" ,\n")),
        // Empty lines are skipped, and the last one may have an end.
        _ => format!("\n{}\r\n \n", items.join("\n\n")),
    }
}

fn each_message_has_its_result(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a.1");
    listener.subscribe("a.\"2");
    let mut http = daemon.http();
    let items = [
        r#"{"channel":"a.1","content": {"x" : 1.0} }"#,
        r#"{"channel":"b","content":1}"#,
        r#"{"content":"\u0041","channel":"a.\u00222","more":[1]}"#,
        "5",
        r#"{"channel":"a.1"}"#,
        r#"{"content":1}"#,
        r#"{"channel":7,"content":1}"#,
        r#"{"channel":"","content":1}"#,
        r#"{"channel":"a.1","content":1,"content":2}"#,
        r#"{"channel":"a.1","content":null}"#,
    ];
    let statuses = [202, 403, 202, 422, 422, 422, 422, 422, 422, 202];
    for form in FORMS {
        let answer = post(&mut http, form, "write=a.*", &list(form, &items)).expect(202);
        assert_eq!(answer.header("Content-Type"), Some("application/json"));
        let answer = answer.json();
        assert_eq!(answer["accepted"], 3, "{answer}");
        let results = answer["results"].as_array().unwrap();
        assert_eq!(results.iter().map(|one| one["status"].clone()).collect::<Vec<_>>(), statuses, "{answer}");
        assert_eq!(results[0], json!({"status": 202}));
        let denied = json!({"status": 403, "channel": "b", "detail": "no permission to write this channel"});
        assert_eq!(results[1], denied);
        for (result, status) in results.iter().zip(statuses) {
            let says_why = result["detail"].as_str().is_some_and(|detail| !detail.is_empty());
            assert_eq!(says_why, status != 202, "{result}");
        }
        listener.expect_content("a.1", r#"{"x" : 1.0}"#);
        listener.expect_content("a.\"2", r#""\u0041""#);
        listener.expect_content("a.1", "null");
    }
}

fn where_none_is_accepted_the_first_one_says_why(daemon: Daemon) {
    let mut http = daemon.http();
    for form in FORMS {
        for (items, status) in [
            (&[r#"{"channel":"b","content":1}"#, "{}"][..], 403),
            (&["{}", r#"{"channel":"b","content":1}"#], 422),
            (&["null"], 422),
        ] {
            let problem = post(&mut http, form, "write=a.*", &list(form, items)).expect_problem(status);
            assert_eq!(problem["accepted"], 0, "{problem}");
            let results = problem["results"].as_array().unwrap();
            assert_eq!((results.len(), &results[0]["status"]), (items.len(), &json!(status)), "{problem}");
            assert_eq!(results[0]["detail"], problem["detail"]);
        }
    }
}

fn what_is_no_list_publishes_nothing(daemon: Daemon) {
    let mut listener = daemon.client();
    listener.subscribe("a");
    let mut http = daemon.http();
    let good = r#"{"channel":"a","content":1}"#;
    let deep = format!(r#"[{{"channel":"a","content":1,"more":{}1{}}}]"#, "[".repeat(200), "]".repeat(200));
    let many = format!("[{}{good}]", format!("{good},").repeat(10_000));
    for (form, body, status) in [
        (FORMS[0], "[]", 400),
        (FORMS[0], " [ ] ", 400),
        (FORMS[0], "", 400),
        (FORMS[0], &format!("[{good}"), 400),
        (FORMS[0], &format!("[{good},]"), 400),
        (FORMS[0], &format!("[{good}] {good}"), 400),
        (FORMS[0], &format!("[{good},{{\"channel\":\"a\",\"content\":01}}]"), 400),
        (FORMS[0], &format!("{good}\n{good}"), 400),
        (FORMS[0], &deep, 422),
        (FORMS[0], good, 422),
        (FORMS[0], "null", 422),
        (FORMS[0], &many, 413),
        (FORMS[1], "", 400),
        (FORMS[1], "\n \r\n", 400),
        (FORMS[1], &format!("{good}\n{good}\n{{"), 400),
        (FORMS[1], &format!("{good} {good}"), 400),
        (FORMS[1], &format!("{good}\r{good}"), 400),
        (FORMS[2], &many[1..many.len() - 1].replace("},", "}\n"), 413),
    ] {
        let shown: String = body.chars().take(100).collect();
        println!("{form}: {shown}");
        post(&mut http, form, "both=*", body).expect_problem(status);
    }
    let latin1 = Request::post("/publish", b"[{\"channel\":\"a\",\"content\":\"\xe4\"}]");
    http.ask(&latin1).expect_problem(400);
    listener.expect_no_answer();
}

fn a_list_keeps_its_order(daemon: Daemon) {
    let mut listeners: Vec<_> = (0..3).map(|_| daemon.client()).collect();
    for (at, listener) in listeners.iter_mut().enumerate() {
        listener.subscribe(&format!("a.{at}"));
    }
    let items: Vec<Value> =
        (0..3000).map(|number| json!({"channel": format!("a.{}", number % 3), "content": number})).collect();
    let answer = daemon.http().post("/publish", Value::from(items).to_string()).expect(202).json();
    assert_eq!((&answer["accepted"], answer["results"].as_array().unwrap().len()), (&json!(3000), 3000));
    for (at, listener) in listeners.iter_mut().enumerate() {
        for number in (at..3000).step_by(3) {
            listener.expect_publish(&format!("a.{at}"), json!(number));
        }
    }
}
