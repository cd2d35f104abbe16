//! Writes the test vectors below tests/vectors anew: `cargo run --example make_vectors`. What is
//! random in them comes from fixed labels, so running it changes a file only if the code has
//! changed what it makes; tests/vectors.rs compares.

#[path = "mod.rs"]
#[allow(dead_code, reason = "only the making half is used")]
mod vector;

use std::fs;

fn main() -> std::io::Result<()> {
    for folder in vector::FOLDERS {
        let folder = vector::top().join(folder);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        fs::create_dir(&folder)?;
    }
    for made in vector::make::all() {
        fs::write(made.path(), made.bytes())?;
    }
    Ok(())
}
