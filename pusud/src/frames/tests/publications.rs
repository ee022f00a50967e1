//! Values that were put into frames are in them, and come out of them again.

use super::{channel, content, decode, made, position, run};
use crate::frames::publication::*;
use proptest::prelude::*;
use serde_json::Value;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};

#[test]
fn frames_are_written_as_the_protocol_says() {
    let mut out = Vec::new();
    push_publish(&mut out, "a\"", "[1]");
    push_publish_at(&mut out, "a\"", "AbC-x.1", "[1]");
    push_gap(&mut out, "a\"", "AbC-x.2");
    let texts: Vec<_> = decode(&out).iter().map(|frame| String::from_utf8(frame.payload().to_vec()).unwrap()).collect();
    assert_eq!(
        texts,
        [
            r#"{"type":"publish","channel":"a\"","content":[1]}"#,
            r#"{"type":"publish","channel":"a\"","position":"AbC-x.1","content":[1]}"#,
            r#"{"type":"gap","channel":"a\"","position":"AbC-x.2"}"#,
        ]
    );
}

#[test]
fn contents_of_every_length_are_cut_out() {
    let lengths = [1, 30, 40, 50, 60, 70, 80, 90, 125, 126, 127, 65_450, 65_480, 65_490, 65_500, 65_536, 100_000];
    let texts = lengths.map(|len| "1".repeat(len));
    let mut out = Vec::new();
    for text in &texts {
        push_publish(&mut out, "a\"b", text);
        push_publish_at(&mut out, "a\"b", "p", text);
    }
    let twice = texts.iter().flat_map(|text| [text.as_bytes(); 2]);
    assert!(contents("a\"b", &out).eq(twice));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_run_reads_back(channel in channel(), all in made()) {
        let (out, ends) = run(&channel, &all);
        let read: Vec<_> = publications(&channel, &out).collect();
        let published = || all.iter().filter(|made| !made.is_gap());
        prop_assert_eq!(read.len(), published().count());
        for (made, (position, content)) in published().zip(read) {
            prop_assert_eq!(made.position.as_deref(), position);
            prop_assert_eq!(made.content.as_deref().map(str::as_bytes), Some(content));
        }
        prop_assert!(contents(&channel, &out).eq(published().filter_map(|made| made.content.as_deref().map(str::as_bytes))));
        let frames = decode(&out);
        prop_assert_eq!(frames.len(), ends.len());
        for (made, frame) in all.iter().zip(frames) {
            prop_assert_eq!(frame.header().opcode, OpCode::Data(Data::Text));
            prop_assert!(frame.header().is_final);
            let value: Value = serde_json::from_slice(frame.payload()).expect("JSON");
            prop_assert_eq!(&value["type"], if made.is_gap() { "gap" } else { "publish" });
            prop_assert_eq!(&value["channel"], channel.as_str());
            prop_assert_eq!(value.get("position").and_then(Value::as_str), made.position.as_deref());
            let content = made.content.as_ref().map(|text| serde_json::from_str::<Value>(text).expect("JSON"));
            prop_assert_eq!(value.get("content"), content.as_ref());
            let fields = 2 + usize::from(made.position.is_some()) + usize::from(made.content.is_some());
            prop_assert_eq!(value.as_object().map(serde_json::Map::len), Some(fields));
        }
    }

    #[test]
    fn frames_are_no_longer_than_is_said(channel in "[^\\p{Cc}\"\\\\]{1,40}", position in position(), content in content()) {
        let (mut plain, mut at) = (Vec::new(), Vec::new());
        push_publish(&mut plain, &channel, &content);
        push_publish_at(&mut at, &channel, &position, &content);
        let (said, said_at) = (publish_len(&channel, &content), publish_at_len(&channel, position.len(), &content));
        prop_assert!(plain.len() <= said && said < plain.len() + 20);
        prop_assert!(at.len() <= said_at && said_at < at.len() + 20);
    }
}
