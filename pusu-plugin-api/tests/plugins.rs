//! The bundled plugins, built as strangers build theirs: what their files say before anything is loaded, and how they
//! behave when a host loads and drives them.
#![cfg(unix)]
#![allow(unsafe_code, missing_docs, clippy::unwrap_used)]

mod common;

use common::Driven;
use libloading::Library;
use object::{Object, ObjectSection, ObjectSymbol};
use pusu_plugin_api::abi;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// One folder with all plugins in it. Tests may run as processes beside each other: each makes the files in a folder of
/// its own and moves them in whole.
static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
    let built = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plugins");
    let folder = built.with_extension(std::process::id().to_string());
    std::fs::create_dir_all(&built).unwrap();
    let output = cargo(&["build", "-p", "password-authenticator", "-p", "my-authenticator", "--message-format=json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::create_dir_all(&folder).unwrap();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        // The messages of cargo that name a finished library, as in {"filenames":["/…/libmy_authenticator.so"],…}.
        for file in line.split('"').filter(|word| word.ends_with(std::env::consts::DLL_SUFFIX)) {
            let name = Path::new(file).file_name().unwrap();
            if name.to_string_lossy().ends_with(&format!("_authenticator{}", std::env::consts::DLL_SUFFIX)) {
                std::fs::copy(file, folder.join(Path::new(name).with_extension("so"))).unwrap();
            }
        }
    }
    let made = Command::new(std::env::var("MAKE").unwrap_or_else(|_| "make".to_owned()))
        .arg("-C")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/example-c"))
        .arg(format!("OUT={}", folder.display()))
        .arg("CFLAGS=-O1 -g -Werror")
        .output()
        .expect("make can be run");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    for file in std::fs::read_dir(&folder).unwrap() {
        let file = file.unwrap();
        std::fs::rename(file.path(), built.join(file.file_name())).unwrap();
    }
    std::fs::remove_dir(&folder).unwrap();
    built
});

fn cargo(arguments: &[&str]) -> std::process::Output {
    Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
        .output()
        .expect("cargo can be run")
}

fn file(name: &str) -> PathBuf {
    BUILT.join(format!("lib{name}.so"))
}

/// Loads a plugin; like the relay, never unloads it.
fn entry(name: &str) -> abi::EntryFn {
    // SAFETY: loading runs no initialiser but those of the Rust and C runtimes.
    let library = Box::leak(Box::new(unsafe { Library::new(file(name)) }.unwrap()));
    // SAFETY: the symbol has this type in every plugin.
    *unsafe { library.get::<abi::EntryFn>(abi::ENTRY_SYMBOL) }.unwrap()
}

fn create(name: &str, options: &str) -> Result<Driven, (abi::Status, String)> {
    Driven::create(entry(name), options)
}

#[test]
fn the_manifest_is_read_from_the_file_and_has_no_relocations() {
    for (name, id, options) in [
        ("password_authenticator", "PasswordAuthenticator", "passwords,passwords_file,allow_read_by_default"),
        ("my_authenticator", "MyAuthenticator", "readable"),
        ("example_c_authenticator", "ExampleCAuthenticator", "secrets"),
    ] {
        let bytes = std::fs::read(file(name)).unwrap();
        let parsed = object::File::parse(&*bytes).unwrap();
        // Mach-O puts an underscore before the name.
        let is_manifest = |name: &str| name.strip_prefix('_').unwrap_or(name) == abi::MANIFEST_SYMBOL;
        let mut symbols = parsed.dynamic_symbols().chain(parsed.symbols());
        let address = symbols.find(|symbol| symbol.name().is_ok_and(is_manifest)).unwrap().address();
        let section = parsed
            .sections()
            .find(|section| section.address() <= address && address < section.address() + section.size())
            .unwrap();
        let data = section.data_range(address, abi::MANIFEST_BYTES as u64).unwrap().unwrap();
        let manifest = abi::Manifest::from_bytes(data).unwrap();

        assert_eq!(
            (manifest.magic, manifest.size, manifest.fingerprint),
            (abi::MAGIC, abi::MANIFEST_BYTES as u32, abi::FINGERPRINT),
            "{name}"
        );
        assert_eq!(
            (abi::Manifest::text(&manifest.id), abi::Manifest::text(&manifest.options)),
            (Some(id), Some(options))
        );
        assert!(!abi::Manifest::text(&manifest.description).unwrap().is_empty(), "{name}");
        assert_eq!(manifest.reserved, [0; 472]);

        let relocated = parsed.dynamic_relocations().into_iter().flatten();
        let within = address..address + abi::MANIFEST_BYTES as u64;
        assert_eq!(
            relocated.filter(|(place, _)| within.contains(place)).count(),
            0,
            "{name}: relocations in the manifest"
        );
    }
}

