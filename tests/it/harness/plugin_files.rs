//! Plugins to load: the bundled ones as cargo built them, C ones as the C compiler builds them, and damaged copies.

use super::{build_dir, root, run};
use std::env::consts::{DLL_PREFIX, DLL_SUFFIX};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;
use tempfile::TempDir;

/// A plugins directory of a test's own.
pub(crate) struct PluginsDir(TempDir);

impl PluginsDir {
    /// A directory with nothing in it.
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A directory with copies of `files`.
    pub(crate) fn with(files: impl IntoIterator<Item = PathBuf>) -> Self {
        let dir = Self::empty();
        for file in files {
            dir.add(&file, file.file_name().unwrap().to_str().unwrap());
        }
        dir
    }

    /// Copies `file` into the directory under another name.
    pub(crate) fn add(&self, file: &Path, name: &str) -> PathBuf {
        let to = self.path().join(name);
        fs::copy(file, &to).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        to
    }

    /// Puts `file` in the place of `name` in one step, as an operator should.
    pub(crate) fn replace(&self, name: &str, file: &Path) {
        let fresh = self.add(file, "fresh");
        fs::rename(fresh, self.path().join(name)).unwrap();
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// How this system names the library `name`: `libname.so`.
pub(crate) fn library_name(name: &str) -> String {
    format!("{DLL_PREFIX}{name}{DLL_SUFFIX}")
}

/// `PasswordAuthenticator`.
pub(crate) fn password_plugin() -> PathBuf {
    built_by_cargo("password-authenticator", "plugins/password")
}

/// `JwtAuthenticator`.
pub(crate) fn jwt_plugin() -> PathBuf {
    built_by_cargo("jwt-authenticator", "plugins/jwt")
}

/// `HttpAuthenticator`.
pub(crate) fn http_plugin() -> PathBuf {
    built_by_cargo("http-authenticator", "plugins/http")
}

/// `CertificateAuthenticator`.
pub(crate) fn certificate_plugin() -> PathBuf {
    built_by_cargo("certificate-authenticator", "plugins/certificate")
}

/// `MyAuthenticator`, the Rust example.
pub(crate) fn my_plugin() -> PathBuf {
    built_by_cargo("my-authenticator", "plugins/my-authenticator")
}

/// `ExampleCAuthenticator`, the C example, built by its own Makefile.
pub(crate) fn example_c_plugin() -> PathBuf {
    let sources = [root().join("plugins/example-c"), root().join("pusu-plugin-api/include")];
    built_once("example_c_authenticator", &sources, |out| {
        let folder = out.parent().unwrap();
        run(Command::new("make").arg("-C").arg(&sources[0]).arg(format!("OUT={}", folder.display()))).succeeds();
        // Its Makefile names it so everywhere.
        fs::rename(folder.join("libexample_c_authenticator.so"), out).unwrap();
    })
}

/// `ExampleCppAuthenticator`, the C++ example, built by its own Makefile.
pub(crate) fn example_cpp_plugin() -> PathBuf {
    let sources = [root().join("plugins/example-cpp"), root().join("pusu-plugin-api/include")];
    built_once("example_cpp_authenticator", &sources, |out| {
        let folder = out.parent().unwrap();
        run(Command::new("make").arg("-C").arg(&sources[0]).arg(format!("OUT={}", folder.display()))).succeeds();
        // Its Makefile names it so everywhere.
        fs::rename(folder.join("libexample_cpp_authenticator.so"), out).unwrap();
    })
}

/// `BadPlugin` in `dir`, with these switches; see `tests/fixtures/bad_plugin.c`. Its id can be changed by a switch.
pub(crate) fn bad_plugin(dir: &PluginsDir, switches: &[&str]) -> PathBuf {
    let out = dir.path().join(library_name("bad_plugin"));
    let flags = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden", "-pthread"];
    // What one switch leaves unused, another needs.
    let unused = ["-Wno-unused-function", "-Wno-unused-const-variable", "-Wno-unreachable-code"];
    let mut compiler = Command::new("cc");
    compiler.args(flags).args(unused).args(switches).arg("-I").arg(root().join("pusu-plugin-api/include"));
    run(compiler.arg(root().join("tests/fixtures/bad_plugin.c")).arg("-o").arg(&out)).succeeds();
    out
}

/// The library `name`, made of one C file of the tests' own with these switches.
pub(super) fn c_plugin(name: &str, source: &str, switches: &[&str]) -> PathBuf {
    let include = root().join("pusu-plugin-api/include");
    let source = root().join(source);
    built_once(name, &[source.clone(), include.clone()], |out| {
        let flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared", "-fvisibility=hidden"];
        let mut compiler = Command::new("cc");
        compiler.args(flags).args(switches).arg("-I").arg(&include).arg(&source).arg("-o").arg(out);
        run(&mut compiler).succeeds();
    })
}

/// A copy of a plugin whose bytes `damage` has changed; it gets the manifest's offset.
pub(crate) fn patched_copy(plugin: &Path, to: &Path, damage: impl FnOnce(&mut Vec<u8>, usize)) {
    let mut bytes = fs::read(plugin).unwrap();
    // The magic stands in the code that checks or makes it too; a manifest says its own size behind it.
    let start = b"PUSUPLG\x01\x00\x08\x00\x00";
    let at = bytes.windows(start.len()).position(|window| window == start).expect("the plugin has a manifest");
    damage(&mut bytes, at);
    fs::write(to, bytes).unwrap();
}

/// A library of the workspace, beside the daemon. `make` builds it beforehand; where nobody has, or its sources have
/// changed since, cargo does it now.
fn built_by_cargo(package: &str, sources: &str) -> PathBuf {
    static BUILD: OnceLock<()> = OnceLock::new();
    let library = target_dir().join(library_name(&package.replace('-', "_")));
    let sources = ["pusu-plugin-api/src", "pusu-plugin-api/abi/src", "plugins/shared-https/src", sources];
    let sources = sources.map(|path| root().join(path));
    if newest(&sources) > modified(&library) {
        BUILD.get_or_init(|| {
            let packages = [
                "password-authenticator",
                "jwt-authenticator",
                "http-authenticator",
                "certificate-authenticator",
                "my-authenticator",
            ];
            cargo_build(packages.iter().flat_map(|package| ["-p", package]));
        });
    }
    library
}

/// `ws_echo`, the example of the daemon that echoes; built as the libraries are.
pub(crate) fn ws_echo() -> PathBuf {
    let program = target_dir().join("examples").join(format!("ws_echo{}", std::env::consts::EXE_SUFFIX));
    if newest(&["pusud/src", "pusud/examples"].map(|path| root().join(path))) > modified(&program) {
        cargo_build(["-p", "pusud", "--example", "ws_echo"]);
    }
    program
}

/// Where cargo puts what it builds for this profile.
fn target_dir() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_pusud")).parent().unwrap()
}

fn cargo_build<'a>(what: impl IntoIterator<Item = &'a str>) {
    let profile = if target_dir().ends_with("release") { "release" } else { "dev" };
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()).args(["build", "--quiet", "--profile", profile]).args(what);
    let status = cargo.arg("--target-dir").arg(target_dir().parent().unwrap()).status().unwrap();
    assert!(status.success(), "{cargo:?}: {status}");
}

/// A library that is built where it is missing or older than its sources. Tests in other processes may do the same at
/// the same time, so it is built elsewhere and moved into place.
pub(super) fn built_once(name: &str, sources: &[PathBuf], build: impl FnOnce(&Path)) -> PathBuf {
    let library = build_dir().join(library_name(name));
    if newest(sources) > modified(&library) {
        let elsewhere = tempfile::tempdir_in(build_dir()).unwrap();
        let fresh = elsewhere.path().join(library_name(name));
        build(&fresh);
        fs::rename(&fresh, &library).unwrap();
    }
    library
}

/// When the newest file in or under `paths` was changed.
fn newest(paths: &[PathBuf]) -> SystemTime {
    let newest_in = |path: &PathBuf| match fs::read_dir(path) {
        Ok(entries) => newest(&entries.map(|entry| entry.unwrap().path()).collect::<Vec<_>>()),
        Err(_) => modified(path),
    };
    paths.iter().map(newest_in).max().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn modified(path: &Path) -> SystemTime {
    fs::metadata(path).and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH)
}
