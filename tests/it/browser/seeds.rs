//! The tutorials' pages, copied out of their texts as a reader would: block by block. The texts are other people's
//! words and are not in the repository.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

/// A tutorial's text.
pub(crate) struct Seed(String);

impl Seed {
    /// The one of that number in the folder `$HUBBUB_SEEDS`. `None` says why the test is skipped.
    pub(crate) fn find(number: &str) -> Option<Self> {
        let Some(folder) = env::var_os("HUBBUB_SEEDS").map(PathBuf::from) else {
            eprintln!("SKIPPED: HUBBUB_SEEDS names no folder with the tutorials' texts");
            return None;
        };
        let mut files = fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let file = files.find(|file| {
            file.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{number}_")))
        });
        let Some(file) = file else {
            eprintln!("SKIPPED: the text of seed {number} is not in {}", folder.display());
            return None;
        };
        Some(Self(fs::read_to_string(file).expect("the tutorial's text")))
    }

    /// The fenced blocks, in order, without their fences.
    fn blocks(&self) -> Vec<&str> {
        let fenced = self.0.split("```").skip(1).step_by(2);
        fenced.map(|block| block.split_once('\n').map_or("", |(_language, code)| code)).collect()
    }

    /// The blocks that contain this.
    fn with<'a>(&'a self, words: &'a str) -> impl Iterator<Item = &'a str> {
        self.blocks().into_iter().filter(move |block| block.contains(words))
    }
}

/// Seed 002's walkthrough: its page comes in two blocks that follow each other.
pub(crate) fn walkthrough(seed: &Seed, folder: &Path) {
    let blocks = seed.blocks();
    let first = blocks.iter().position(|block| block.contains("io.connect")).expect("its page");
    write(folder, "index.html", &blocks[first..first + 2].concat());
}

/// Seed 002's source code at the end: one block.
pub(crate) fn last_page(seed: &Seed, folder: &Path) {
    write(folder, "index.html", seed.with("io.connect").last().expect("its last page"));
}

/// Seed 003: a style sheet, a page, and what is added to the page step by step.
pub(crate) fn bocadillo(seed: &Seed, folder: &Path) {
    let one = |words| seed.with(words).next().expect("a block of the tutorial");
    let page = one("<!DOCTYPE html>");
    let library = one("<script src=").lines().find(|line| line.contains("<script src=")).expect("a line");
    let script = one("const socket = io(");
    let (_, script) = script.split_once("<script>").expect("a script");
    let (script, _) = script.split_once("</script>").expect("its end");
    let added = format!("{library}\n<script>{script}\n{}</script>\n</body>", one("formEl.onsubmit"));
    write(folder, "index.html", &page.replace("</body>", &added));
    fs::create_dir(folder.join("static")).expect("a folder for the style sheet");
    write(folder, "static/styles.css", one("/* static/styles.css */"));
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("to write the page down");
}
