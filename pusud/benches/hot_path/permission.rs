//! Whether a client may do what it asks, when its verdict cache does not know.

use divan::Bencher;
use pusud::protocol::{Access, Permission};

#[divan::bench(args = ["auction.1.bids", "auction.*", "*.bids", "a*1*s", "*a*b*c*d*e*"])]
fn pattern(bencher: Bencher<'_, '_>, pattern: &str) {
    let permission = Permission::new(pattern, Access::READ);
    bencher.bench(|| permission.allows(Access::READ, divan::black_box("auction.1.bids")));
}

/// The last of so many patterns is the one that matches.
#[divan::bench(args = [1, 16, 1024])]
fn patterns(bencher: Bencher<'_, '_>, count: usize) {
    let mut permissions: Vec<Permission> =
        (1..count).map(|number| Permission::new(format!("other.{number}.*"), Access::READ_WRITE)).collect();
    permissions.push(Permission::new("auction.*", Access::READ_WRITE));
    bencher.bench(|| {
        let channel = divan::black_box("auction.1.bids");
        assert!(permissions.iter().any(|permission| permission.allows(Access::WRITE, channel)));
    });
}
