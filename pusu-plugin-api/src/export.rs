//! The manifest that a plugin exports, and the macro that exports it. Everything is checked by the compiler that builds
//! the plugin: an identifier too long or a character too strange is a compile error, not a surprise at start.

use crate::authenticator::AsyncAuthenticator;
use crate::offer::{Offers, flags_fit};
use pusu_plugin_abi as abi;

/// What a plugin says about itself. Made by [`export_authenticator!`](crate::export_authenticator).
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// What `authenticator:` in the settings names: a letter or digit, then letters, digits, `.`, `_` and `-`, at most
    /// 63 bytes. Has no default.
    pub id: &'static str,
    /// At most 63 bytes; by default `version` of the plugin's Cargo.toml.
    pub version: &'static str,
    /// An SPDX expression of at most 127 bytes; by default `license` of the plugin's Cargo.toml.
    pub license: &'static str,
    /// One line of at most 255 bytes; by default `description` of the plugin's Cargo.toml.
    pub description: &'static str,
    /// The names of the options, at most 767 bytes together. The relay refuses other options before it loads the
    /// plugin, and hands over options of these names also if they stand at the top of the settings. `"*"` among them:
    /// the plugin takes others too, and checks them itself.
    pub options: &'static [&'static str],
    /// [`SERIAL`](crate::SERIAL), [`NO_SWAP`](crate::NO_SWAP) and [`GRANTS`](crate::GRANTS), or 0. Whether it may answer
    /// later is known without.
    pub flags: u32,
    /// The ids of tables of the relay's that the plugin cannot do without, such as `pusu.grants/1`, at most 191 bytes
    /// together. A relay that lacks one does not load it.
    pub needs: &'static [&'static str],
}

/// The manifest of a plugin whose authenticator is `A`, and which offers `O` beside it.
///
/// # Panics
/// While compiling the plugin, if something in `about` does not fit into the manifest.
pub const fn manifest<A: AsyncAuthenticator, O: Offers>(about: &About) -> abi::Manifest {
    assert!(!about.id.is_empty(), "export_authenticator!: give an `id`, the name that settings.yaml will use");
    assert!(
        is_id(about.id.as_bytes()),
        "export_authenticator!: `id` must begin with a letter or digit, and have only letters, digits, '.', '_', '-'"
    );
    assert!(
        about.flags & !(abi::F_SERIAL | abi::F_NO_SWAP | abi::F_GRANTS) == 0,
        "export_authenticator!: `flags` may be SERIAL, NO_SWAP and GRANTS"
    );
    assert!(
        flags_fit(O::OFFERED, about.flags),
        "export_authenticator!: with `Grants`, `flags` must have GRANTS, so that the relay keeps tickets and subjects"
    );
    assert!(about.id.len() < 64, "export_authenticator!: `id` is longer than 63 bytes");
    assert!(about.version.len() < 64, "export_authenticator!: `version` is longer than 63 bytes");
    assert!(
        about.license.len() < 128,
        "export_authenticator!: `license` (by default that of Cargo.toml) is longer than 127 bytes"
    );
    assert!(
        about.description.len() < 256,
        "export_authenticator!: `description` (by default that of Cargo.toml) is longer than 255 bytes"
    );
    assert!(
        is_line(about.version) && is_line(about.license) && is_line(about.description),
        "export_authenticator!: `version`, `license` and `description` may not contain control characters"
    );
    abi::Manifest {
        magic: abi::MAGIC,
        size: abi::MANIFEST_BYTES as u32,
        abi_major: abi::ABI_MAJOR,
        abi_minor: abi::ABI_MINOR,
        kind: abi::KIND_AUTHENTICATOR,
        flags: about.flags | if A::ASYNC { abi::F_ASYNC } else { 0 },
        reserved0: 0,
        fingerprint: abi::FINGERPRINT,
        id: padded(about.id.as_bytes()),
        version: padded(about.version.as_bytes()),
        sdk: padded(concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION")).as_bytes()),
        license: padded(about.license.as_bytes()),
        description: padded(about.description.as_bytes()),
        options: joined(about.options),
        needs: joined(about.needs),
        reserved: [0; 472],
    }
}

const fn is_id(text: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        let is_inner = at > 0 && matches!(text[at], b'.' | b'_' | b'-');
        if !text[at].is_ascii_alphanumeric() && !is_inner {
            return false;
        }
        at += 1;
    }
    !text.is_empty()
}

const fn is_line(text: &str) -> bool {
    let mut at = 0;
    while at < text.len() {
        if text.as_bytes()[at].is_ascii_control() {
            return false;
        }
        at += 1;
    }
    true
}

/// `text`, which is shorter than `N`, and zeros.
const fn padded<const N: usize>(text: &[u8]) -> [u8; N] {
    let mut out = [0; N];
    out.split_at_mut(text.len()).0.copy_from_slice(text);
    out
}

/// Whether `text` can stand in a list: a name of an option, `*`, or the id of an extension.
const fn is_name(text: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        if text[at] == b',' || text[at].is_ascii_control() || text[at] == b' ' {
            return false;
        }
        at += 1;
    }
    !text.is_empty()
}

