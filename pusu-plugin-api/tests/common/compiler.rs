//! The compilers of C and C++, as the variables CC and CXX name them.

use rustix::fs::{FlockOperation, flock};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// `cc` or `c++`, with all warnings as errors, and the headers.
pub struct Compiler(Command);

impl Compiler {
    pub fn c(standard: &str) -> Self {
        Self::named("CC", "cc", standard)
    }

    pub fn cpp(standard: &str) -> Self {
        Self::named("CXX", "c++", standard)
    }

    fn named(variable: &str, default: &str, standard: &str) -> Self {
        let compiler = std::env::var(variable).unwrap_or_else(|_| default.to_owned());
        // A variable such as CC may hold arguments too: "ccache gcc".
        let mut words = compiler.split_whitespace();
        let mut command = Command::new(words.next().expect("a compiler"));
        command.args(words).arg(format!("-std={standard}"));
        command.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-I"]).arg(include());
        Self(command)
    }

    pub fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.args(args);
        self
    }

    pub fn run(mut self, source: &Path, out: &Path) -> Output {
        let run = self.0.arg(source).arg("-o").arg(out).output();
        run.unwrap_or_else(|error| panic!("{:?} cannot be run ({error}): set CC or CXX to a compiler", self.0))
    }

    /// Compiles a program or library out of a file.
    pub fn compile(self, source: &Path, out: &Path) {
        let output = self.run(source, out);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// What the compiler says against a source, which it does not accept.
    pub fn refuses(self, source: &str, extension: &str) -> String {
        let folder = folder();
        let file = folder.path().join(format!("refused.{extension}"));
        std::fs::write(&file, source).unwrap();
        let output = self.args(["-fsyntax-only"]).run(&file, &folder.path().join("nothing"));
        assert!(!output.status.success(), "this compiles:\n{source}");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

/// Builds a library where it is missing or older than the test program, the headers and its source. Tests of other
/// processes that want it wait meanwhile.
pub fn built_once(name: &str, source: &Path, build: impl FnOnce(&Path)) -> PathBuf {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let library = home.join(name);
    let lock = std::fs::File::create(home.join(format!("{name}.lock"))).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let modified = |path: &Path| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let headers = std::fs::read_dir(include()).unwrap().map(|entry| entry.unwrap().path());
    let newest =
        headers.chain([source.to_owned(), std::env::current_exe().unwrap()]).filter_map(|path| modified(&path)).max();
    if newest > modified(&library) {
        let fresh = home.join(format!("{name}.fresh"));
        build(&fresh);
        std::fs::rename(fresh, &library).unwrap();
    }
    library
}

pub fn include() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("include")
}

/// A folder of a test's own for what it builds.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}
