//! Texts that are positions, and texts that are none.

use super::*;
use proptest::prelude::*;

fn origin(bits: u64) -> Origin {
    Origin::of_boot(&u128::from(bits).to_be_bytes())
}

#[test]
fn what_is_not_a_position_is_known() {
    let mut good = Position { minute: 77, tag: Tag::of("a"), ..Position::default() };
    good.merge(origin(5), 12);
    let good = good.text();
    assert_eq!(good, "AABNypeB-AAAAAF.12");
    assert!(Position::parse(&good).is_some());
    for bad in [
        "",
        "AAB",
        "AAB+",
        "AABN",
        "null",
        "AABNype",
        "AABNypeB",
        "AABNypeB*",
        "nonsense",
        "AABNyp+B",
        "AABNypeB-",
        "AABNypeB-AAAAAF",
        "AABNypeB-AAAAAF.",
        "AABNypeB-AAAAAF.x",
        "AABNypeB-AAAAAF.-1",
        "AABNypeB-AAAAAF.012",
        "AABNypeB-AAAAAF.9007199254740993",
        "AABNypeB-AAAAAF.99999999999999999999",
        "AABNypeB-AAAAAF.1-AAAAAF.2",
        "AABNypeB-AAAAAF.1**",
        "AABNypeB-AAAAAF.1*-AAAAAG.1",
        "AABNypeB*AAAAAF.1",
        "AABNypeB..AAAAAF.1",
        "AABNypeB-AAAAAF-1",
        "AABNypeB-ÄÄÄ.1",
        " AABNypeB",
    ] {
        assert_eq!(Position::parse(bad), None, "{bad}");
    }
    let many: String = (0..=ORIGINS_MAX).map(|n| format!("-AAAA{n:02}.1")).collect();
    assert_eq!(Position::parse(&format!("AABNypeB{many}")), None);
    assert_eq!(Position::parse(&format!("AABNypeB{}*", "-".repeat(600))), None);
}

proptest! {
    #[test]
    fn texts_read_back(
        minute in 0..=MINUTE_MAX,
        seen in proptest::collection::btree_map(0u64..1 << 36, 0..=NUMBER_MAX, 1..=ORIGINS_MAX),
        told: u64,
        channel in "[a-z]{1,3}",
        is_partial: bool,
    ) {
        let seen: SmallVec<_> = seen.into_iter().map(|(bits, number)| (origin(bits), number)).collect();
        let told = told & ((1 << seen.len()) - 1);
        let position = Position { minute, tag: Tag::of(&channel), seen, told, is_partial };
        let text = position.text();
        prop_assert!(text.len() <= POSITION_BYTES_MAX);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte)));
        prop_assert_eq!(Position::parse(&text), Some(position));
    }

    /// Whatever can be read has one text.
    #[test]
    fn any_text_is_read_or_not(text in "[A-Z0-9_.*-]{0,60}") {
        if let Some(position) = Position::parse(&text) {
            prop_assert_eq!(position.text(), text);
        }
    }

    #[test]
    fn merging_is_the_highest_of_both(a in proptest::collection::vec((0u64..4, 0u64..9), 0..6),
                                      b in proptest::collection::vec((0u64..4, 0u64..9), 0..6)) {
        let position = |list: &[(u64, u64)]| {
            let mut position = Position::default();
            list.iter().for_each(|&(bits, number)| position.merge(origin(bits), number));
            position
        };
        let (mut left, right) = (position(&a), position(&b));
        left.merge_all(&right);
        for bits in 0..4 {
            let highest = a.iter().chain(&b).filter(|(other, _)| *other == bits).map(|&(_, number)| number).max();
            prop_assert_eq!(left.get(origin(bits)), highest);
        }
    }
}
