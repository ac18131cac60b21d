//! The scripts: every change of several steps is one of them, run by its hash.

use std::sync::OnceLock;

use redis::{Cmd, ToRedisArgs};

/// A Lua script, with the parts that it shares with others in front.
#[derive(Debug)]
pub(crate) struct Script {
    /// For metrics and logs.
    pub(crate) name: &'static str,
    /// Its text.
    pub(crate) code: &'static str,
    hash: OnceLock<String>,
}

macro_rules! scripts {
    ($($constant:ident = $name:literal: $first:literal, $($file:literal)+;)*) => {
        $(pub(crate) static $constant: Script = Script {
            name: $name,
            code: concat!($first, $(include_str!(concat!("lua/", $file, ".lua")),)+),
            hash: OnceLock::new(),
        };)*

        /// All of them, to be loaded into every Redis that is connected to.
        pub(crate) static ALL: &[&Script] = &[$(&$constant),*];
    };
}

// The first line says what becomes of a script when Redis is full: refused before it has done anything, or carried out,
// because it keeps or ends what is there. Without such a line Redis refuses at the first write that could need memory.
scripts! {
    PUBLISH = "publish": "#!lua\n", "say" "log" "publish";
    REVISE = "revise": "#!lua\n", "say" "log" "revise";
    HISTORY = "history": "", "log" "history";
    RECENT = "recent": "", "log" "recent";
    RECOVER = "recover": "", "log" "recover";
    REGISTER = "register": "#!lua flags=allow-oom\n", "clock" "lease" "register";
    RENEW = "renew": "#!lua flags=allow-oom\n", "clock" "lease" "renew";
    ENTER = "enter": "#!lua\n", "say" "clock" "people" "enter";
    LEAVE = "leave": "#!lua flags=allow-oom\n", "say" "clock" "people" "leave";
    BURY = "bury": "#!lua flags=allow-oom\n", "say" "clock" "lease" "people" "bury";
    VERSION = "version": "", "clock" "version";
}

impl Script {
    /// A call with these keys; arguments are added to it.
    pub(crate) fn on(&self, keys: &[impl ToRedisArgs]) -> Cmd {
        let mut cmd = redis::cmd("EVALSHA");
        cmd.arg(self.hash()).arg(keys.len()).arg(keys);
        cmd
    }

    fn hash(&self) -> &str {
        self.hash.get_or_init(|| redis::Script::new(self.code).get_hash().to_owned())
    }
}
