//! abi_stable's library header beside the C entry: it describes the layout of every type of the ABI as the plugin's
//! compiler sees it, which the relay compares with its own before it calls anything. Nothing else of it is used.

use abi_stable::library::{__call_root_module_loader, CheckTypeLayout, ROOT_MODULE_LOADER_NAME, RootModuleResult};
use abi_stable::prefix_type::PrefixTypeTrait;
use pusu_plugin_abi as abi;
use pusu_plugin_abi::proof::{Proof, ProofRef};

pub use abi_stable::library::LibHeader;

/// What the header of one library leads to.
pub trait Root: 'static {
    /// The exported manifest.
    const MANIFEST: &'static abi::Manifest;
    /// The table behind the exported entry.
    const TABLE: &'static abi::Authenticator;
}

/// What abi_stable's `#[export_root_module]` would make, but without the need for plugins to depend on abi_stable.
pub const fn header<R: Root>() -> LibHeader {
    // SAFETY: the constructor's result is made from a `ProofRef`, the very type named here.
    unsafe { LibHeader::from_constructor::<ProofRef>(erased_root::<R>, CheckTypeLayout::Yes) }
}

extern "C" fn erased_root<R: Root>() -> RootModuleResult {
    __call_root_module_loader(root::<R>)
}

fn root<R: Root>() -> ProofRef {
    Proof { manifest: R::MANIFEST, authenticator: R::TABLE }.leak_into_prefix()
}

// An attribute takes only a literal, so the name is written out below and held equal here.
const _: () = {
    let (written, wanted) = (b"_1as_0lib_1header_0root_bmodule_bloader", ROOT_MODULE_LOADER_NAME.as_bytes());
    assert!(written.len() == wanted.len(), "abi_stable looks for its header under another name");
    let mut at = 0;
    while at < written.len() {
        assert!(written[at] == wanted[at], "abi_stable looks for its header under another name");
        at += 1;
    }
};

/// Exports the header; part of `export_authenticator!`.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_layout_proof {
    ($manifest:expr, $table:expr) => {
        #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
        static LAYOUT_PROOF: $crate::__private::LibHeader = {
            struct Root;
            impl $crate::__private::Root for Root {
                const MANIFEST: &'static $crate::abi::Manifest = $manifest;
                const TABLE: &'static $crate::abi::Authenticator = $table;
            }
            $crate::__private::header::<Root>()
        };
    };
}
