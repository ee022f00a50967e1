//! The fingerprint sees what the compiler of a plugin may do to the structs, and the header refuses what does not fit.
#![cfg(unix)]
#![allow(unsafe_code, missing_docs, clippy::unwrap_used)]

mod common;

use common::compiler::{Compiler, folder, include};
use pusu_plugin_api::abi;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::process::Command;

const STRUCTS: [&str; 8] = [
    "pusu_str",
    "pusu_attr",
    "pusu_permission",
    "pusu_verdict",
    "pusu_request",
    "pusu_host",
    "pusu_authenticator",
    "pusu_manifest",
];

/// The fields of a struct of the header, one declaration each, such as `uint32_t abi_minor`.
fn fields(header: &str, name: &str) -> Vec<String> {
    let start = format!("typedef struct {name} {{");
    let body = header.split_once(&start).unwrap().1.split_once(&format!("}} {name};")).unwrap().0;
    let mut plain = String::new();
    let mut rest = body;
    while let Some((before, comment)) = rest.split_once("/*") {
        plain.push_str(before);
        rest = comment.split_once("*/").unwrap().1;
    }
    plain.push_str(rest);
    let mut fields = Vec::new();
    for declaration in plain.split(';').map(str::trim).filter(|declaration| !declaration.is_empty()) {
        if declaration.contains('(') || !declaration.contains(',') {
            fields.push(declaration.to_owned());
        } else {
            let (kind, names) = declaration.split_once(' ').unwrap();
            fields.extend(names.split(',').map(|name| format!("{kind} {}", name.trim())));
        }
    }
    fields
}

/// Each exchange in a namespace with structs of its own, so that one program prints the fingerprints of all of them.
#[test]
fn exchanging_two_neighbours_changes_the_fingerprint() {
    let header = std::fs::read_to_string(include().join("pusu_plugin.h")).unwrap();
    let structs = STRUCTS.map(|name| (name, fields(&header, name)));
    let mut exchanges = vec![None];
    for (at, (_, fields)) in structs.iter().enumerate() {
        exchanges.extend((1..fields.len()).map(|second| Some((at, second))));
    }
    assert_eq!(exchanges.len(), 1 + 50, "{structs:?}");
    let mut source = String::from("#include \"pusu_plugin.h\"\n#include <cinttypes>\n#include <cstdio>\n");
    for (number, exchange) in exchanges.iter().enumerate() {
        writeln!(source, "namespace n{number} {{").unwrap();
        for (at, (name, fields)) in structs.iter().enumerate() {
            let mut fields = fields.clone();
            if let Some((_, second)) = exchange.filter(|(exchanged, _)| *exchanged == at) {
                fields.swap(second - 1, second);
            }
            writeln!(source, "typedef struct {name} {{ {}; }} {name};", fields.join("; ")).unwrap();
        }
        writeln!(source, "constexpr uint64_t fingerprint = PUSU_ABI_FINGERPRINT;\n}}").unwrap();
    }
    source.push_str("int main() {\n");
    for number in 0..exchanges.len() {
        writeln!(source, "  std::printf(\"%016\" PRIx64 \"\\n\", n{number}::fingerprint);").unwrap();
    }
    source.push_str("}\n");
    let folder = folder();
    let (file, program) = (folder.path().join("exchanges.cpp"), folder.path().join("exchanges"));
    std::fs::write(&file, source).unwrap();
    Compiler::cpp("c++17").compile(&file, &program);
    let output = Command::new(&program).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let fingerprints: Vec<&str> = printed.lines().collect();
    assert_eq!(fingerprints[0], format!("{:016x}", abi::FINGERPRINT), "the structs were read wrongly");
    let different: BTreeSet<&str> = fingerprints.iter().copied().collect();
    assert_eq!(different.len(), exchanges.len(), "two of these are the same: {exchanges:?}\n{printed}");
}

/// A plugin that does nothing; its texts are the parameters of the manifest.
fn plugin(texts: [&str; 6]) -> String {
    let [id, version, license, description, options, needs] = texts;
    format!(
        "#include \"pusu_plugin.h\"\n\
         const pusu_authenticator *pusu_authenticator_entry(uint32_t abi_major) {{ (void)abi_major; return NULL; }}\n\
         PUSU_MANIFEST(\"{id}\", \"{version}\", 0, \"{license}\", \"{description}\", \"{options}\", \"{needs}\");\n"
    )
}

fn compilers() -> [(Compiler, &'static str); 2] {
    [(Compiler::c("c11"), "c"), (Compiler::cpp("c++17"), "cpp")]
}

#[test]
fn packing_is_a_compile_error() {
    let good = plugin(["A", "1", "MIT", "", "", ""]);
    for option in ["-fpack-struct", "-fpack-struct=2", "-fpack-struct=4"] {
        for (compiler, extension) in compilers() {
            let said = compiler.args([option]).refuses(&good, extension);
            assert!(said.contains("the structs are laid out in another way"), "{option}, {extension}: {said}");
        }
    }
    for (compiler, extension) in compilers() {
        let said = compiler.refuses(&format!("#pragma pack(1)\n{good}"), extension);
        assert!(said.contains("the structs are laid out in another way"), "pragma, {extension}: {said}");
    }
}

#[test]
fn a_text_that_is_too_long_is_a_compile_error() {
    let longest = [63, 63, 127, 255, 767, 191].map(|len| "x".repeat(len));
    let names = ["id", "version", "license", "description", "options", "needs"];
    let texts = || longest.each_ref().map(String::as_str);
    let folder = folder();
    for (compiler, extension) in compilers() {
        let file = folder.path().join(format!("longest.{extension}"));
        std::fs::write(&file, plugin(texts())).unwrap();
        compiler.args(["-fsyntax-only"]).compile(&file, &folder.path().join("nothing"));
    }
    for (at, name) in names.into_iter().enumerate() {
        let longer = format!("{}x", longest[at]);
        let mut texts = texts();
        texts[at] = &longer;
        for (compiler, extension) in compilers() {
            let said = compiler.refuses(&plugin(texts), extension);
            assert!(said.contains(&format!("{name} is too long")), "{name}, {extension}: {said}");
        }
    }
    let sdk = format!("#define PUSU_SDK \"{}\"\n{}", "x".repeat(64), plugin(["A", "1", "MIT", "", "", ""]));
    for (compiler, extension) in compilers() {
        let said = compiler.refuses(&sdk, extension);
        assert!(said.contains("sdk is too long"), "{extension}: {said}");
    }
}
