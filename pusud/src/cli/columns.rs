//! Rows of texts in columns, for people: as wide as what stands in them, once what steers a terminal is written out for one.

use super::terminal::shown;
use super::width::width;
use std::borrow::Cow;
use std::io;

/// Where the texts of a column stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Align {
    /// At its left, as words do.
    Left,
    /// At its right, as numbers do.
    Right,
}

/// The rows under their headings, a line each.
pub(super) fn columns<const N: usize>(headings: [(&str, Align); N], rows: &[[String; N]]) -> String {
    some_columns(headings, rows, [true; N])
}

/// The same without the columns that are not shown.
pub(super) fn some_columns<const N: usize>(
    headings: [(&str, Align); N],
    rows: &[[String; N]],
    are_shown: [bool; N],
) -> String {
    let out = io::stdout();
    let rows: Vec<[Cow<'_, str>; N]> = rows.iter().map(|row| row.each_ref().map(|cell| shown(cell, &out))).collect();
    let mut widths = headings.map(|(heading, _)| width(heading));
    for row in &rows {
        widths.iter_mut().zip(row).for_each(|(most, cell)| *most = (*most).max(width(cell)));
    }
    let line = |cells: [&str; N]| {
        let mut line = String::new();
        let columns = cells.into_iter().zip(headings.iter().zip(widths)).zip(are_shown);
        for ((cell, ((_, align), most)), _) in columns.filter(|(_, is_shown)| *is_shown) {
            let gap = " ".repeat(most - width(cell));
            match align {
                Align::Left => line.extend([cell, &gap, "  "]),
                Align::Right => line.extend([&gap, cell, "  "]),
            }
        }
        line.truncate(line.trim_end().len());
        line + "\n"
    };
    let rows = rows.iter().map(|row| line(row.each_ref().map(|cell| &**cell)));
    std::iter::once(line(headings.map(|(heading, _)| heading))).chain(rows).collect()
}

/// A number of bytes, as people read it.
pub(super) fn bytes(bytes: f64) -> String {
    let mut rest = bytes;
    for unit in ["B", "KiB", "MiB"] {
        if rest < 1024.0 {
            return if unit == "B" { format!("{rest:.0} {unit}") } else { format!("{rest:.1} {unit}") };
        }
        rest /= 1024.0;
    }
    format!("{rest:.1} GiB")
}

/// How many in a second; nothing where it is not known.
pub(super) fn a_second(rate: Option<f64>) -> String {
    rate.map_or_else(|| "-".to_owned(), |rate| if rate >= 100.0 { format!("{rate:.0}") } else { format!("{rate:.1}") })
}

/// A time in seconds, in two units at the most.
pub(super) fn time(seconds: Option<f64>) -> String {
    let Some(seconds) = seconds else { return "-".to_owned() };
    let whole = seconds as u64;
    match whole {
        0..10 => format!("{seconds:.1}s"),
        10..60 => format!("{whole}s"),
        60..3600 => format!("{}m {}s", whole / 60, whole % 60),
        3600..86_400 => format!("{}h {}m", whole / 3600, whole % 3600 / 60),
        _ => format!("{}d {}h", whole / 86_400, whole % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_stands_in_them() {
        let rows = [["a".to_owned(), "1000".to_owned()], ["ländlich".to_owned(), "7".to_owned()]];
        let text = columns([("who", Align::Left), ("n", Align::Right)], &rows);
        assert_eq!(text, "who          n\na         1000\nländlich     7\n");
        let rows = [["漢字".to_owned(), "1".to_owned()], ["abc".to_owned(), "2".to_owned()]];
        assert_eq!(columns([("who", Align::Left), ("n", Align::Right)], &rows), "who   n\n漢字  1\nabc   2\n");
    }

    #[test]
    fn amounts_are_short() {
        assert_eq!([0.0, 1023.0, 1024.0, 3.5e6, 5e9].map(bytes), ["0 B", "1023 B", "1.0 KiB", "3.3 MiB", "4.7 GiB"]);
        assert_eq!([None, Some(0.25), Some(99.96), Some(1234.5)].map(a_second), ["-", "0.2", "100.0", "1234"]);
        let times = [None, Some(1.25), Some(59.9), Some(61.0), Some(7260.0), Some(90_000.0)].map(time);
        assert_eq!(times, ["-", "1.2s", "59s", "1m 1s", "2h 1m", "1d 1h"]);
    }
}