#[test]
fn nothing_else_is_exported() {
    for name in ["password_authenticator", "my_authenticator", "example_c_authenticator"] {
        let bytes = std::fs::read(file(name)).unwrap();
        let parsed = object::File::parse(&*bytes).unwrap();
        let mut exported: Vec<String> = parsed
            .dynamic_symbols()
            .filter(|symbol| symbol.is_definition() && symbol.is_global())
            .map(|symbol| symbol.name().unwrap().to_owned())
            .collect();
        exported.retain(|symbol| !["_init", "_fini"].contains(&symbol.as_str()));
        exported.sort();
        let ours = ["_1as_0lib_1header_0root_bmodule_bloader", abi::ENTRY_SYMBOL, abi::MANIFEST_SYMBOL];
        let wanted = if name == "example_c_authenticator" { &ours[1..] } else { &ours[..] };
        if cfg!(target_os = "linux") {
            assert_eq!(exported, wanted, "{name}");
        }
    }
}

#[cfg(feature = "layout-proof")]
#[test]
fn the_layout_proof_of_the_rust_plugins_holds() {
    use abi_stable::StableAbi;
    use abi_stable::abi_stability::abi_checking::check_layout_compatibility;
    use abi_stable::library::{AbiHeaderRef, ROOT_MODULE_LOADER_NAME_WITH_NUL};
    use pusu_plugin_api::abi::proof::ProofRef;

    for name in ["password_authenticator", "my_authenticator"] {
        // SAFETY: as in `entry`.
        let library = Box::leak(Box::new(unsafe { Library::new(file(name)) }.unwrap()));
        // SAFETY: abi_stable's symbol of this name has this type.
        let header = *unsafe { library.get::<AbiHeaderRef>(ROOT_MODULE_LOADER_NAME_WITH_NUL.as_bytes()) }.unwrap();
        let header = header.upgrade().unwrap();
        check_layout_compatibility(ProofRef::LAYOUT, header.layout().expect("the layout is there"))
            .unwrap_or_else(|errors| panic!("{errors}"));
        let proof = header.check_layout::<ProofRef>().unwrap();
        assert_eq!(proof.manifest().fingerprint, abi::FINGERPRINT);
        assert_eq!(proof.authenticator().struct_size as usize, size_of::<abi::Authenticator>());
    }
}

#[test]
fn password_decides_by_password() {
    let options = r#"{"passwords":[{"Password1":["valid.*"]}],"allow_read_by_default":true}"#;
    let driven = create("password_authenticator", options).unwrap();
    let known = driven.ask(1, b"Password1");
    assert_eq!(known.decision, abi::GRANT);
    assert_eq!(known.permissions, [("valid.*".to_owned(), abi::READ | abi::WRITE), ("*".to_owned(), abi::READ)]);
    assert_eq!(driven.ask(2, b"").permissions, [("*".to_owned(), abi::READ)]);

    let (status, text) = create("password_authenticator", "{}").err().unwrap();
    assert_eq!(status, abi::ERR_CONFIG);
    assert!(text.starts_with("nobody could connect"), "{text}");
}

#[test]
fn my_authenticator_refuses_everybody() {
    let driven = create("my_authenticator", "{}").unwrap();
    assert_eq!(driven.ask(1, b"let me in").decision, abi::REFUSE);
    assert_eq!(driven.logs().len(), 1);
}

