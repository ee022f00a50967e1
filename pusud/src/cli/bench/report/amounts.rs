//! Times and counts as people read them.

/// A time with three digits, in the unit that suits it. Nothing takes less than a nanosecond: 0 is no time at all.
pub(super) fn time(nanoseconds: u64) -> String {
    let (value, unit) = match nanoseconds {
        0 => return "-".to_owned(),
        1..1_000_000 => (nanoseconds as f64 / 1e3, "us"),
        1_000_000..1_000_000_000 => (nanoseconds as f64 / 1e6, "ms"),
        _ => (nanoseconds as f64 / 1e9, "s"),
    };
    let decimals = if value < 10.0 { 2 } else { usize::from(value < 100.0) };
    format!("{value:.decimals$} {unit}")
}

/// A number with a space between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        for (number, expected) in [(0, "0"), (999, "999"), (1000, "1 000"), (1_234_567, "1 234 567")] {
            assert_eq!(count(number), expected);
        }
        for (nanoseconds, expected) in
            [(0, "-"), (12_345, "12.3 us"), (999_000, "999 us"), (1_500_000, "1.50 ms"), (2_000_000_000, "2.00 s")]
        {
            assert_eq!(time(nanoseconds), expected);
        }
    }
}