/// The names, comma separated, and zeros.
const fn joined<const N: usize>(names: &[&str]) -> [u8; N] {
    let mut out = [0; N];
    let (mut end, mut at) = (0, 0);
    while at < names.len() {
        let name = names[at].as_bytes();
        assert!(
            is_name(name),
            "export_authenticator!: names in `options` must be like those of settings (some_option), and ids in `needs` \
             like those of extensions (pusu.grants/1)"
        );
        assert!(
            end + 1 + name.len() < N,
            "export_authenticator!: `options` are longer than 767 bytes together, or `needs` than 191"
        );
        if at > 0 {
            out[end] = b',';
            end += 1;
        }
        out.split_at_mut(end).1.split_at_mut(name.len()).0.copy_from_slice(name);
        end += name.len();
        at += 1;
    }
    out
}

/// Makes the crate, built as a `cdylib`, a plugin: exports the manifest, the entry, and abi_stable's header.
///
/// Takes the type of the authenticator, the traits that it offers beside [`Authenticator`](crate::Authenticator)
/// (`: Reload + Check + Health + Grants`, or none), and the fields of [`About`](crate::About) that are to differ from
/// their defaults; `id` has none. Use it once per library.
///
/// ```
/// # use pusu_plugin_api::{Authenticator, CreateError, Host, NoOptions, Request, Verdict};
/// # struct Nobody;
/// # impl Authenticator for Nobody {
/// #     type Options = NoOptions;
/// #     fn create(_: NoOptions, _: Host) -> Result<Self, CreateError> { Ok(Self) }
/// #     fn authorize(&self, _: &Request<'_>) -> Verdict { Verdict::refuse("nobody is let in") }
/// # }
/// pusu_plugin_api::export_authenticator! {
///     Nobody,
///     id: "NobodyAuthenticator",
///     description: "Lets nobody in",
///     flags: pusu_plugin_api::SERIAL,
/// }
/// # fn main() {}
/// ```
///
/// What does not fit is a compile error:
///
/// ```compile_fail
/// # use pusu_plugin_api::{Authenticator, CreateError, Host, NoOptions, Request, Verdict};
/// # struct Nobody;
/// # impl Authenticator for Nobody {
/// #     type Options = NoOptions;
/// #     fn create(_: NoOptions, _: Host) -> Result<Self, CreateError> { Ok(Self) }
/// #     fn authorize(&self, _: &Request<'_>) -> Verdict { Verdict::refuse("nobody is let in") }
/// # }
/// pusu_plugin_api::export_authenticator! { Nobody, id: "no spaces please" }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! export_authenticator {
    ($authenticator:ty $(: $first:ident $(+ $more:ident)*)?, $($field:ident: $value:expr),+ $(,)?) => {
        #[cfg(panic = "abort")]
        ::core::compile_error!(
            "a plugin must be built with panic = \"unwind\" (the default): with panic = \"abort\" a panic in it would \
             end the whole relay. Remove `panic = \"abort\"` from the profile in Cargo.toml"
        );

        #[allow(unsafe_code, clippy::needless_update)]
        const _: () = {
            const ABOUT: $crate::About = $crate::About {
                $($field: $value,)+
                ..$crate::About {
                    id: "",
                    version: ::core::env!("CARGO_PKG_VERSION"),
                    license: ::core::env!("CARGO_PKG_LICENSE"),
                    description: ::core::env!("CARGO_PKG_DESCRIPTION"),
                    options: &[],
                    flags: 0,
                    needs: &[],
                }
            };

            static OFFERED: &[$crate::__private::Offered] =
                &[$(
                    $crate::__private::offer::$first::<$authenticator>(),
                    $($crate::__private::offer::$more::<$authenticator>(),)*
                )?];

            struct Offers;

            impl $crate::__private::Offers for Offers {
                const OFFERED: &'static [$crate::__private::Offered] = OFFERED;
            }

            #[unsafe(export_name = "pusu_plugin_manifest")]
            static MANIFEST: $crate::abi::Manifest = $crate::__private::manifest::<$authenticator, Offers>(&ABOUT);

            static TABLE: $crate::abi::Authenticator = $crate::__private::table::<$authenticator, Offers>(&MANIFEST);

            #[unsafe(export_name = "pusu_authenticator_entry")]
            extern "C" fn entry(abi_major: u32) -> *const $crate::abi::Authenticator {
                $crate::__private::entry(abi_major, &TABLE)
            }

            $crate::__export_layout_proof!(&MANIFEST, &TABLE);
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_what_settings_can_name() {
        for good in ["a", "MyAuthenticator", "0-9._x"] {
            assert!(is_id(good.as_bytes()), "{good}");
        }
        for bad in ["", ".a", "-", "a b", "a/b", "ä"] {
            assert!(!is_id(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn options_are_joined_by_commas_and_padded() {
        assert_eq!(&joined::<8>(&["ab", "c"]), b"ab,c\0\0\0\0");
        assert_eq!(joined::<4>(&[]), [0; 4]);
        assert!(std::panic::catch_unwind(|| joined::<4>(&["ab", "c"])).is_err());
    }
}
