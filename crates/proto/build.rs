//! Compiles the `.proto` files of this crate into Rust, without an installed `protoc`.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

/// Where the `.proto` files are, relative to this crate.
const PROTO_ROOT: &str = "proto";

fn main() -> Result<(), Box<dyn Error>> {
    let out_dir = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set by cargo")?);
    let root = Path::new(PROTO_ROOT);
    // Watching the folder notices new files too, not only changed ones.
    println!("cargo:rerun-if-changed={PROTO_ROOT}");
    println!("cargo:rerun-if-changed=build.rs");

    let files = proto_files(root)?;
    let mut compiler = protox::Compiler::new([root])?;
    compiler.include_imports(true);
    compiler.open_files(&files)?;

    // Two sets: one with comments, which become doc comments of the generated code, and a lean one
    // for the program to carry around.
    compiler.include_source_info(true);
    let commented = out_dir.join("commented.bin");
    fs::write(&commented, compiler.encode_file_descriptor_set())?;
    compiler.include_source_info(false);
    fs::write(out_dir.join("file_descriptor_set.bin"), compiler.encode_file_descriptor_set())?;

    connectrpc_build::Config::new()
        .descriptor_set(commented)
        .files(&files)
        .include_file("wire.rs")
        .gate_client_feature(true)
        // The set is made above, from sources whose changes are watched above.
        .emit_rerun_directives(false)
        .compile()?;
    Ok(())
}

/// All `.proto` files below `root`, as paths relative to it, in a fixed order.
fn proto_files(root: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "proto") {
                files.push(path.strip_prefix(root)?.to_path_buf());
            }
        }
    }
    files.sort();
    Ok(files)
}