#[test]
fn example_c_lets_in_who_knows_a_secret() {
    let options = r#" { "secrets" : [ "a" , "b\u00e9\ud83d\ude00\n\"\\\/" ,"nul\u0000" ] } "#;
    let driven = create("example_c_authenticator", options).unwrap();
    let everything = [("*".to_owned(), abi::READ | abi::WRITE)];
    for (ticket, secret) in ["a", "bé😀\n\"\\/", "nul\0"].into_iter().enumerate() {
        let answer = driven.ask(1 + ticket as u64, secret.as_bytes());
        assert_eq!((answer.decision, &answer.permissions[..]), (abi::GRANT, &everything[..]), "{secret}");
    }
    let wrong: [&[u8]; 9] = [b"", b"b", b"aa", b"a\0", b"nul", b"\xff", &[b'a'; 256], &[b'a'; 257], &[0; 65536]];
    for (ticket, wrong) in wrong.into_iter().enumerate() {
        let answer = driven.ask(100 + ticket as u64, wrong);
        assert_eq!((answer.decision, answer.reason.as_str()), (abi::REFUSE, "unknown secret"), "{wrong:?}");
    }
    assert_eq!(driven.destroy(|| {}), [(3, "secrets that let clients in: 3".to_owned())]);
}

#[test]
fn example_c_says_what_is_wrong_with_its_options() {
    let longest = format!(r#"{{"secrets":["{}"]}}"#, "é".repeat(128));
    assert!(create("example_c_authenticator", &longest).is_ok());
    let too_long = format!(r#"{{"secrets":["a","{}"]}}"#, "x".repeat(257));
    let too_many = format!(r#"{{"secrets":[{}"a"]}}"#, r#""a","#.repeat(1000));
    for (options, status, wanted) in [
        ("{}", abi::ERR_CONFIG, "nobody could connect: give at least one secret"),
        (r#"{"secrets":[]}"#, abi::ERR_CONFIG, "nobody could connect: give at least one secret"),
        (r#"{"secrets":"hunter2"}"#, abi::ERR_CONFIG, "option `secrets`: expected a list of strings, found a string"),
        (r#"{"secrets":null}"#, abi::ERR_CONFIG, "option `secrets`: expected a list of strings, found nothing"),
        (r#"{"secrets":["a",17]}"#, abi::ERR_CONFIG, "option `secrets`, item 2: expected a string, found a number"),
        (r#"{"secrets":[["hunter2"]]}"#, abi::ERR_CONFIG, "option `secrets`, item 1: expected a string, found a list"),
        (r#"{"secrets":[""]}"#, abi::ERR_CONFIG, "option `secrets`, item 1: is empty"),
        (&too_long, abi::ERR_CONFIG, "option `secrets`, item 2: expected at most 256 bytes, found more"),
        (&too_many, abi::ERR_CONFIG, "option `secrets`: expected at most 1000 items, found more"),
        (r#"{"hunter2":[]}"#, abi::ERR_CONFIG, "there is an unknown option"),
        (r#"{"secrets":["a"],"secrets":["b"]}"#, abi::ERR_CONFIG, "the option `secrets` stands there twice"),
        (r#"{"secrets":["\ud800hunter2"]}"#, abi::ERR, "option `secrets`, item 1: not a JSON string"),
        (r#"{"secrets":["hunter2"#, abi::ERR, "option `secrets`, item 1: not a JSON string"),
        (r#"{"secrets":["a"]"#, abi::ERR, "the options are not the JSON object"),
        (r#"{"secrets":["a"],}"#, abi::ERR, "the options are not the JSON object"),
        (r#"{"secrets":["a"]} x"#, abi::ERR, "the options are not the JSON object"),
        ("", abi::ERR, "the options are not the JSON object"),
    ] {
        let (code, text) = create("example_c_authenticator", options).err().unwrap_or_else(|| panic!("{options}"));
        assert!(code == status && text.starts_with(wanted), "{options}: {code} {text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[test]
fn a_plugin_that_would_abort_on_panic_does_not_compile() {
    LazyLock::force(&BUILT);
    let output = cargo(&["rustc", "-p", "my-authenticator", "--lib", "--", "-C", "panic=abort"]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("a plugin must be built with panic"), "{text}");
}
